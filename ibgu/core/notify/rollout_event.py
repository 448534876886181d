"""Facts: the events of the history that notifications read, in the log's own words."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from ibgu.core.model import Kind

PROGRESS_KINDS = frozenset(kind for kind in Kind if kind.name.startswith("RUN_")) | {
    Kind.STEP_STARTED,
    Kind.FINISHED,
    Kind.RETURNED,
    Kind.ACTION_REPEATED,
    Kind.ACTION_SKIPPED,
    Kind.ADOPTED,
    Kind.STEP_ADOPTED,
    Kind.IMPORTED,
    Kind.CLOCK_STARTED,
}
"""Events after which a rollout has not stalled."""
MEMBER_KINDS = frozenset({Kind.FINISHED, Kind.IMPORTED, Kind.MEMBER_ADOPTED, Kind.COMPLETED_LATE})
"""Events that may show how a member ended."""
STEP_KINDS = frozenset(
    {
        Kind.STEP_ADOPTED,
        Kind.STEP_OPENED,
        Kind.STEP_STARTED,
        Kind.STEP_HELD,
        Kind.STEP_RELEASED,
        Kind.STEP_FINISHED,
        Kind.CLOCK_STOPPED,
        Kind.CLOCK_STARTED,
        Kind.FOLLOW_UP,
        Kind.IMPORTED,
    }
)
ROLLOUT_KINDS = frozenset(
    {
        Kind.ROLLOUT_SEEN,
        Kind.PLAN_ACCEPTED,
        Kind.ROLLOUT_STARTED,
        Kind.ROLLOUT_HELD,
        Kind.ROLLOUT_RELEASED,
        Kind.ROLLOUT_COMPLETED,
        Kind.ROLLOUT_DELETED,
        Kind.ADOPTED,
        Kind.CONTROL,
        Kind.APPROVAL_ASKED,
        Kind.BREAK_GLASS,
        Kind.IMPORTED,
    }
)
READ = PROGRESS_KINDS | MEMBER_KINDS | STEP_KINDS | ROLLOUT_KINDS
"""The kinds of events that notifications follow from; no other needs to be read."""


class RolloutEvent(Struct, frozen=True, kw_only=True):
    """One event, with the name of its rollout."""

    seq: int
    at: datetime
    rollout: str
    namespace: str
    name: str
    step: int | None = None
    """Counts from 0."""
    cluster: str | None = None
    kind: str
    why: str = ""
    cause: str | None = None
    actor: str = ""
    data: dict[str, Any] = {}
