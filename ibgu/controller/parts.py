"""What a turn works with."""

from collections.abc import Callable

from msgspec import Struct

from ibgu.controller.adopting import Adopting
from ibgu.controller.agenda import Agenda
from ibgu.controller.aside import Aside
from ibgu.controller.clock import Clock
from ibgu.controller.commit import Ledger
from ibgu.controller.effects import Effects
from ibgu.controller.mirror import Mirror
from ibgu.controller.notices import Notices
from ibgu.controller.openings import Openings
from ibgu.controller.payloads import Payloads
from ibgu.controller.poking import Poking
from ibgu.controller.statuses import Statuses
from ibgu.controller.tenants import Tenants
from ibgu.core.fleet import FleetState


class Parts(Struct, frozen=True):
    """What a loop works with; made by the service, replaced as a whole in tests."""

    fleet: FleetState
    mirror: Mirror
    adopting: Adopting
    agenda: Agenda
    aside: Aside
    ledger: Ledger
    effects: Effects
    openings: Openings
    payloads: Payloads
    tenants: Tenants
    statuses: Statuses
    notices: Notices
    clock: Clock
    poking: Poking | None
    """None: agents say by themselves what they see, or are not to be asked (R21.2)."""
    in_sync: Callable[[], bool]
    """Whether the mirror is complete."""
