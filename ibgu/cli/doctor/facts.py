"""What was heard of hub and database; plain data, so that it can be judged without them."""

from datetime import datetime, timedelta

from msgspec import Struct

from ibgu.core.references import Unchecked
from ibgu.db.health import Health
from ibgu.hub.discovery import Served
from ibgu.hub.rights import Right
from ibgu.hub.rivals import Rival


class Unknown(Struct, frozen=True):
    """It could not be found out."""

    why: str


class Unasked(Struct, frozen=True):
    """It was not tried, for the reason that is given."""

    why: str


Missing = Unknown | Unasked


class Whose(Struct, frozen=True):
    """Whose rights are asked about, for messages."""

    name: str
    account: str = ""
    """namespace:name where it is a ServiceAccount."""


class Connection(Struct, frozen=True):
    url: str
    user: str
    """As the hub names the kubeconfig's user; empty where it can't say."""


class Rights(Struct, frozen=True):
    whose: Whose
    asked: int
    refused: tuple[Right, ...]


class References(Struct, frozen=True):
    """Who checks what IBGUs refer to."""

    unchecked: Unchecked
    """What is done with IBGUs that nobody has checked."""
    enforced: datetime | None = None
    """Since when the admission policy is; None: it is not on the hub."""
    older: tuple[str, ...] = ()
    """IBGUs that refer to something and are older than the policy, as namespace/name."""


class Reach(Struct, frozen=True):
    """Which clusters and rollouts the IBGUs of a namespace reach."""

    tenancy: bool
    across_namespaces: bool
    """Their Aborts and Rollbacks cancel rollouts of other namespaces."""
    namespaces: tuple[str, ...] = ()
    """Those that have IBGUs, or with tenancy only those of them without any clusters."""
    served: bool = True
    """ManagedClusterSets and their bindings are, as far as tenancy needs them."""


class Leadership(Struct, frozen=True):
    """What the hub says to a Lease that is only tried, not made."""

    namespace: str
    problem: str = ""
    """Why not, in the hub's words or ours; empty: it would be made, or is there."""
    rival: Rival | None = None
    """Another ibgu, which leads from another namespace."""


class Talm(Struct, frozen=True):
    live_in: str = ""
    """The namespace in which one lives."""


class Fleet(Struct, frozen=True):
    """ManagedClusters, the hub itself apart."""

    total: int = 0
    accepted: int = 0
    available: int = 0
    deleting: int = 0


class Agents(Struct, frozen=True):
    """What the clusters answered to ibgu's ManifestWorks that are on the hub now."""

    works: int = 0
    answered: int = 0
    without_lca: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    """Clusters whose work agent may not write the ImageBasedUpgrade."""


class Clock(Struct, frozen=True):
    told: datetime
    here: datetime
    """This machine's clock at that moment."""
    exact: timedelta = timedelta(0)
    """How far off `told` may be either way."""

    @property
    def ahead(self) -> timedelta:
        """How much it is ahead of this machine's."""
        return self.told - self.here


class HubFacts(Struct, frozen=True, kw_only=True):
    connection: Connection | Missing
    served: Served | Missing
    rights: Rights | Missing
    payload: Rights | Missing
    references: References | Missing
    reach: Reach | Missing
    leadership: Leadership | Missing
    talm: Talm | Missing
    fleet: Fleet | Missing
    agents: Agents | Missing
    clock: Clock | Missing


JournalFacts = Health | Missing
