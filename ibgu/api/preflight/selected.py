"""Judges clusters by their labels, without a plan."""

import asyncio
from typing import Annotated

from fastapi import Depends

from ibgu.api.preview.fleet import HubFleet, holders
from ibgu.api.preview.inspections import InspectionsOfRequest
from ibgu.api.problems import invalid
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.async_dependency import async_dependency
from ibgu.api.requests.hub import FleetListsOfProcess, HubOfCaller, PreflightsOfProcess
from ibgu.api.requests.inputs import ReadsOfRequest
from ibgu.api.requests.refusals import refusals_as_problems
from ibgu.core.drivers.ibu.preflight import PreflightFacts, PreflightReport, judge
from ibgu.core.drivers.ibu.preflight.facts import PayloadFacts
from ibgu.core.drivers.ibu.preflight.releases import parsed
from ibgu.core.model.document import shown
from ibgu.core.plan import matcher, parse_selector
from ibgu.core.text.natural import natural_key
from ibgu.hub.preflight import HubReading
from ibgu.hub.writing.changes import Changes


class SelectedClusters:
    """SelectedClusters judges clusters for one request."""

    def __init__(
        self,
        caller: CallerOfRequest,
        hub: HubOfCaller,
        reads: ReadsOfRequest,
        lists: FleetListsOfProcess,
        preflights: PreflightsOfProcess,
        inspections: InspectionsOfRequest,
    ) -> None:
        self._inspections = inspections
        self._caller = caller
        self._hub = hub
        self._reads = reads
        self._lists = lists
        self._preflights = preflights

    async def preflight(self, selector: str, target: str) -> PreflightReport:
        """Judges the clusters that match; `target`: the release after the upgrade, if known."""
        try:
            matches = matcher([parse_selector(selector)])
        except ValueError as error:
            raise invalid("selector", "body", str(error)) from error
        if target and parsed(target) is None:
            words = f"{shown(target)!r} is not a release such as 4.17.3"
            raise invalid("target", "body", words)
        user = self._caller.user
        with refusals_as_problems(user.username, "", "managedclusters"):
            async with self._lists.turn(user.counted_as):
                fleet = await HubFleet.read(Changes(self._hub, "").clusters())
            async with self._preflights.turn(user.counted_as):
                chosen = [each for each in fleet.views if matches(each.labels) and not each.local]
                names = sorted((each.name for each in chosen), key=natural_key)
                clusters = await self._inspections.added([fleet.reported[name] for name in names])
                reading = HubReading(self._hub)
                facts = PreflightFacts(
                    clusters=clusters,
                    uninspected=self._inspections.reason,
                    planned=False,
                    target=target,
                    payload=await reading.releases() if target else PayloadFacts(),
                    holders=await holders("", "", names, self._reads, self._caller),
                )
                return await asyncio.to_thread(judge, facts)


SelectedClustersOfRequest = Annotated[SelectedClusters, Depends(async_dependency(SelectedClusters))]
