"""The input of a turn."""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from ibgu.core.adopt import NO_TRACES, Traces
from ibgu.core.fleet import FleetState, TrackedRollout
from ibgu.core.kinds import Ibgu
from ibgu.core.model import Action, ClusterView, Observation
from ibgu.core.plan.tenancy import EVERYWHERE, Scope


class PayloadState(Struct, frozen=True):
    """What the current step would carry to its clusters, as read from the hub last."""

    digest: str = ""
    """Empty: nothing to carry."""
    problem: str = ""
    """Why no cluster may be touched (refused, forbidden, too large); empty: none."""
    warnings: tuple[str, ...] = ()
    """What is missing on the hub; users may deliver it another way."""
    unchecked: str = ""
    """What is carried although nobody has checked that the IBGU's author may read it."""
    read: bool = True
    """False: not read yet, so a step with Prep can't start."""


class Facts(Struct, frozen=True):
    """What is so on the whole hub."""

    in_sync_since: datetime
    """Since then mirrors and journal are complete (R11.7)."""
    led_since: datetime | None = None
    """Since then this controller has led, and has seen the hub without a gap; a lead that it lost
    and had again at once is none (R23.5). None: since `in_sync_since`."""
    talm_live: bool = False
    """A live TALM is on the hub: nothing is written (R20.1)."""
    starts_per_minute: int = 0
    """In any window of a minute, over all rollouts; 0: no limit."""

    def armable_since(self, action: Action) -> datetime:
        """Return since when an intent of that action may still be armed. An Abort arms only on a
        look of a moment ago (R9.4)."""
        return self.in_sync_since if action.aborts else self.led_since or self.in_sync_since


UNNAMED = "via the hub"
"""Somebody who changed the IBGU, of whom the hub keeps no trace: what was removed has no owner."""


class Snapshot(Struct, frozen=True):
    """`decide` drafts in `fleet` and leaves it as it was."""

    fleet: FleetState
    tracked: TrackedRollout
    observe: Callable[[str], Observation]
    """By cluster name, for this rollout."""
    cluster: Callable[[str], ClusterView | None]
    """A ManagedCluster by its name: a part of what `observe` answers, without the rest's price."""
    facts: Facts
    object: Ibgu | None
    """The IBGU as the hub shows it; None: deleted."""
    payload: PayloadState = PayloadState()
    adoption: bool = False
    """Unfinished ClusterGroupUpgrades of this IBGU are on the hub (R20.2)."""
    traces: Traces = NO_TRACES
    """What TALM has made of this IBGU, and left on the hub."""
    scope: Scope = EVERYWHERE
    """The clusters that the rollout's namespace may take."""
    actor: str = UNNAMED
    """Who changed the IBGU last, as far as the hub tells (its field manager)."""
