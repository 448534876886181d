"""The input of a decision cycle."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from msgspec import Struct

from ibgu.core.engine.driver import Driver
from ibgu.core.engine.gate import Gate
from ibgu.core.engine.state.budgets import PolicyBudget
from ibgu.core.engine.state.canaries import PolicyCanaries
from ibgu.core.engine.state.demands import PolicyDemands
from ibgu.core.engine.state.fleet import FleetState
from ibgu.core.engine.state.retries import RetryPolicy
from ibgu.core.engine.state.rollout import TrackedRollout
from ibgu.core.engine.state.step import TrackedStep
from ibgu.core.model import ActionName, ClusterView, Observation, Rollout, traits
from ibgu.core.model.follow_ups import ShownFollowUp
from ibgu.core.model.grants import Grants
from ibgu.core.model.kinds import RolloutObject
from ibgu.core.model.preflight import PreflightResult
from ibgu.core.model.seed_image import SeedCircuitBreaker
from ibgu.core.model.start_facts import StartFacts
from ibgu.core.plan.tenancy import EVERYWHERE, Scope
from ibgu.core.talm.adopt import NO_TRACES, Traces


class PayloadState(Struct, frozen=True):
    """The payload that the current step would carry to its clusters, as last read from the hub."""

    digest: str = ""
    """The digest of the content; empty: nothing to carry."""
    problem: str = ""
    """Why no cluster may be touched (refused, forbidden, too large); empty: no problem."""
    warnings: tuple[str, ...] = ()
    """Content that is missing on the hub; users may deliver it another way."""
    unchecked: str = ""
    """Content that is carried although it was not checked that the IBGU's author may read it."""
    read: bool = True
    """False until the content has been read: a step with Prep can't start before."""
    outdated: bool = False
    """Whether people have approved a step since it was read."""
    authors: Mapping[str, str] = {}
    """The annotations that named authors of steps when it was read."""

    @property
    def fresh(self) -> bool:
        """Whether it is what those have seen who have approved a step."""
        return self.read and not self.outdated


class SeedBreaker(Struct, frozen=True):
    """SeedBreaker is the circuit breaker of one entry of the catalogue, or of one policy."""

    name: str
    """The name of the SeedImage, or of the RolloutPolicy."""
    limits: SeedCircuitBreaker
    of_policy: bool = False
    concerns: Callable[[TrackedStep], bool] = lambda step: True
    """Whether it may hold a step."""


class SeedState(Struct, frozen=True):
    """SeedState is what the catalogue says of the rollout's seed image."""

    breakers: tuple[SeedBreaker, ...] = ()
    """Several entries may be about one image; they are in order of their names."""
    problem: str = ""
    """Why the catalogue can't be read; empty: it is read, or the hub has none."""


class Consent(Struct, frozen=True):
    """Consent is what people allow a rollout, as far as it is proven who they are."""

    grants: Grants = Grants()
    namespace: str = ""
    """The namespace of the rollout, and of its grants."""
    rollout: str = ""
    """The name of the rollout."""
    authors: Mapping[int, str] = {}
    """The users who have proven that they are the authors of steps, by the step's index."""
    former_authors: Mapping[int, str] = {}
    """The authors of steps that have become other ones since, by the step's index."""
    can_prove: bool = True
    """Whether authors of this rollout can be proven."""
    problem: str = ""
    """Why it is not known who has approved; empty: it is."""


class Facts(Struct, frozen=True):
    """Facts that hold on the whole hub."""

    in_sync_since: datetime
    """Since when mirrors and journal are complete (R11.7)."""
    led_since: datetime | None = None
    """Since when this controller has led and seen the hub without a gap; a lease that it lost and
    regained at once is no gap (R23.5). None: since `in_sync_since`."""
    talm_hold: str = ""
    """Why nothing is written beside a live TALM (R20.1); empty: no live one, or the policy keeps it
    from IBGUs (R20.7)."""
    beside_talm: bool = False
    """Whether a live TALM is on the hub, and the policy keeps it from IBGUs (R20.7)."""
    talm_breaches: Mapping[str, str] = {}
    """Why nothing starts for the rollouts of a namespace, where something of TALM's has appeared in
    spite of the policy (R20.7)."""
    starts_per_minute: int = 0
    """The limit in any window of a minute, over all rollouts; 0: no limit."""
    upgrade_backups: bool = False
    """Whether an IBGU may ask for a backup of each cluster before its Upgrade: who may annotate
    one then runs an image of their own as root on its clusters' nodes."""

    def talm_hold_in(self, namespace: str) -> str:
        """Returns why nothing starts there beside a live TALM; empty: it may."""
        return self.talm_hold or self.talm_breaches.get(namespace, "")

    def armable_since(self, action: ActionName) -> datetime:
        """Returns since when an intent of that action may still be armed. An Abort arms only on a
        recent probe (R9.4)."""
        return self.in_sync_since if traits(action).aborts else self.led_since or self.in_sync_since


