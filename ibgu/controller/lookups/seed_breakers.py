"""Watches the catalogue of seed images for their circuit breakers (R19.4)."""

import asyncio
from collections.abc import Callable
from typing import Unpack

from ibgu.controller.lookups.watching import WatchingLookup, WatchOptions
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.engine.state.snapshot import SeedBreaker, SeedState
from ibgu.core.model.seed_image import SeedImage, digest
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub
from ibgu.hub.watching.store import Store

_NONE = SeedState()
UNREAD = SeedState(
    problem="ibgu has not read the SeedImages yet, so nothing new starts with a seed image"
)
FORBIDDEN = SeedState(
    problem="ibgu may not list SeedImages, so nothing new starts with a seed image; give the "
    "controller the ClusterRole ibgu-controller of this version"
)


class SeedBreakers(WatchingLookup):
    """SeedBreakers keeps the catalogue's circuit breakers, by the digest of the image, from the
    controller's start. An interrupted watch keeps what was read last."""

    def __init__(self, client: Hub, *, served: bool, **options: Unpack[WatchOptions]) -> None:
        """`served`: the hub serves SeedImages."""
        super().__init__(client, served=served, **options)
        self.changed = asyncio.Event()
        """Set whenever what holds may have changed."""
        self._problem = UNREAD
        self._entries: Store[SeedImage] = Store({"image": _image}, self._entry_changed)
        self._follow(paths.SEED_IMAGES, SeedImage, self._entries)

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
        if not self._synced:
            return self._problem
        entries = sorted(self._entries.by("image", image), key=lambda each: each.metadata.name)
        return SeedState(
            tuple(
                SeedBreaker(each.metadata.name, each.spec.circuit_breaker)
                for each in entries
                if each.spec.circuit_breaker is not None
            )
        )

    async def _listed(self) -> None:
        await super()._listed()
        self.changed.set()

    def _entry_changed(self, key: object, old: SeedImage | None, new: SeedImage | None) -> None:
        before, after = (each.spec.circuit_breaker if each else None for each in (old, new))
        if before != after:
            self.changed.set()

    def _failed(self, error: HubError) -> None:
        self._problem = FORBIDDEN if error.status == 403 else UNREAD


def _image(entry: SeedImage) -> list[str]:
    return [digest(entry.spec.image)]
