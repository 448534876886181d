"""Declares what the reads return."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from msgspec import Struct

from ibgu.core.engine.timing.durations import DurationStats
from ibgu.core.model import (
    ActingParty,
    ActionName,
    Cause,
    Member,
    MemberState,
    Outcome,
    PendingPatch,
    Reason,
    ReasonKind,
    Rollout,
    Run,
    RunResult,
    Step,
)
from ibgu.core.model.counts import Counts, ReportCounts
from ibgu.core.model.kinds import JsonObject
from ibgu.core.views.forecast import IntervalCounts
from ibgu.core.views.overdue import Attempt
from ibgu.core.views.status import kept_by

T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True):
    items: tuple[T, ...]
    next: str | None = None
    """The cursor of the following page; None: this is the last one."""


class ReasonRow(Struct, frozen=True):
    """ReasonRow counts the unfinished members of a step that have a reason of their own."""

    rollout: str
    step: int
    state: MemberState
    kind: ReasonKind
    who: ActingParty
    count: int
    since: datetime
    """The time since when one member has had it, the longest."""
    message: str
    """The message of one of them: of the one whose reason ends first, where that is known."""
    gate: str = ""
    """The gate of a policy that keeps them; empty: none does."""
    until: datetime | None = None
    """When the first of them has it no longer, where that is known."""
    overdue: int = 0
    """Waiting members that have had the reason for longer than usual."""
    messages: int = 1
    """The different messages that they have."""
    approvals: tuple[str, ...] = ()
    """What approvals have to name with `before` to end their reasons."""


def soonest(rows: Sequence[ReasonRow]) -> ReasonRow:
    """Returns the row whose reason ends first; the first row, if that is not known of any."""
    known = [(each.until, index) for index, each in enumerate(rows) if each.until is not None]
    return rows[min(known)[1] if known else 0]


def are_alike(rows: Sequence[ReasonRow]) -> bool:
    """Returns whether all members that the rows count have the same message."""
    return all(each.messages <= 1 for each in rows) and len({each.message for each in rows}) <= 1


class FlightRow(Struct, frozen=True):
    """FlightRow is a member in flight."""

    rollout: str
    step: int
    cluster: str
    action_index: int
    action: ActionName | None
    """The action of its newest run, while that is open."""
    started: datetime | None
    """When that run was decided."""
    began: datetime | None
    """When it went to the cluster; None: it has not yet."""
    limit: datetime | None
    kind: ReasonKind
    who: ActingParty
    since: datetime
    """The time since when it has its reason."""
    gate: str = ""
    """The gate of a policy that keeps it; empty: none does."""

    @property
    def attempt(self) -> Attempt | None:
        if self.action is None or self.started is None:
            return None
        return Attempt(self.action, self.started, self.began)


class StepRow(Struct, frozen=True):
    step: Step
    counts: Counts
    now: datetime
    """When it was read, by the database's clock."""
    reasons: tuple[ReasonRow, ...] = ()
    """The reasons of its unfinished members; what a hold makes of them is not in it."""
    flights: tuple[FlightRow, ...] = ()


class RolloutRow(Struct, frozen=True):
    rollout: Rollout
    current: StepRow | None
    """The newest step; None before the first one."""
    now: datetime
    """When it was read, by the database's clock."""
    counts: Counts = Counts()
    """The counts of the whole rollout."""
    actor: str = ""
    """The author, as far as the first event tells."""
    reports: ReportCounts = ReportCounts()


class RolloutListing(Page[RolloutRow], frozen=True):
    """RolloutListing is a page of rollouts as of one moment."""

    seq: int = 0
    """The hub's newest event at that moment."""
    others: tuple[RolloutRow, ...] = ()
    """Rollouts on the hub that are not on this page; in their steps only unfinished members are
    counted. Empty if not requested."""


class RolloutAndStep(Struct, frozen=True):
    """RolloutAndStep is a rollout with its newest step, without counts."""

    rollout: Rollout
    newest: Step | None

    @property
    def hold(self) -> Reason | None:
        """Why members that could start don't, rate limits included."""
        return kept_by(self.rollout, self.newest)


class MemberRow(Struct, frozen=True):
    member: Member
    namespace: str
    name: str
    """The rollout's name."""
    action: ActionName | None
    """Current or next; None once the member has finished."""
    hold: Reason | None
    """Why nothing new starts in its rollout or step, if so."""
    now: datetime
    """When it was read, by the database's clock."""

    @property
    def began(self) -> datetime | None:
        """The time at which the current run went to the cluster."""
        run = self.member.run
        return run.arming_at if run and run.open else None


class VisitRow(Struct, frozen=True):
    """VisitRow is one step that a cluster was a member of."""

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
    """Usually a `Kind`; other versions of ibgu may have written others."""
    why: str
    cause: str | None
    warning: bool
    actor: str
    """The person who asked for it; empty: ibgu itself."""
    data: dict[str, Any]


