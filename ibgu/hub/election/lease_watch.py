"""Watches for the moment at which another holder's Lease becomes free."""

import asyncio
from contextlib import suppress

import structlog

from ibgu.core.model.kinds import Lease
from ibgu.hub.errors import HubError
from ibgu.hub.paths import leases
from ibgu.hub.port import Hub
from ibgu.hub.watching.watch import Delete, Upsert, read_event

log = structlog.get_logger("ibgu.hub")

SECONDS = 290
"""Length of a watch; below the usual limit of load balancers."""
SLACK = 30.0
"""Seconds after which a watch that the server should have ended is ended here."""
SILENCE = 30.0
"""Seconds; a leader renews its Lease every second or so."""
RETRY_SECONDS = 5.0
"""Seconds from the end of a watch to the next one."""


class LeaseWatch:
    """LeaseWatch is only a hint: its caller reads the Lease itself, and does so periodically
    without a hint too, because the watch may be forbidden, cut, silent or broken."""

    def __init__(self, client: Hub, namespace: str, name: str) -> None:
        self._client = client
        self._path = leases(namespace)
        self._query = {
            "watch": "true",
            "timeoutSeconds": str(SECONDS),
            "fieldSelector": f"metadata.name={name}",
        }
        self._free = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    def watch(self) -> None:
        """Starts the watch, which runs until `leave`."""
        self._free.clear()
        self._watching = asyncio.create_task(self._watch())
        self._watching.add_done_callback(_log_failure)

    def leave(self) -> None:
        """Stops the watch without waiting for its end: the Lease's new holder has no time to
        lose."""
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    async def wait(self, seconds: float) -> None:
        """Waits until the Lease is free, but no longer than that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._free.wait()
        self._free.clear()

    async def _watch(self) -> None:
        while True:
            with suppress(HubError):
                await self._once()
            await asyncio.sleep(RETRY_SECONDS)

    async def _once(self) -> None:
        total = SECONDS + SLACK
        async with self._client.stream(
            self._path, query=self._query, timeout=SILENCE, total=total
        ) as lines:
            async for line in lines:
                if self._is_free(line):
                    self._free.set()

    def _is_free(self, line: bytes) -> bool:
        """Returns whether the Lease has no holder by this event."""
        event = read_event(self._path, line, Lease, lambda _: None)
        if isinstance(event, Upsert):
            return not event.obj.spec.holder_identity
        return isinstance(event, Delete)


def _log_failure(watching: asyncio.Task[None]) -> None:
    """Logs an error of ours, which costs only the hint."""
    if not watching.cancelled() and (error := watching.exception()):
        log.error("no longer watching the Lease", error=repr(error))
