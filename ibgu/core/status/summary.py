"""`status.summary`: ibgu's counts, an addition to TALM's status."""

from msgspec import to_builtins

from ibgu.core.book import Book


def summary_of(book: Book) -> dict[str, int] | None:
    """Return the counts of the whole rollout, and the newest step (from 1); None before it.

    `stepTotal` is of that step alone, 0 as long as it opens: who rebuilds a lost journal from the
    status knows by it whether anybody belongs to the step.
    """
    if not book.steps:
        return None
    total = book.steps[-1].step.total
    return {"step": len(book.steps), "stepTotal": total, **to_builtins(book.counts)}
