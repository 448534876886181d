"""`status.summary`: ibgu's counts, an addition to TALM's status."""

from ibgu.core.book import Book, StepBook
from ibgu.core.model import MemberState, Outcome


def summary_of(book: Book) -> dict[str, int] | None:
    """Counts of the newest step (`step` counts from 1); None before the first one."""
    if not book.steps:
        return None
    step = book.steps[-1]
    return {"step": step.step.index + 1, "total": step.step.total, **counts_of(step)}


def counts_of(step: StepBook) -> dict[str, int]:
    """Cancelled members count as failed, as they do in `failedActions`."""
    counts = step.counts
    return {
        "waiting": counts[MemberState.WAITING],
        "running": counts[MemberState.IN_FLIGHT],
        "succeeded": counts[Outcome.SUCCEEDED],
        "failed": counts[Outcome.FAILED] + counts[Outcome.CANCELLED],
        "skipped": counts[Outcome.SKIPPED],
    }
