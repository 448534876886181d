"""The input of an explanation, and its output."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import ActingParty, ActionName, Member, Reason, Run
from ibgu.core.model.preflight import RecordedFinding
from ibgu.core.views.display import DisplayState


class PastStep(Struct, frozen=True):
    """One step that the cluster was in."""

    member: Member
    runs: Sequence[Run] = ()
    """All attempts in the step, oldest first."""


class ExplainCase(Struct, frozen=True, kw_only=True):
    rollout: str
    """namespace/name"""
    member: Member
    action: ActionName | None
    """The current or next action; None once the member has finished."""
    hold: Reason | None
    """Why nothing new starts in the rollout or step; None: nothing holds it."""
    past: Sequence[PastStep]
    """The steps in the history, oldest first, including the explained one."""
    now: datetime
    duration_stats: DurationsByAction
    preflight: Sequence[RecordedFinding] = ()
    """What preflight had found of the cluster, or of the plan, before the step (R46.8)."""


class Line(Struct, frozen=True):
    at: datetime
    text: str


class Explained(Struct, frozen=True, kw_only=True, rename="camel"):
    """The explanation of one member in sentences. None: does not apply."""

    cluster: str
    rollout: str
    step: int
    """Counts from 1."""
    state: DisplayState
    headline: str
    why: str | None
    kind: str | None
    """The known failure, else the reason, else the cause."""
    policy: str | None
    """The policy whose gate is closed."""
    since: datetime | None
    ends: str | None
    until: datetime | None
    """When the reason ends by itself, where that is known."""
    who: ActingParty | None
    """Who must act; None: no one. A person once the reason is overdue."""
    overdue: datetime | None
    """Since when the reason has lasted longer than usual."""
    means: str | None
    do: str | None
    words: str | None
    """The cluster's own last words, if they are not in `why`."""
    remedy: str | None
    """The remedy for a known failure."""
    guide: str | None
    """The recovery guide of a known failure, as docs/page.md#heading."""
    limit: datetime | None
    late: str | None
    """The late completion, after the member had ended."""
    warning: str | None
    """What the cluster warned of when it completed its last action."""
    rollback_until: datetime | None
    """Until when the cluster can be rolled back."""
    paused_since: datetime | None
    """Since when parts of the cluster may be paused."""
    preflight: list[str]
    """What preflight had found before the step, errors first: what may keep or fail a member that
    has not finished, or what may have said before how it failed."""
    history: list[Line]
