"""Finds another ibgu that leads the same hub, by a Lease in another namespace (R30.5).

A mistyped IBGU_NAMESPACE gives a controller a Lease of its own. If it has a database of its own
too, nothing else keeps the two apart.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import structlog
from msgspec import Struct

from ibgu.core.model.bounds import moment
from ibgu.core.model.kinds import Lease
from ibgu.core.text.cut import cut
from ibgu.core.text.harmless import one_line
from ibgu.hub.decode import decode_page
from ibgu.hub.errors import HubError
from ibgu.hub.paths import leases
from ibgu.hub.port import Hub

log = structlog.get_logger("ibgu.hub")

ALIVE = timedelta(minutes=2)
"""A Lease renewed less than this ago has a holder: one that lost it for a moment, on a slow hub,
comes back."""
MAX_DURATION = 30.0
"""The most seconds for which an older Lease is watched: the clock that wrote it may be wrong."""
MARGIN = 1.0
RETRY = 0.5
"""Seconds between two attempts at a check that the hub did not answer."""
TIMEOUT = 5.0


class CompetingLease(Struct, frozen=True):
    holder: str
    namespace: str
    name: str

    def problem(self, own: str) -> str:
        return (
            f"another ibgu leads this hub: {self.holder}, by the Lease {self.name} in namespace "
            f"{self.namespace}; this one is set to namespace {own}"
        )

    @property
    def remedy(self) -> str:
        return (
            f"set IBGU_NAMESPACE={self.namespace} and the same DATABASE_URL, or stop the other "
            f"one first: kubectl get lease {self.name} -n {self.namespace}"
        )


class CompetingLeases:
    """CompetingLeases checks Leases of the same name in namespaces other than `namespace`. A Lease
    that is not renewed is remembered: only the first check waits for it."""

    def __init__(
        self,
        client: Hub,
        namespace: str,
        name: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self._now = now
        self._left: dict[str, Lease] = {}

    async def find(self) -> CompetingLease | None:
        """Returns the holder of another live Lease. Raises HubError."""
        held = await self._held()
        for lease in held.values():
            if self._fresh(lease):
                return self._competing(lease)
        doubtful = _changed(self._left, held)
        if not doubtful:
            return None
        durations = [lease.spec.lease_duration_seconds or 0 for lease in doubtful.values()]
        await asyncio.sleep(min(MAX_DURATION, max(durations)) + MARGIN)
        for lease in _changed(held, await self._held()).values():
            return self._competing(lease)
        self._left = held
        return None

    async def first(self) -> CompetingLease | None:
        """Returns the result of `find` once the hub responds; None if ibgu may not ask."""
        while True:
            try:
                return await self.find()
            except HubError as error:
                if error.status == HTTPStatus.FORBIDDEN:
                    return None
                log.warning("can't tell whether another ibgu leads", error=str(error))
                await asyncio.sleep(RETRY)

    async def _held(self) -> dict[str, Lease]:
        """Returns the Leases that have a holder, by namespace."""
        # By its one name: RBAC allows such a list without a right to all Leases.
        query, path = {"fieldSelector": f"metadata.name={self._name}"}, leases()
        data = await self._client.request("GET", path, query=query, timeout=TIMEOUT, verb="list")
        found = decode_page(path, data, Lease, lambda _: None).items or []
        others = (each for each in found if each.metadata.namespace != self._namespace)
        return {each.metadata.namespace: each for each in others if each.spec.holder_identity}

    def _fresh(self, lease: Lease) -> bool:
        renewed = moment(lease.spec.renew_time or "")
        return renewed is not None and abs(self._now() - renewed) < ALIVE

    def _competing(self, lease: Lease) -> CompetingLease:
        holder = cut(one_line(lease.spec.holder_identity or ""))
        return CompetingLease(holder, lease.metadata.namespace, self._name)


def _changed(before: Mapping[str, Lease], after: Mapping[str, Lease]) -> dict[str, Lease]:
    """Returns those of `after` that have another holder, or were renewed."""
    return {
        namespace: lease
        for namespace, lease in after.items()
        if namespace not in before or before[namespace].spec != lease.spec
    }