class StartingMember(Struct, frozen=True):
    """StartingMember is a cluster that starts an action, with its rollout."""

    action: ActionName
    cluster: ClusterView
    fleet: FleetState
    tracked: TrackedRollout
    step: TrackedStep
    author: str
    """The user who has proven that the step is theirs; empty: nobody has."""
    now: datetime


StartFactsLookup = Callable[[StartingMember], StartFacts | None]
"""Returns what policies read of a cluster that starts an action; None: nothing."""
UNNAMED = "via the hub"
"""The actor of an IBGU change that leaves no trace on the hub: what was removed has no owner."""


class Snapshot(Struct, frozen=True):
    """Snapshot holds what one cycle decides on. Only `fleet` changes meanwhile: the cycle's
    decisions are applied to it, and undone by the caller if they are not journaled."""

    fleet: FleetState
    tracked: TrackedRollout
    observe: Callable[[str], Observation]
    """Returns the observation of a cluster by name, for this rollout."""
    observe_for: Callable[[Rollout, str], Observation]
    """Returns the same for another rollout."""
    cluster: Callable[[str], ClusterView | None]
    """Returns a ManagedCluster by name: a part of what `observe` returns, without its cost."""
    named_alike: Callable[[str], Iterable[ClusterView]]
    """Returns the other ManagedClusters that carry the label of the cluster's name."""
    facts: Facts
    object: RolloutObject | None
    """The IBGU as the hub shows it; None: deleted."""
    driver: Driver
    """The driver of the rollout's kind of change."""
    namesake: str = ""
    """The kind of an older object with the same namespace and name; empty: there is none."""
    payload: PayloadState = PayloadState()
    preflight: PreflightResult | None = None
    """The newest evaluation of the current step by preflight's rules; None: there is none yet."""
    adoption: bool = False
    """Unfinished ClusterGroupUpgrades of this IBGU are on the hub (R20.2)."""
    seeds: SeedState = SeedState()
    traces: Traces = NO_TRACES
    """TALM's objects for this IBGU that are left on the hub."""
    scope: Scope = EVERYWHERE
    """The clusters that the rollout's namespace may use."""
    actor: str = UNNAMED
    """The user who changed the IBGU last, as far as the hub shows (its field manager)."""
    policies: tuple[Gate, ...] = ()
    """Gates of policies, which are asked besides the engine's own (R18.7)."""
    budgets: tuple[PolicyBudget, ...] = ()
    """The failure budgets of policies."""
    canaries: tuple[PolicyCanaries, ...] = ()
    """The canaries of policies."""
    follow_up: Callable[[str], ShownFollowUp] = lambda name: ShownFollowUp()
    """Returns what the hub shows of a second rollout that policies have asked for."""
    demands: tuple[PolicyDemands, ...] = ()
    """What policies demand beyond the rollout's annotations."""
    retries: tuple[RetryPolicy, ...] = ()
    """The policies that have failed clusters tried again."""
    start_facts: StartFactsLookup = lambda start: None
    policies_known: bool = True
    """Whether all policies that may hold the rollout can be followed."""
    grants: Grants | None = None
    """The grants of the rollout on the hub; None: they can't be read now. With a `grants_problem`
    they only say which are there."""
    grants_problem: str = ""
    """Why it is not known who wrote the grants; empty: it is."""
    authors_since: datetime | None = None
    """Since when nobody can name another one as the author of a step; None: anybody can."""
