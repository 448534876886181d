"""Checks that nothing is done to a cluster that the IBGUs' namespace may not take (R35)."""

from collections.abc import Iterable
from typing import Any

from ibgu.controller.lookups.tenants import INTERVAL, STALE
from tests.simulation.bindings import Bindings
from tests.simulation.checks import Found
from tests.simulation.checks.effects import Armed
from tests.simulation.checks.history import Event

HEARD = STALE + INTERVAL + 60.0
"""Seconds for which a removed binding may still count, also if the hub responds late."""
_NAME = "R35 nothing is begun or armed outside the namespace's cluster sets"


class Tenancy:
    """Tenancy lets runs in flight go on, whatever is bound later."""

    def __init__(self, found: Found, bindings: Bindings) -> None:
        self._check = found.check
        self._bindings = bindings

    def read(self, events: Iterable[Event]) -> None:
        """Reads events whose clocks showed the loop's time."""
        flying: set[Any] = set()
        for event in events:
            member = (event.rollout, event.step, event.cluster_uid)
            if event.kind == "RunIntended" and member not in flying:
                at = event.at.timestamp()
                allowed = self._bindings.allowed(event.cluster_uid or "", at - HEARD, at)
                self._check(_NAME, allowed, event)
            if event.kind in ("RunIntended", "RunReopened"):
                flying.add(member)
            elif event.kind in ("MemberFinished", "MemberReturned", "ActionRepeated"):
                flying.discard(member)

    def armed(self, arms: Iterable[Armed]) -> None:
        for each in arms:
            self._check(_NAME, self._bindings.allowed(each.uid, 0.0, each.at), each)
