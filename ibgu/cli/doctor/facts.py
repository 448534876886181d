"""Declares what was learned of hub and database, as plain data that can be judged without them."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from ibgu.core.plan.references import UncheckedPolicy
from ibgu.db.health import Health
from ibgu.hub.authorization.rights import Right
from ibgu.hub.discovery import Served
from ibgu.hub.election.competing_leases import CompetingLease


class Unknown(Struct, frozen=True):
    """Unknown: it could not be determined."""

    why: str


class NotTried(Struct, frozen=True):
    """NotTried: it was not tried, for the given reason."""

    why: str


Missing = Unknown | NotTried


class Subject(Struct, frozen=True):
    """Subject names who has rights, for messages."""

    name: str
    account: str = ""
    """namespace:name where it is a ServiceAccount."""


class HubConnection(Struct, frozen=True):
    url: str
    user: str
    """The hub's name of the kubeconfig's user; empty where it can't say."""


class Rights(Struct, frozen=True):
    subject: Subject
    asked: int
    refused: tuple[Right, ...]


class PayloadAccess(Struct, frozen=True):
    """PayloadAccess says where ibgu may read what it carries to clusters."""

    named: Rights
    """To read by name what IBGUs refer to."""
    meant: Rights
    """To read in the namespaces of IBGU_PAYLOAD_NAMESPACES."""
    absent: tuple[str, ...] = ()
    """The refused rights' namespaces that are not on the hub."""


class References(Struct, frozen=True):
    """References says who checks what IBGUs refer to."""

    unchecked: UncheckedPolicy
    """How unchecked IBGUs are treated."""
    enforced: datetime | None = None
    """Since when the admission policy exists; None: it is not on the hub."""
    older: tuple[str, ...] = ()
    """IBGUs that refer to something and are older than the policy, as namespace/name."""


class Reach(Struct, frozen=True):
    """Reach says which clusters and rollouts the IBGUs of a namespace reach."""

    tenancy: bool
    across_namespaces: bool
    """Whether their Aborts and Rollbacks cancel rollouts of other namespaces."""
    namespaces: tuple[str, ...] = ()
    """The namespaces that have IBGUs, or with tenancy only those of them without any clusters."""
    served: bool = True
    """Whether ManagedClusterSets and their bindings are served, as far as tenancy needs them."""


class PolicySets(Struct, frozen=True):
    """PolicySets says which cluster sets of RolloutPolicies are none whose clusters ibgu can tell,
    each as "POLICY: SET"."""

    absent: tuple[str, ...] = ()
    """Those that are not on the hub."""
    by_labels: tuple[str, ...] = ()
    """Those that are not of the type ExclusiveClusterSetLabel."""


class LeaseCheck(Struct, frozen=True):
    """LeaseCheck is the hub's response to a dry run of the Lease."""

    namespace: str
    problem: str = ""
    """Why it would fail, in the hub's words or ours; empty: it would be created, or exists."""
    rival: CompetingLease | None = None
    """Another ibgu, which leads from another namespace."""


class Talm(Struct, frozen=True):
    live_in: str = ""
    """The namespace in which one lives."""
    problem: str = ""
    """Why ibgu may not act beside it; empty: the policy keeps it from IBGUs."""
    breaches: Mapping[str, str] = {}
    """What of TALM's has appeared in spite of the policy, by namespace."""
    unsettled: str = ""
    """Why it is not known yet whether the policy keeps it from IBGUs."""


class Fleet(Struct, frozen=True):
    """Fleet holds ManagedClusters, the hub itself excluded."""

    total: int = 0
    accepted: int = 0
    available: int = 0
    deleting: int = 0


class Agents(Struct, frozen=True):
    """Agents holds what the clusters report on ibgu's ManifestWorks that are on the hub now."""

    works: int = 0
    answered: int = 0
    without_lca: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    """Clusters whose work agent may not write the ImageBasedUpgrade."""


class LeftOver(Struct, frozen=True):
    """LeftOver is a work of `ibgu prepare` that still writes, though its command was killed."""

    cluster: str
    work: str


class ImportOff(Struct, frozen=True):
    """ImportOff is a cluster whose automatic import ibgu has turned off for a rollout of which the
    hub has neither the object nor a work: no ibgu turns it on again."""

    cluster: str
    rollout: str
    """The rollout's uid."""


class UnknownSource(Struct, frozen=True):
    """UnknownSource is a source of canaries' health that a policy asks, and ibgu does not know."""

    policy: str
    source: str


class InvalidSources(Struct, frozen=True):
    """InvalidSources: the file of the sources can't be used."""

    why: str


class ClockReading(Struct, frozen=True):
    time: datetime
    here: datetime
    """This machine's clock at that moment."""
    exact: timedelta = timedelta(0)
    """The uncertainty of `time`, either way."""

    @property
    def ahead(self) -> timedelta:
        """Returns how far the clock is ahead of this machine's."""
        return self.time - self.here


class HubFacts(Struct, frozen=True, kw_only=True):
    connection: HubConnection | Missing
    served: Served | Missing
    rights: Rights | Missing
    payload: PayloadAccess | Missing
    references: References | Missing
    reach: Reach | Missing
    policy_sets: PolicySets | Missing
    leadership: LeaseCheck | Missing
    talm: Talm | Missing
    fleet: Fleet | Missing
    agents: Agents | Missing
    left_over: tuple[LeftOver, ...] | Missing
    import_off: tuple[ImportOff, ...] | Missing
    health_sources: tuple[UnknownSource, ...] | InvalidSources | Missing
    clock: ClockReading | Missing
    inspections: bool | Missing
    """Whether the settings allow inspections of clusters."""


JournalFacts = Health | Missing
