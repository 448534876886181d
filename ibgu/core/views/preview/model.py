"""A proposed plan, and its preview."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from ibgu.core.engine.driver import Driver
from ibgu.core.engine.gates import Candidate, Gate
from ibgu.core.engine.state.budgets import PolicyBudget
from ibgu.core.engine.state.canaries import PolicyCanaries
from ibgu.core.engine.state.failures import FailedMember
from ibgu.core.engine.state.policy_limits import PolicyLimits
from ibgu.core.engine.timing.rate_limits import UNLIMITED, RateLimits
from ibgu.core.model import ActionName, ClusterView, Observation, limits_starts
from ibgu.core.model.kinds import RolloutSpec
from ibgu.core.plan import EVERYWHERE, Scope, Started
from ibgu.core.views.forecast import Forecast


class RunningStep(Struct, frozen=True):
    """The step that runs now."""

    left: int
    """Members that have not finished."""
    deadline: datetime
    lost: frozenset[str] = frozenset()
    """Members that have ended without success."""
    in_flight: frozenset[str] = frozenset()


class Proposal(Struct, frozen=True):
    driver: Driver
    spec: RolloutSpec
    """The spec with the whole plan."""
    begun: Sequence[Started] = ()
    running: RunningStep | None = None
    """The last begun step; None: it has finished."""
    annotations: Mapping[str, str] = {}
    """The IBGU's annotations: those for the clusters, and its own."""
    rate_limits: RateLimits = UNLIMITED
    scope: Scope = EVERYWHERE
    """The clusters that its namespace may use."""
    barred: frozenset[str] = frozenset()
    """uids of clusters that newer rollouts have taken over (R6.3)."""
    hub_rate: int = 0
    """Starts a minute on the whole hub; 0: no limit."""
    upgrade_backups: bool = False
    """Whether annotations may ask for a backup before Upgrade."""
    policies: tuple[Gate, ...] = ()
    """Gates of policies, which are asked besides the engine's own (R18.7)."""
    limits: tuple[PolicyLimits, ...] = ()
    canaries: tuple[PolicyCanaries, ...] = ()
    budgets: tuple[PolicyBudget, ...] = ()
    """Those of the same policies."""
    failures: tuple[FailedMember, ...] = ()
    """Those of the hub that its budgets count for the rollout, in order of time."""
    policies_unknown: str = ""
    """Why the policies are not known to the user who asks; empty: they are."""

    @property
    def rollback_time(self) -> timedelta:
        return self.driver.rollback_time(self.spec)

    def lacks_backup(self, action: ActionName) -> str:
        return self.driver.lacks_backup(action, self.spec, self.annotations)

    def candidate(
        self, cluster: ClusterView, rest: Sequence[ActionName], now: datetime, begun: bool = False
    ) -> Candidate:
        """Returns what gates are asked about: a cluster that would start the first of these
        actions. `begun`: whether it has carried out another one of the step."""
        return Candidate(
            action=rest[0],
            rest=rest,
            begun=begun,
            cluster=cluster,
            seen=Observation(cluster=cluster),
            scope=self.scope,
            annotations=self.annotations,
            lacks_backup=self.lacks_backup,
            now=now,
        )

    def rate_limits_of(self, actions: Iterable[ActionName]) -> RateLimits:
        """Returns the limits of a step of these actions, if no other rollout starts anything."""
        return self.rate_limits.within(self.hub_rate) if limits_starts(actions) else UNLIMITED


class Excluded(Struct, frozen=True):
    """Clusters that the selectors match, and that the first step does not take."""

    why: str
    clusters: tuple[str, ...]


class TimeNeeded(Struct, frozen=True):
    """The time that a site takes for the step's actions on this hub."""

    p50: timedelta
    p95: timedelta
    count: int
    """Measurements of the action that was measured least."""


class StepPreview(Struct, frozen=True):
    index: int
    """The step's place in the plan, from 0."""
    actions: tuple[str, ...]
    clusters: tuple[str, ...]
    """Cluster names in the order of starts, if all goes well before."""
    slots: int
    waves: int
    timeout: timedelta
    allowed: timedelta
    """A site's share of the timeout (R11.1)."""
    measured: TimeNeeded | None
    """None: not measured often enough."""
    advice: str
    """Empty: none."""
    rate_limits: RateLimits = UNLIMITED

    @property
    def enough(self) -> bool | None:
        return None if self.measured is None else self.allowed >= self.measured.p95


class Preview(Struct, frozen=True):
    problems: tuple[str, ...] = ()
    """Why the plan can't be carried out at all."""
    selected: tuple[str, ...] = ()
    """The clusters of the first step shown."""
    excluded: tuple[Excluded, ...] = ()
    steps: tuple[StepPreview, ...] = ()
    """Steps that have not begun."""
    nobody: str = ""
    """Why no cluster can start the first step; empty: some can."""
    starts: str = ""
    """When the first step shown starts its clusters, as a verb of what carries it out; empty: there
    is no step, or another one runs before."""
    warnings: tuple[str, ...] = ()
    forecast: Forecast = Forecast()
    latest: datetime | None = None
