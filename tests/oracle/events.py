"""The event log as it is read: in its own words, not in the engine's types.

Events of an older or newer version of ibgu are readable too, so kinds and causes are strings.
"""

from datetime import datetime
from typing import Any

from msgspec import Struct


class Event(Struct, frozen=True):
    """One event. The order of the fields is that of the digest: never change it."""

    seq: int
    epoch: int
    at: datetime
    rollout: str
    step: int | None
    cluster: str | None
    cluster_uid: str | None
    run: str | None
    kind: str
    why: str
    cause: str | None
    warning: bool
    actor: str
    data: dict[str, Any]


class Leader(Struct, frozen=True):
    """The leader of an epoch; its events have numbers above `after_seq`."""

    epoch: int
    holder: str
    since: datetime
    after_seq: int


def completed_late(event: Event) -> bool:
    """Whether the member's failure counts no longer: its action was completed late. It may have
    failed at the next one, which never started."""
    late = event.data.get("late") or event.cause == "NeverStarted"
    return event.kind == "CompletedLate" and bool(late)
