"""The conditions of an IBGU's status; Progressing keeps TALM's words (facts: talm.md section 4)."""

from collections.abc import Iterable
from datetime import datetime

from ibgu.core.book import Book
from ibgu.core.kinds import Condition, JsonObject
from ibgu.core.model import Reason, ReasonKind, RolloutState
from ibgu.core.snapshot import PayloadState
from ibgu.core.status.summary import summary_of

_DONE = "All plan steps are completed"
_WAITING = "Waiting for plan step {} to be completed"


def conditions(
    book: Book, payload: PayloadState, before: Iterable[Condition], now: datetime
) -> list[JsonObject]:
    """All of them; `before` (those on the hub) keeps the times of what did not flip."""
    old = {condition.type: condition for condition in before}
    wanted = [_progressing(book), *_held(book), *_payload(book, payload)]
    return [_stamped(condition, old.get(condition["type"]), book, now) for condition in wanted]


def _stamped(condition: JsonObject, old: Condition | None, book: Book, now: datetime) -> JsonObject:
    same = old is not None and old.status == condition["status"] and old.last_transition_time
    since = same or now.strftime("%Y-%m-%dT%H:%M:%SZ")
    generation = book.rollout.generation
    return {**condition, "lastTransitionTime": since, "observedGeneration": generation}


def _condition(type_: str, status: str, reason: str, message: str) -> JsonObject:
    return {"type": type_, "status": status, "reason": reason, "message": message[:32768]}


def _progressing(book: Book) -> JsonObject:
    if book.rollout.state is RolloutState.COMPLETE:
        return _condition("Progressing", "False", "Completed", f"{_DONE}{_counts(book)}")
    index = max(0, len(book.steps) - 1)
    words = f"{_WAITING.format(index)}{_counts(book)}"
    return _condition("Progressing", "True", "InProgress", words)


def _counts(book: Book) -> str:
    summary = summary_of(book)
    if summary is None:
        return ""
    done = summary["succeeded"] + summary["failed"] + summary["skipped"]
    failed = f", {summary['failed']} failed" if summary["failed"] else ""
    return f" ({done} of {summary['total']} clusters done{failed})"


def hold_of(book: Book) -> Reason | None:
    """Why nothing new starts; None: nothing keeps it."""
    step = book.current
    return book.rollout.hold or (step.step.hold if step else None)


def _held(book: Book) -> list[JsonObject]:
    hold = hold_of(book)
    if hold is None:
        return []
    type_ = "InvalidPlan" if hold.kind is ReasonKind.INVALID_PLAN else "Held"
    return [_condition(type_, "True", hold.kind, hold.message)]


def _payload(book: Book, payload: PayloadState) -> list[JsonObject]:
    if not payload.warnings:
        return []
    words = "; ".join(payload.warnings)
    return [_condition("PayloadComplete", "False", "Missing", words)]
