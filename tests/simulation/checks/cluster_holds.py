"""Checks that nothing starts on a cluster that somebody holds (R50.12)."""

from collections.abc import Iterable

from ibgu.core.drivers import traits
from tests.simulation.checks import Found
from tests.simulation.checks.follow_ups import CLOCKS, LAG
from tests.simulation.checks.history import Event
from tests.simulation.checks.reported import HubReports

_NAME = "R50.12 nothing starts on a cluster that somebody holds"


class ClusterHolds:
    """ClusterHolds knows which clusters carry the annotation on the hub."""

    def __init__(self, found: Found, reports: HubReports) -> None:
        self._check = found.check
        self._reports = reports

    def read(self, events: Iterable[Event]) -> None:
        """Reads events whose clocks showed the loop's time, of controllers that nothing kept from
        hearing of the holds."""
        for event in events:
            if event.kind == "RunIntended" and not traits(event.data["action"]).leads_back:
                at = event.at.timestamp()
                held = self._reports.holds_cluster(str(event.cluster_uid), (at - LAG, at + CLOCKS))
                self._check(_NAME, not held, event)
