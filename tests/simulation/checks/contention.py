"""Checks what several policies, grants and turns let rollouts do that want the same places."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from weakref import WeakKeyDictionary

from ibgu.controller.loop.loop import Loop
from ibgu.core.engine.state import FleetState
from ibgu.core.model.kinds import JsonObject
from ibgu.sim.hub import MemoryHub
from ibgu.sim.hub.server import ServedRequest
from tests.simulation.checks import Found
from tests.simulation.checks.approvals import Approvals, Grants
from tests.simulation.checks.failures import FailuresUnderPolicy
from tests.simulation.checks.history import Event
from tests.simulation.checks.jitter import Jitter
from tests.simulation.checks.places import Before, Places
from tests.simulation.checks.policies import UnderPolicy
from tests.simulation.contention import APART, APPROVING, NETWORK, Contention
from tests.simulation.policy_dates import PolicyDates


class UnderContention:
    """UnderContention listens to the hub, watches each leader's turns, and reads the history."""

    def __init__(
        self,
        found: Found,
        drawn: Contention,
        hub: MemoryHub,
        dates: PolicyDates,
        heard: float,
    ) -> None:
        """`heard`: seconds for which a grant that was deleted may still count."""
        self._found = found
        self._drawn = drawn
        self._now = hub.now
        self._dates = dates
        self._grants = Grants(hub.now, heard)
        self._places: WeakKeyDictionary[FleetState, Places] = WeakKeyDictionary()
        self._jitter: WeakKeyDictionary[FleetState, Jitter] = WeakKeyDictionary()

    def audit(
        self, asked: ServedRequest, before: JsonObject | None, after: JsonObject | None
    ) -> None:
        self._grants.audit(asked, before, after)

    def before(self, loop: Loop) -> Before | None:
        """Returns what is known before a turn; None: nobody wants the same places."""
        if not self._drawn.changes:
            return None
        fleet = loop._planner._fleet
        places = self._places.get(fleet)
        if places is None:
            cluster = loop._planner._mirror.cluster
            places = Places(self._found, cluster, self._grants.tier, self._lets_pass)
            self._places[fleet] = places
            self._jitter[fleet] = Jitter(self._found)
        return places.before(fleet, self._dates.latest())

    def turned(self, loop: Loop, before: Before | None) -> None:
        if before is not None:
            fleet = loop._planner._fleet
            self._places[fleet].turned(fleet, before, self._now())
            self._jitter[fleet].turned(fleet)

    def judge(self, events: Iterable[Event]) -> None:
        """Reads events whose clocks showed the loop's time."""
        if not self._drawn.changes:
            return
        for name in (NETWORK, APART):
            passes = self._grants.passes(name)
            UnderPolicy(self._found, partial(self._dates.in_force, name), passes).read(events)
        in_force, passes = partial(self._dates.in_force, APPROVING), self._grants.passes(APPROVING)
        Approvals(self._found, in_force, self._grants, passes).read(events)
        if self._drawn.careful:
            FailuresUnderPolicy(self._found, self._drawn.careful, 0.0).read(events)

    def _lets_pass(self, policy: str, rollout: str) -> bool:
        return self._grants.lets_pass(policy, rollout, datetime.fromtimestamp(self._now(), UTC))