class FailedRow(Struct, frozen=True):
    """FailedRow groups members of a step that failed, or were cancelled, with the same message."""

    step: int
    action: ActionName | None
    outcome: Outcome
    cause: Cause | None
    message: str
    count: int
    clusters: tuple[str, ...]
    """The first ones, in the step's order."""
    aborted: frozenset[str] = frozenset()
    """The ones of those that a later step took back to Idle."""


class GridRow(Struct, frozen=True):
    seq: int
    """The hub's newest event when the cells were read."""
    cells: tuple[tuple[Any, ...], ...]
    """cluster, state, reason's kind, reason's since (text), outcome, cause, ended at, failed
    action, message, late, overdue (of the waiting ones): plain values, for thousands of them are
    read at once."""
    now: datetime
    """The time by the database's clock."""
    flights: tuple[FlightRow, ...] = ()


class ProgressRow(Struct, frozen=True):
    """ProgressRow shows how a step has gone, in intervals of equal length from its start."""

    step: Step
    interval: timedelta
    changes: tuple[IntervalCounts, ...]


class SelectedRow(Struct, frozen=True):
    """SelectedRow is a rollout counted over some of its clusters."""

    clusters: frozenset[str]
    counts: Counts
    steps: tuple[StepRow, ...]


class ReportRow(Struct, frozen=True):
    """ReportRow counts what clusters of one step report at the end of their actions."""

    step: int
    warned: int
    """Clusters with a warning."""
    rollback: int
    """Clusters with a deadline for a rollback."""


class ViewRow(Struct, frozen=True):
    """ViewRow is a rollout with one of its steps, as of one moment."""

    rollout: RolloutRow
    steps: tuple[StepRow, ...]
    """The steps that have been opened, in order."""
    grid: GridRow
    """The grid of the step below; without one it has no cells."""
    step: Step | None = None
    """The one that was asked for; None: it has not been opened."""
    failed: tuple[FailedRow, ...] = ()
    course: ProgressRow | None = None
    selected: SelectedRow | None = None
    """Over the clusters that have the labels; None: none were asked for."""
    reports: tuple[ReportRow, ...] = ()
    """The steps with reports, in order."""


class DurationRow(Struct, frozen=True):
    """DurationRow holds how long an action took that ended so, in seconds."""

    action: ActionName
    result: RunResult
    count: int
    p50: float
    p90: float
    p95: float
    max: float
    spread: tuple[float, ...]
    """Ten equally likely durations."""

    @property
    def stats(self) -> DurationStats:
        return DurationStats(self.count, self.p50, self.p95, self.spread)


class HeldRow(ReasonRow, frozen=True, kw_only=True):
    """HeldRow counts the members of a step that a policy keeps."""

    namespace: str
    name: str
    """The rollout's name."""
    clusters: tuple[str, ...]
    """The first ones, in the step's order."""
    author: str = ""
    """The author of the step; empty: that is not known."""


class PolicyRow(Struct, frozen=True):
    """PolicyRow is a policy that is in force, or that keeps members."""

    name: str
    held: tuple[HeldRow, ...]
    generation: int | None = None
    """None: the controller could not read this version."""
    since: datetime | None = None
    spec: JsonObject | None = None


class PolicyListing(Struct, frozen=True):
    """PolicyListing has the policies as of one moment."""

    now: datetime
    """When it was read, by the database's clock."""
    items: tuple[PolicyRow, ...]
    """The policies in order of their names."""
    unknown: tuple[HeldRow, ...] = ()
    """The members that wait because the policies of the hub are not known."""


class VisitListing(Page[VisitRow], frozen=True):
    """VisitListing is a page of the steps that a cluster was in, as of one moment."""

    newest_event: int = 0
    """Number of the cluster's newest event at that moment; 0: none is kept."""


class ClaimRow(Struct, frozen=True):
    """ClaimRow is a rollout's claim on a cluster, with its slot."""

    namespace: str
    name: str
    """The rollout's name."""
    rollout: str
    step: int
    slot: int
    taken_at: datetime


class ClusterRow(Struct, frozen=True):
    """ClusterRow shows the claims and pending patches of the clusters that have, or had, a name."""

    claims: tuple[ClaimRow, ...]
    pending_patches: tuple[PendingPatch, ...]
    labels: dict[str, str] | None
    """The ManagedCluster's labels, as the leader saw them last; None if unknown."""


class SeedFailureRow(Struct, frozen=True):
    """SeedFailureRow counts clusters that failed with a seed image for one reason, and were never
    upgraded to it."""

    action: ActionName
    cause: Cause | None
    message: str
    count: int


class SeedRow(Struct, frozen=True):
    """SeedRow is a seed image that rollouts have used."""

    seed: str
    """The digest, or the address of an image that is named by a tag."""
    images: tuple[str, ...]
    """The addresses under which rollouts name it."""
    releases: tuple[str, ...]
    rollouts: int
    counted: int
    """The newest of these, which the counts below cover."""
    upgraded: int
    rolled_back: int
    failures: tuple[SeedFailureRow, ...] = ()
    """The most frequent first."""
    held: int = 0
    """The rollouts that the circuit breaker of the image holds now."""
