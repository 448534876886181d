"""Watches kinds that new starts depend on, on a hub that may not serve them or not let ibgu."""

import asyncio
import time
from contextlib import suppress
from random import Random
from typing import Any, TypedDict, TypeVar, Unpack

import structlog

from ibgu.flowcontrol.log_throttle import LogThrottle
from ibgu.hub import paths
from ibgu.hub.decode import BadObject, HasMetadata
from ibgu.hub.discovery import served_plurals
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub
from ibgu.hub.watching.reflector import Reflector, Sink, Timing, WatchedKind, whole

T = TypeVar("T", bound=HasMetadata)
log = structlog.get_logger("ibgu.watch")


class WatchOptions(TypedDict):
    """WatchOptions is what the lookups that watch have in common."""

    streaming: bool
    timing: Timing
    rng: Random


class WatchingLookup:
    """WatchingLookup follows whole kinds from the process's start, and is settled once they were
    read, or could not be. An interrupted watch keeps what was read last.

    What is read, and what an error means, is for the lookup that derives from it to say.
    """

    def __init__(
        self,
        client: Hub,
        *,
        served: bool,
        served_interval: float | None = None,
        **options: Unpack[WatchOptions],
    ) -> None:
        """`served`: the hub serves all the kinds; if it does not it is asked again each so many
        seconds, None: never."""
        self._client = client
        self._served = served
        self._served_interval = served_interval
        self._options = options
        self._settled = asyncio.Event()
        self._log_throttle = LogThrottle(time.monotonic)
        self._reflectors: dict[str, Reflector[Any, Any]] = {}
        """The watch of each kind, by its plural."""

    async def run(self) -> None:
        """Follows the kinds until cancelled, from when the hub serves them."""
        while not self._served:
            if self._served_interval is None:
                return
            await asyncio.sleep(self._served_interval)
            if await self._is_served():
                self._served = True
                self._installed()
        async with asyncio.TaskGroup() as tasks:
            for reflector in self._reflectors.values():
                tasks.create_task(reflector.run())
            for reflector in self._reflectors.values():
                await reflector.synced.wait()
            await self._listed()

    async def settled(self, seconds: float) -> None:
        """Waits until the kinds were read, or could not be, but no longer than these seconds."""
        if self._served:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._settled.wait()

    # -- for the lookups that derive from it ---------------------------------------------------

    def _follow(self, path: str, kind: type[T], sink: Sink[T], fields: str = "") -> None:
        """Keeps the sink in sync with the kind. `fields`: the field selector; empty: all of it."""
        plural = paths.resource(path)
        self._reflectors[plural] = Reflector(
            self._client,
            WatchedKind(path, kind, whole, fields=fields),
            sink,
            on_bad=lambda bad: self._bad(plural, bad),
            on_error=lambda error: self._interrupted(plural, error),
            **self._options,
        )

    def _installed(self) -> None:
        """Called when the hub serves kinds that it did not serve at the start."""

    async def _listed(self) -> None:
        """Called once, when all kinds were listed for the first time."""
        self._settled.set()

    def _failed(self, error: HubError) -> None:
        """Called when a list or a watch has failed, before the lookup counts as settled."""

    def _bad(self, plural: str, bad: BadObject) -> None:
        """Called once for each version of an object that can't be read."""
        about = {"namespace": bad.metadata.namespace, "name": bad.metadata.name}
        log.error("malformed object skipped", kind=plural, **about, error=str(bad))

    @property
    def _synced(self) -> bool:
        """Whether all kinds were listed since the start."""
        return all(each.synced.is_set() for each in self._reflectors.values())

    @property
    def _in_sync(self) -> bool:
        """Whether no watch is interrupted, and all kinds were listed since the last failure."""
        return all(each.in_sync for each in self._reflectors.values())

    def _warn(self, words: str, kind: str, error: Exception) -> None:
        """Logs the error, rarely if its cause stays the same: lists and watches, whose errors read
        differently, take turns."""
        cause = f"{error.status} {error.reason}" if isinstance(error, HubError) else words
        if self._log_throttle.due(kind, cause):
            log.warning(words, kind=kind, error=str(error))

    def _interrupted(self, plural: str, error: HubError) -> None:
        self._failed(error)
        self._settled.set()
        self._warn("watch interrupted", plural, error)

    async def _is_served(self) -> bool:
        try:
            return self._reflectors.keys() <= await served_plurals(
                self._client, paths.OWN_RESOURCES
            )
        except HubError:
            return False
