"""Reads periodically which clusters each namespace's IBGUs may take, by cluster set bindings.

While that is unknown, nothing may be taken.
"""

import asyncio
from collections.abc import Callable

import structlog

from ibgu.core.plan import EVERYWHERE, Scope, Tenancy
from ibgu.hub.clustersets import read_tenancy
from ibgu.hub.decode import BadObject
from ibgu.hub.errors import TRANSPORT, HubError
from ibgu.hub.port import Hub

log = structlog.get_logger("ibgu.controller")

INTERVAL = 10.0
"""Seconds between two reads: a removed binding may still count for so long."""
RETRY = 1.0
"""Seconds between two attempts at the first read."""
READ_SECONDS = 15.0
"""The most seconds that a caller waits for an answer: a step that opens has a place among
those that read, which others wait for."""
STALE = 60.0
"""Seconds since the last read that was answered began, after which it expires."""


class Tenants:
    def __init__(self, client: Hub, subject: str, *, on: bool) -> None:
        """`subject`: the service account that a binding of the role has to name
        ("ibgu-system:ibgu")."""
        self._client = client
        self._subject = subject
        self._on = on
        self._found = Tenancy()
        self._lock = asyncio.Lock()
        self._now = asyncio.get_running_loop().time
        self._began = self._now()

    def scope(self, namespace: str) -> Scope:
        """Returns the scope by the last read, which expires after `STALE` whatever became of the
        next one."""
        return self._current().scope(namespace) if self._on else EVERYWHERE

    def _current(self) -> Tenancy:
        silent = self._now() - self._began > STALE
        return Tenancy(problem=_SILENT) if silent else self._found

    async def fresh(self, namespace: str) -> Scope:
        """Reads and returns the current scope. Raises HubError if the hub gave no answer."""
        if self._on:
            await self._read()
        return self.scope(namespace)

    async def first(self) -> None:
        """Reads once the hub responds; nothing may start before."""
        while self._on:
            try:
                await self._read()
            except HubError as error:
                log.warning("can't read cluster sets", error=str(error))
                await asyncio.sleep(RETRY)
            else:
                return

    async def run(self, changed: Callable[[], None]) -> None:
        known = self._current()
        while self._on:
            await asyncio.sleep(INTERVAL)
            try:
                await self._read()
            except HubError as error:
                log.warning("can't read cluster sets", error=str(error))
            before, known = known, self._current()
            if known != before:
                changed()

    async def _read(self) -> None:
        """Reads the bindings. Raises HubError after `READ_SECONDS`, too."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                await self._read_once()
        except TimeoutError as error:
            words = f"the hub has not told its ManagedClusterSets within {READ_SECONDS:.0f} seconds"
            raise HubError(TRANSPORT, "Timeout", words) from error

    async def _read_once(self) -> None:
        """Reads the bindings; callers that arrive during a read share the next one."""
        asked = self._now()
        async with self._lock:
            if self._began <= asked:
                begins = self._now()
                self._found = await self._answer()
                self._began = begins

    async def _answer(self) -> Tenancy:
        try:
            return await read_tenancy(self._client, _log_bad_object)
        except HubError as error:
            if error.status == 403:
                return Tenancy(problem=self._forbidden())
            if error.not_found:
                return Tenancy(problem=_ABSENT)
            raise

    def _forbidden(self) -> str:
        return (
            "ibgu may not list ManagedClusterSets and their bindings, so no "
            "ImageBasedGroupUpgrade may take a cluster (IBGU_TENANCY); allow it with: oc create "
            "clusterrolebinding ibgu-tenancy --clusterrole=ibgu-tenancy "
            f"--serviceaccount={self._subject}"
        )


_ABSENT = (
    "the hub serves no ManagedClusterSets (cluster.open-cluster-management.io/v1beta2), so no "
    "ImageBasedGroupUpgrade may take a cluster; install Open Cluster Management's, or set "
    "IBGU_TENANCY=off"
)
_SILENT = (
    f"the hub has not told its ManagedClusterSets for {STALE:.0f} seconds, so no "
    "ImageBasedGroupUpgrade may take a cluster; see the controller's log"
)


def _log_bad_object(bad: BadObject) -> None:
    log.warning("malformed object", problem=str(bad))
