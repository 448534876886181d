"""Detects a live TALM on the hub (R20.1): two controllers must never write.

TALM's clock and ours may differ, and the database's may jump: a Lease that was seen to change has a
live holder, whatever its time says. Only the first check has nothing but that time.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from math import inf

import structlog
from msgspec import Struct

from ibgu.controller.clock import Clock
from ibgu.core.model.bounds import moment
from ibgu.core.model.kinds import Lease
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub

log = structlog.get_logger("ibgu.controller")

LEASE = "9a2365a3.openshift.io"
DEPLOYMENT = "cluster-group-upgrades-controller-manager-v2"
ALIVE = timedelta(minutes=2)
"""A Lease renewed, or seen to change, less than this ago has a live holder."""
EVERY = 20.0
"""Seconds between two checks."""
RETRY = 1.0
"""Seconds between two attempts at the first check."""


class _DeploymentStatus(Struct, frozen=True, rename="camel"):
    available_replicas: int = 0


class _Deployment(Struct, frozen=True):
    status: _DeploymentStatus = _DeploymentStatus()


SeenLeases = dict[str, tuple[str, float]]
"""Maps namespaces to the Lease's renew time and the event loop's time at which it was first
seen."""


class TalmWatch:
    def __init__(
        self, client: Hub, clock: Clock, namespaces: Iterable[str], seen: SeenLeases
    ) -> None:
        """`namespaces`: where TALM may be installed. `seen`: outlives a term, so that the next term
        does not rely on a Lease's time alone again."""
        self._client = client
        self._clock = clock
        self._namespaces = tuple(namespaces)
        self._seen = seen

    async def run(self, tell: Callable[[bool], None]) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                tell(await self.live())
            except HubError as error:
                log.warning("can't tell whether TALM runs", error=str(error))

    async def first(self) -> bool:
        """Returns whether TALM is live, once the hub responds; nothing may be written before."""
        while True:
            try:
                return await self.live()
            except HubError as error:
                log.warning("can't tell whether TALM runs", error=str(error))
                await asyncio.sleep(RETRY)

    async def live(self) -> bool:
        """Returns whether a live TALM is on the hub. Raises HubError if the hub gave no answer."""
        for namespace in self._namespaces:
            if await self._live_in(namespace):
                return True
        return False

    async def _live_in(self, namespace: str) -> bool:
        """Returns whether TALM is live in the namespace: by its Lease, or by its Deployment if it
        runs without leader election."""
        try:
            lease = await self._client.get(paths.lease(namespace, LEASE), Lease)
        except HubError as error:
            if not error.not_found:
                raise
            return await self._deployed(namespace)
        renewed = lease.spec.renew_time
        if not renewed or not lease.spec.holder_identity:
            return False
        at = moment(renewed)
        fresh = at is not None and self._clock.now() - at < ALIVE
        return self._moved(namespace, renewed) or fresh

    def _moved(self, namespace: str, renewed: str) -> bool:
        now = asyncio.get_running_loop().time()
        before, since = self._seen.get(namespace, (renewed, -inf))
        since = since if before == renewed else now
        self._seen[namespace] = (renewed, since)
        return now - since < ALIVE.total_seconds()

    async def _deployed(self, namespace: str) -> bool:
        try:
            found = await self._client.get(paths.deployment(namespace, DEPLOYMENT), _Deployment)
        except HubError as error:
            if error.not_found:
                return False
            raise
        return found.status.available_replicas > 0
