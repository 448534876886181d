"""Encodes `status.clusters[]` incrementally: a status costs what has changed since the last one."""

from collections.abc import Collection, Container, Iterable
from enum import IntEnum
from itertools import chain

from msgspec import Raw, Struct, json

from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model.kinds import JsonObject
from ibgu.core.text.natural import natural_key
from ibgu.core.views.status.entries import EntryRank, cut, entry, rank

SHORT = 80
"""Characters of a message once messages are cut."""


class MessageDetail(IntEnum):
    """MessageDetail says how much of the messages is shown."""

    WHOLE = 0
    CUT = 1
    NONE = 2


class EncodedEntry(Struct, frozen=True, gc=False):
    """One entry, encoded for each of `MessageDetail`; the same bytes where nothing is cut."""

    encoded: tuple[bytes, ...]
    rank: EntryRank


class StatusListing:
    """All entries of one rollout, in natural order of the clusters' names."""

    def __init__(self) -> None:
        self._tracked: TrackedRollout | None = None
        self._clear()

    def _clear(self) -> None:
        self._items: dict[str, EncodedEntry] = {}
        self._counts = [0 for _ in EntryRank]
        self._sizes = [[0 for _ in EntryRank] for _ in MessageDetail]

    def update(self, tracked: TrackedRollout) -> None:
        """Updates the list from the rollout. A rollout that it has not seen yet is read as a
        whole."""
        changed = {name for step in tracked.steps for name in step.take_changed()}
        if tracked is not self._tracked:
            self._tracked = tracked
            self._clear()
            changed = {name for step in tracked.steps for name in step.members}
        joined = changed - self._items.keys()
        for cluster in changed:
            self._put(cluster, _item(tracked, cluster))
        if joined:
            self._items = {name: self._items[name] for name in sorted(self._items, key=natural_key)}

    def size(self, detail: MessageDetail, least: EntryRank = EntryRank.QUIET) -> int:
        """Returns the bytes of the list with all entries of that rank and higher ones."""
        count = sum(self._counts[least:])
        return sum(self._sizes[detail][least:]) + 1 + max(1, count)

    def encoded(self, detail: MessageDetail, hidden: Collection[str] = ()) -> Raw:
        items: Iterable[EncodedEntry] = self._items.values()
        if hidden:
            items = (item for name, item in self._items.items() if name not in hidden)
        return Raw(b"[%b]" % b",".join([item.encoded[detail] for item in items]))

    def left_out(
        self, detail: MessageDetail, room: int, last: Container[str]
    ) -> dict[str, EntryRank]:
        """Returns the clusters to leave out so that the list fits into `room` bytes: those of the
        lower rank first, and of one rank those that are not in `last`."""
        excess = self.size(detail) - room
        found: dict[str, EntryRank] = {}
        for name, item in chain.from_iterable(self._least_first(last)):
            if excess <= 0:
                break
            found[name] = item.rank
            excess -= len(item.encoded[detail]) + len(b",")
        return found

    def _least_first(self, last: Container[str]) -> list[list[tuple[str, EncodedEntry]]]:
        groups: list[list[tuple[str, EncodedEntry]]] = [[] for _ in range(2 * len(EntryRank))]
        for found in self._items.items():
            groups[2 * found[1].rank + (found[0] in last)].append(found)
        return groups

    def _put(self, cluster: str, item: EncodedEntry | None) -> None:
        before = self._items.get(cluster)
        if before is not None:
            self._count(before, -1)
        if item is None:
            self._items.pop(cluster, None)
        else:
            self._items[cluster] = item
            self._count(item, 1)

    def _count(self, item: EncodedEntry, by: int) -> None:
        self._counts[item.rank] += by
        for detail in MessageDetail:
            self._sizes[detail][item.rank] += by * len(item.encoded[detail])


def _item(tracked: TrackedRollout, cluster: str) -> EncodedEntry | None:
    """Returns the entry; None: the cluster is no longer a member (a start that was undone)."""
    found = (step.members.get(cluster) for step in tracked.steps)
    members = [member for member in found if member is not None]
    if not members:
        return None
    return item(entry(cluster, members))


def item(made: JsonObject) -> EncodedEntry:
    whole = json.encode(made)
    if b'"message":' not in whole:
        return EncodedEntry((whole, whole, whole), rank(made))
    shorter = [json.encode(cut(made, length)) for length in (SHORT, 0)]
    encoded = (whole, *(whole if each == whole else each for each in shorter))
    return EncodedEntry(encoded, rank(made))
