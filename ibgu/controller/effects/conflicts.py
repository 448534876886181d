"""Tracks objects whose newest write met a version that the mirror had not seen (409).

The watch usually shows that version within milliseconds. An immediate read would waste a request,
and an immediate decision would repeat the conflict.
"""

import asyncio
from collections.abc import Callable

from ibgu.hub.decode import HasMetadata
from ibgu.hub.watching.store import Key
from ibgu.hub.writing.writer import Write

READ_AFTER = 1.0
"""Seconds to wait for the watch before the object is read. A work that lost its label is not
watched."""


class Conflicts:
    """Conflicts tracks the open conflicts of the objects of one kind."""

    def __init__(
        self, shown: Callable[[Key], HasMetadata | None], read: Callable[[Write], None]
    ) -> None:
        """`shown` returns the mirror's object. `read` is called with the refused write if the watch
        has shown nothing new after `READ_AFTER`."""
        self._shown = shown
        self._read = read
        self._based: dict[Key, str] = {}
        self._open: dict[Key, str] = {}

    def based(self, key: Key, version: str) -> None:
        """Records the resourceVersion that the object's next write is based on."""
        self._based[key] = version

    def forget_base(self, key: Key) -> None:
        """Forgets the base version: no write of the object is in progress, and the last one met no
        conflict."""
        self._based.pop(key, None)

    def record(self, key: Key, write: Write) -> None:
        """Records that the write met a conflict."""
        self._open[key] = self._based.get(key, "")
        asyncio.get_running_loop().call_later(READ_AFTER, self._give_up, key, write)

    def is_open(self, key: Key) -> bool:
        """Whether the mirror still shows the version that the refused write was based on."""
        version = self._open.get(key)
        if version is None:
            return False
        found = self._shown(key)
        if found is not None and found.metadata.resource_version == version:
            return True
        del self._open[key]
        if self._based.get(key) == version:
            del self._based[key]
        return False

    def _give_up(self, key: Key, write: Write) -> None:
        if self.is_open(key):
            del self._open[key]
            self._read(write)
