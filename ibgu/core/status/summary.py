"""`status.phase` and `status.summary`: ibgu's additions to TALM's status."""

from ibgu.core.book import Book, StepBook
from ibgu.core.model import MemberState, Outcome, ReasonKind, RolloutState


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


def phase_of(book: Book) -> str:
    rollout = book.rollout
    if rollout.hold is not None:
        return "Invalid" if rollout.hold.kind is ReasonKind.INVALID_PLAN else "Held"
    if book.current is not None and book.current.step.hold is not None:
        return "Held"
    if complete(book):
        return "Completed"
    return "Pending" if rollout.state is RolloutState.PENDING else "Running"


def complete(book: Book) -> bool:
    """Every step of the accepted plan is finished; an appended one may wait behind a hold."""
    rollout = book.rollout
    return rollout.state is RolloutState.COMPLETE and len(book.steps) >= len(rollout.spec.plan)
