"""Detects a live TALM on the hub (R20.1, R20.7): two controllers must never write.

TALM's clock and ours may differ, and the database's may jump: a Lease that was seen to change has a
live holder, whatever its time says. Only the first check has nothing but that time.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from math import inf
from typing import TypeVar

import structlog
from msgspec import Struct

from ibgu.controller.clock import Clock
from ibgu.controller.lookups.talm_policy import TalmPolicyWatch
from ibgu.controller.mirror.mirror import Mirror
from ibgu.core.model.bounds import moment
from ibgu.core.model.kinds import Lease, ObjectMeta
from ibgu.core.talm.beside import LiveTalm, breaches, running, running_in, unknown
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub

T = TypeVar("T")
log = structlog.get_logger("ibgu.controller")

LEASE = "9a2365a3.openshift.io"
DEPLOYMENT = "cluster-group-upgrades-controller-manager-v2"
ALIVE = timedelta(minutes=2)
"""A Lease renewed, or seen to change, less than this ago has a live holder. A hub that has not said
for as long whether there is one may have one."""
INTERVAL = 20.0
"""Seconds between two checks."""
RETRY = 1.0
"""Seconds between two attempts at the first check."""


TICK = 0.5
"""Seconds between two checks of what a live TALM does in spite of the policy."""


class _PodSpec(Struct, frozen=True, rename="camel"):
    service_account_name: str = "default"


class _PodTemplate(Struct, frozen=True):
    spec: _PodSpec = _PodSpec()


class _DeploymentSpec(Struct, frozen=True):
    template: _PodTemplate = _PodTemplate()


class _DeploymentStatus(Struct, frozen=True, rename="camel"):
    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    available_replicas: int = 0


class _Deployment(Struct, frozen=True):
    metadata: ObjectMeta
    spec: _DeploymentSpec = _DeploymentSpec()
    status: _DeploymentStatus = _DeploymentStatus()

    @property
    def account(self) -> str:
        """The user that its pods are; empty while some may still be another one."""
        status = self.status
        settled = (
            status.observed_generation >= self.metadata.generation
            and status.updated_replicas >= status.replicas
        )
        # Without its controller's mark the status says nothing of a change.
        if status.observed_generation and not settled:
            return ""
        name = self.spec.template.spec.service_account_name
        return f"system:serviceaccount:{self.metadata.namespace}:{name}"


SeenLeases = dict[str, tuple[str, float]]
"""Maps namespaces to the Lease's renew time and the event loop's time at which it was first
seen."""


class TalmWatch:
    """TalmWatch says what keeps ibgu from writing, a live TALM that the policy does not keep from
    IBGUs, and in which namespaces TALM does not obey it."""

    def __init__(
        self,
        client: Hub,
        clock: Clock,
        namespaces: Iterable[str],
        seen: SeenLeases,
        policy: TalmPolicyWatch,
        mirror: Mirror,
    ) -> None:
        """`namespaces`: where TALM may be installed. `seen`: outlives a term, so that the next term
        does not rely on a Lease's time alone again."""
        self._leases = LiveTalms(client, clock, namespaces, seen)
        self._policy = policy
        self._mirror = mirror
        self._live: list[LiveTalm] = []
        self._known_at = -inf
        """When the hub said it last, by the event loop's time."""
        self._unknown = ""
        """Why it has not for too long."""

    async def run(self, tell: Callable[[str, bool, Mapping[str, str]], None]) -> None:
        """Calls `tell` with the hold, whether ibgu acts beside a live TALM, and the holds of
        namespaces: at once when the policy changes."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK if self._beside else None):
                    await self._policy.changed.wait()
            self._policy.changed.clear()
            hold = self.hold()
            tell(hold, self.live and not hold, self.breaches())

    async def poll(self) -> None:
        """Looks for live TALMs, beside `run`."""
        while True:
            await asyncio.sleep(INTERVAL)
            await self._find()
            self._policy.changed.set()

    async def first(self) -> str:
        """Returns the hold once the hub responds; nothing may be written before."""
        while True:
            if await self._find():
                return self.hold()
            await asyncio.sleep(RETRY)

    async def _find(self) -> bool:
        """Returns whether the hub has said which TALMs are live. Until it does, what it said last
        counts, but no longer than a Lease would."""
        try:
            self._live = await self._leases.find()
        except HubError as error:
            log.warning("can't tell whether TALM runs", error=str(error))
            late = asyncio.get_running_loop().time() - self._known_at >= ALIVE.total_seconds()
            if late and not self._unknown:
                self._unknown = unknown(str(error))
            return False
        self._known_at, self._unknown = asyncio.get_running_loop().time(), ""
        return True

    @property
    def live(self) -> bool:
        """Whether a live TALM is on the hub."""
        return bool(self._live)

    @property
    def _beside(self) -> bool:
        """Whether a policy stands beside a live TALM, which must be checked all the time."""
        return bool(self._live) and self._policy.installed.there

    def hold(self) -> str:
        """Returns why ibgu may not write; empty: it may."""
        if self._unknown:
            return self._unknown
        if not self._live:
            return ""
        problem = self._policy.problem(self._live)
        return running(problem) if problem else ""

    def breaches(self) -> dict[str, str]:
        """Returns why nothing starts for the rollouts of namespaces beside a live TALM, by
        namespace."""
        if not self._live:
            return {}
        mirror = self._mirror
        found = breaches(self._policy.installed, mirror.foreign_statuses, mirror.cgus)
        return {namespace: running_in(namespace, words) for namespace, words in found.items()}


class LiveTalms:
    """LiveTalms finds the live TALMs of the hub, by Lease or Deployment."""

    def __init__(
        self, client: Hub, clock: Clock, namespaces: Iterable[str], seen: SeenLeases
    ) -> None:
        """`seen`: as of TalmWatch."""
        self._client = client
        self._clock = clock
        self._namespaces = tuple(namespaces)
        self._seen = seen

    async def find(self) -> list[LiveTalm]:
        """Returns the live ones. Raises HubError if the hub gave no answer."""
        found = [await self._find_in(namespace) for namespace in self._namespaces]
        return [talm for talm in found if talm is not None]

    async def _find_in(self, namespace: str) -> LiveTalm | None:
        """Returns the TALM of the namespace if it is live: by its Lease, or by its Deployment if it
        runs without leader election."""
        lease = await self._get(paths.lease(namespace, LEASE), Lease)
        if lease is not None and not self._renewed(namespace, lease):
            return None
        deployment = await self._get(paths.deployment(namespace, DEPLOYMENT), _Deployment)
        if deployment is None:
            return LiveTalm(namespace) if lease is not None else None
        live = lease is not None or deployment.status.available_replicas > 0
        return LiveTalm(namespace, deployment.account) if live else None

    async def _get(self, path: str, type_: type[T]) -> T | None:
        try:
            return await self._client.get(path, type_)
        except HubError as error:
            if error.not_found:
                return None
            raise

    def _renewed(self, namespace: str, lease: Lease) -> bool:
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
