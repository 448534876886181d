"""What the reads answer."""

from datetime import datetime
from typing import Any, Generic, TypeVar

from msgspec import Struct

from ibgu.core.model import (
    Action,
    Cause,
    Member,
    MemberState,
    Outcome,
    Reason,
    ReasonKind,
    Rollout,
    Run,
    Step,
    Who,
)

T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True):
    items: tuple[T, ...]
    next: str | None = None
    """The cursor of the following page; None: this is the last one."""


class Counts(Struct, frozen=True):
    """Members of a step; `total` is the sum of the others."""

    total: int = 0
    waiting: int = 0
    in_flight: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    cancelled: int = 0


class StepRow(Struct, frozen=True):
    step: Step
    counts: Counts


class RolloutRow(Struct, frozen=True):
    rollout: Rollout
    current: StepRow | None
    """The newest step; None before the first one."""


class MemberRow(Struct, frozen=True):
    member: Member
    namespace: str
    name: str
    """Of the rollout."""
    action: Action | None
    """Current or next; None once the member has finished."""
    hold: Reason | None
    """Why nothing new starts in its rollout or its step, if so."""


class VisitRow(Struct, frozen=True):
    """One step that a cluster was a member of."""

    member: MemberRow
    runs: tuple[Run, ...]
    """All attempts, oldest first."""


class EventRow(Struct, frozen=True):
    seq: int
    at: datetime
    rollout: str
    step: int | None
    cluster: str | None
    cluster_uid: str | None
    run: str | None
    kind: str
    """As a rule a `Kind`; other versions of ibgu may have written others."""
    why: str
    cause: str | None
    warning: bool
    actor: str
    """Who asked for it; empty: ibgu itself."""
    data: dict[str, Any]


class FailedRow(Struct, frozen=True):
    """Members of a step that failed, or were cancelled, with the same words."""

    step: int
    action: Action | None
    outcome: Outcome
    cause: Cause | None
    message: str
    count: int
    clusters: tuple[str, ...]
    """The first ones, in the step's order."""


class ReasonRow(Struct, frozen=True):
    """How many unfinished members of a step have a reason of their own."""

    step: int
    state: MemberState
    kind: ReasonKind
    who: Who
    count: int
