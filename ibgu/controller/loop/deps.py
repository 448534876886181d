"""Declares the dependencies of a turn."""

from collections.abc import Callable

from msgspec import Struct

from ibgu.controller.clock import Clock
from ibgu.controller.effects.adopting import Adopting
from ibgu.controller.effects.effects import Effects
from ibgu.controller.effects.feedback_refresh import FeedbackRefresh
from ibgu.controller.lookups.membership import MembershipLister
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.lookups.tenants import Tenants
from ibgu.controller.loop.commit import JournalWriter
from ibgu.controller.loop.work_queue import WorkQueue
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import Quarantine
from ibgu.controller.reports.notices import Notices
from ibgu.controller.reports.statuses import Statuses
from ibgu.core.engine.driver import Driver
from ibgu.core.engine.state import FleetState


class LoopDeps(Struct, frozen=True):
    """LoopDeps holds the dependencies of a loop. The service creates it; tests replace it as a
    whole."""

    fleet: FleetState
    driver: Driver
    mirror: Mirror
    adopting: Adopting
    work_queue: WorkQueue
    quarantine: Quarantine
    journal_writer: JournalWriter
    effects: Effects
    lister: MembershipLister
    payloads: Payloads
    tenants: Tenants
    statuses: Statuses
    notices: Notices
    clock: Clock
    refresh: FeedbackRefresh | None
    """None if agents report changes themselves, or refreshes are turned off (R21.2)."""
    in_sync: Callable[[], bool]
    """Whether the mirror is complete."""
