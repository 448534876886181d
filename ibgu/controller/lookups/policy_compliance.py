"""Reads whether canaries comply with the policies of Open Cluster Management, while others wait
behind them."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

import structlog

from ibgu.controller.lookups.canary_health import CanaryHealth, ObservedCanary
from ibgu.core.drivers.canary_health.compliance import ReplicatedPolicy, compliance
from ibgu.core.engine.state.health_observations import ObservedCheck
from ibgu.core.text.cut import cut
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.policies import NO_POLICIES, REPLICATED
from ibgu.hub.port import Hub

log = structlog.get_logger("ibgu.canaries")

CHECKS = frozenset({ObservedCheck.POLICIES})
INTERVAL = 60.0
"""Seconds between two reads of the policies of a canary."""
SECONDS = 30.0
"""Seconds for one read."""
FORBIDDEN = (
    "ibgu may not list policies in its namespace; set canaryPolicies.enabled of the chart, or give "
    "the controller the ClusterRole ibgu-canary-policies"
)
_AT_A_TIME = 10
_PAGE = 100
_TURN = 1.0
"""Seconds between two looks for canaries."""


class PolicyCompliance:
    """PolicyCompliance works while its term leads. Errors of its own are logged and end nothing."""

    def __init__(self, client: Hub, canaries: CanaryHealth) -> None:
        self._client = client
        self._canaries = canaries
        self._due: dict[str, float] = {}
        """When canaries are read again, by the loop's time."""
        self._now: Callable[[], float] = asyncio.get_running_loop().time

    async def run(self) -> None:
        while True:
            try:
                await self._turn()
            except Exception:
                log.exception("will read the policies of canaries later")
                await asyncio.sleep(INTERVAL)
            await asyncio.sleep(_TURN)

    async def _turn(self) -> None:
        wanted = self._canaries.wanted(CHECKS)
        self._due = {name: at for name, at in self._due.items() if name in wanted}
        due = [each for name, each in wanted.items() if self._due.get(name, 0.0) <= self._now()]
        for first in range(0, len(due), _AT_A_TIME):
            await asyncio.gather(*map(self._read, due[first : first + _AT_A_TIME]))

    async def _read(self, canary: ObservedCanary) -> None:
        self._due[canary.cluster.name] = self._now() + INTERVAL
        try:
            async with asyncio.timeout(SECONDS):
                found = await self._listed(canary.cluster.name)
        except HubError as error:
            self._canaries.note_trouble(ObservedCheck.POLICIES, canary.cluster, _trouble(error))
        except TimeoutError:
            words = f"the hub did not list them within {SECONDS:g} s"
            self._canaries.note_trouble(ObservedCheck.POLICIES, canary.cluster, words)
        else:
            self._canaries.note(ObservedCheck.POLICIES, canary.cluster, compliance(found))

    async def _listed(self, cluster: str) -> list[ReplicatedPolicy]:
        pages = self._client.list_pages(
            paths.policies(cluster), ReplicatedPolicy, selector=REPLICATED, limit=_PAGE
        )
        return [each async for page, _ in pages for each in page]


def _trouble(error: HubError) -> str:
    if error.not_found:
        return NO_POLICIES
    if error.status == HTTPStatus.FORBIDDEN:
        return FORBIDDEN
    return f"the hub did not list its policies: {cut(error.message)}"
