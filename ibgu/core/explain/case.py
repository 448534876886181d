"""What an explanation is made from, and what it tells."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from ibgu.core.failures import Failure
from ibgu.core.forecast import DurationsByAction
from ibgu.core.model import Action, Cause, Member, Reason, ReasonKind, Run, Who
from ibgu.core.words import Word


class Past(Struct, frozen=True):
    """One step that the cluster was in."""

    member: Member
    runs: Sequence[Run] = ()
    """All attempts in it, oldest first."""


class Case(Struct, frozen=True, kw_only=True):
    rollout: str
    """namespace/name"""
    member: Member
    action: Action | None
    """Current or next; None once it has finished."""
    hold: Reason | None
    """Why nothing new starts in its rollout or step, if so."""
    past: Sequence[Past]
    """The steps that the history tells, oldest first, with the one that is explained."""
    now: datetime
    duration_stats: DurationsByAction


class Line(Struct, frozen=True):
    at: datetime
    text: str


class Explained(Struct, frozen=True, kw_only=True, rename="camel"):
    """One member in sentences. What does not apply is None."""

    cluster: str
    rollout: str
    step: int
    """From 1."""
    state: Word
    headline: str
    why: str | None
    kind: Failure | ReasonKind | Cause | None
    """The known failure, else the reason, else the cause."""
    since: datetime | None
    ends: str | None
    until: datetime | None
    """When it ends by itself, where that is known."""
    who: Who | None
    """Who must act; None: nobody. Once the reason is overdue: a person."""
    overdue: datetime | None
    """Since when the reason has lasted longer than usual."""
    means: str | None
    do: str | None
    words: str | None
    """The cluster's own last ones."""
    remedy: str | None
    """Of a known failure."""
    limit: datetime | None
    late: str | None
    """What came true after it had ended."""
    history: list[Line]
