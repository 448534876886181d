"""Watches the catalogue of seed images for their circuit breakers (R19.4)."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from random import Random

import structlog

from ibgu.core.engine.state import TrackedRollout
from ibgu.core.engine.state.snapshot import SeedBreaker, SeedState
from ibgu.core.model.seed_image import SeedImage, digest
from ibgu.flowcontrol.log_throttle import LogThrottle
from ibgu.hub import paths
from ibgu.hub.decode import BadObject
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub
from ibgu.hub.watching.reflector import Reflector, Timing, WatchedKind, whole
from ibgu.hub.watching.store import Store

log = structlog.get_logger("ibgu.controller")

_NONE = SeedState()
UNREAD = SeedState(
    problem="ibgu has not read the SeedImages yet, so nothing new starts with a seed image"
)
FORBIDDEN = SeedState(
    problem="ibgu may not list SeedImages, so nothing new starts with a seed image; give the "
    "controller the ClusterRole ibgu-controller of this version"
)


class SeedBreakers:
    """SeedBreakers keeps the catalogue's circuit breakers, by the digest of the image, from the
    controller's start. An interrupted watch keeps what was read last."""

    def __init__(
        self, client: Hub, *, served: bool, streaming: bool, timing: Timing, rng: Random
    ) -> None:
        """`served`: the hub serves SeedImages."""
        self.changed = asyncio.Event()
        """Set whenever what holds may have changed."""
        self._settled = asyncio.Event()
        self._served = served
        self._problem = UNREAD
        self._log_throttle = LogThrottle(time.monotonic)
        self._entries: Store[SeedImage] = Store({"image": _image}, self._entry_changed)
        self._reflector = Reflector(
            client,
            WatchedKind(paths.SEED_IMAGES, SeedImage, whole),
            self._entries,
            streaming=streaming,
            timing=timing,
            on_bad=self._bad,
            on_error=self._failed,
            rng=rng,
        )

    async def run(self) -> None:
        if self._served:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._reflector.run())
                tasks.create_task(self._await_first())

    async def settled(self, seconds: float) -> None:
        """Waits until the catalogue was read, or could not be, but no longer than these seconds."""
        if self._served:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._settled.wait()

    async def report(self, changed: Callable[[], None]) -> None:
        """Calls `changed` whenever what holds may have changed."""
        while True:
            await self.changed.wait()
            self.changed.clear()
            changed()

    def of(self, tracked: TrackedRollout) -> SeedState:
        """Returns what the catalogue says of the rollout's seed image; it knows digests alone."""
        spec = tracked.rollout.spec
        image = "" if spec.update is not None else digest(spec.release.image)
        if not self._served or not image:
            return _NONE
        if not self._reflector.synced.is_set():
            return self._problem
        entries = sorted(self._entries.by("image", image), key=lambda each: each.metadata.name)
        return SeedState(
            tuple(
                SeedBreaker(each.metadata.name, each.spec.circuit_breaker)
                for each in entries
                if each.spec.circuit_breaker is not None
            )
        )

    async def _await_first(self) -> None:
        await self._reflector.synced.wait()
        self._settled.set()
        self.changed.set()

    def _entry_changed(self, key: object, old: SeedImage | None, new: SeedImage | None) -> None:
        before, after = (each.spec.circuit_breaker if each else None for each in (old, new))
        if before != after:
            self.changed.set()

    def _failed(self, error: HubError) -> None:
        """Logs the error, rarely if it stays the same."""
        self._problem = FORBIDDEN if error.status == 403 else UNREAD
        self._settled.set()
        if self._log_throttle.due("seedimages", str(error)):
            log.warning("watch interrupted", kind="seedimages", error=str(error))

    def _bad(self, bad: BadObject) -> None:
        log.error("malformed SeedImage skipped", name=bad.metadata.name, error=str(bad))


def _image(entry: SeedImage) -> list[str]:
    return [digest(entry.spec.image)]
