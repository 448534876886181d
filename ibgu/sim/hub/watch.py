"""Serves one watch as lines."""

import asyncio
from collections import deque

from msgspec import json

from ibgu.core.model.kinds import JsonObject
from ibgu.hub.watching.watch import INITIAL_END
from ibgu.sim.hub.answers import RefusedRequest, too_old
from ibgu.sim.hub.kinds import ResourcePath
from ibgu.sim.hub.selectors import Match
from ibgu.sim.hub.store import ADDED, DELETED, Collection, StoreChange, VersionedStore, line


class Watch:
    """Watch has `lines` that wait to be read; `news` is set when there are some, or the watch has
    ended."""

    def __init__(self, versions: VersionedStore, target: ResourcePath, match: Match) -> None:
        self.lines: deque[bytes] = deque()
        self.news = asyncio.Event()
        self.ended = False
        self.broken = False
        """Whether the connection is lost, and with it what was not read yet."""
        self._after = 0
        self._versions = versions
        self._target = target
        self._match = match
        self._collection: Collection = versions.collections[target.resource]

    # -- beginning -------------------------------------------------------------------------------

    def begin(self, version: str, *, initial: bool) -> None:
        """Begins the watch; `initial`: with the state, and a bookmark when it is complete."""
        if initial or version in ("", "0"):
            for obj in self._collection.select(self._target, self._match):
                self._say(line(ADDED, self._versions.encoded(obj)))
            if initial:
                self.bookmark({INITIAL_END: "true"})
        elif int(version) < self._versions.oldest:
            self.fail(too_old(int(version), self._versions.oldest))
            return
        else:
            self._after = int(version)
            for change in self._collection.log[self._collection.after(self._after) :]:
                self._changed(change)
        self._collection.listeners.append(self._changed)

    # -- sending ---------------------------------------------------------------------------------

    def _changed(self, change: StoreChange) -> None:
        """Sends a change: an object that enters the selection is added, one that leaves it is
        deleted. A version that a restored hub has not reached yet stays silent until then."""
        if change.version <= self._after or not self._target.holds(*change.key):
            return
        before = change.before is not None and self._match(change.before)
        now = change.type != DELETED and self._match(change.labels)
        if now:
            self._say(line(change.type if before else ADDED, change.raw))
        elif before:
            self._say(line(DELETED, change.raw if change.type == DELETED else change.left))

    def bookmark(self, annotations: dict[str, str] | None = None) -> None:
        resource = self._target.resource
        metadata: JsonObject = {"resourceVersion": str(self._versions.version)}
        if annotations:
            metadata["annotations"] = annotations
        said = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
        self._say(line("BOOKMARK", json.encode(said)))

    def fail(self, refused: RefusedRequest) -> None:
        self._say(line("ERROR", json.encode(refused.body)))
        self.end()

    def break_off(self) -> None:
        self.broken = True
        self.end()

    def end(self) -> None:
        self.ended = True
        self.news.set()
        if self._changed in self._collection.listeners:
            self._collection.listeners.remove(self._changed)

    def _say(self, text: bytes) -> None:
        self.lines.append(text)
        self.news.set()
