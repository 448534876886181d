"""Works whose newest write met a version that the mirror had not seen (409).

The watch usually shows that version within milliseconds: reading it at once would cost the hub a
request for nothing, and deciding at once would only repeat the conflict.
"""

import asyncio
from collections.abc import Callable

from ibgu.controller.mirror import Mirror, WorkKey
from ibgu.hub.writer import Write

PATIENCE = 1.0
"""Seconds for the watch; then the work is read. A work that lost its label is not watched."""


class Conflicts:
    def __init__(self, mirror: Mirror, read: Callable[[Write], None]) -> None:
        """`read` is called with the refused write where the watch showed nothing."""
        self._mirror = mirror
        self._read = read
        self._based: dict[WorkKey, str] = {}
        self._open: dict[WorkKey, str] = {}

    def based(self, key: WorkKey, version: str) -> None:
        """The next write of that work is based on this resourceVersion."""
        self._based[key] = version

    def met(self, key: WorkKey, write: Write) -> None:
        """The write was refused."""
        self._open[key] = self._based.get(key, "")
        asyncio.get_running_loop().call_later(PATIENCE, self._give_up, key, write)

    def open(self, key: WorkKey) -> bool:
        """Whether the mirror still shows the version that the refused write was based on."""
        version = self._open.get(key)
        if version is None:
            return False
        found = self._mirror.works.get(key)
        if found is not None and found.metadata.resource_version == version:
            return True
        del self._open[key]
        return False

    def _give_up(self, key: WorkKey, write: Write) -> None:
        if self.open(key):
            del self._open[key]
            self._read(write)
