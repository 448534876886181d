"""`status.summary`: ibgu's counts, an addition to TALM's status."""

from msgspec import to_builtins

from ibgu.core.book import Book


def summary_of(book: Book) -> dict[str, int] | None:
    """Return the counts of the whole rollout, and the newest step (from 1); None before it."""
    if not book.steps:
        return None
    return {"step": len(book.steps), **to_builtins(book.counts)}
