"""The newest events in memory, each encoded once for all who follow."""

from collections import deque
from collections.abc import Iterable
from itertools import islice

from msgspec import Struct

from ibgu.api.shape.events import event_body
from ibgu.db.views import EventRow

CAPACITY = 5000
"""Events. A follower that falls further behind is cut."""

SHORT = 500
"""Events that are told at a time."""
KEPT = 8
"""Parts that are kept joined. Who is up to date shares one of them with everybody else who is; who
comes back from anywhere in the past gets a part of its own, which is not kept."""


class Item(Struct, frozen=True):
    seq: int
    rollout: str
    message: bytes
    """As it goes over the wire."""


class Part:
    """Events that follow each other, joined once for all who hear the same of them."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items = tuple(items)
        self.rollouts = frozenset(each.rollout for each in self.items)
        self._bodies: dict[frozenset[str], bytes] = {}

    def body(self, heard: frozenset[str]) -> bytes:
        """`heard`: uids of rollouts; empty if nothing of them is here."""
        if heard not in self._bodies:
            told = (each.message for each in self.items if each.rollout in heard)
            self._bodies[heard] = b"".join(told)
        return self._bodies[heard]


class Ring:
    """Events of a hub in the order of commit, without gaps from the first one on."""

    def __init__(self, seq: int, capacity: int = CAPACITY) -> None:
        self.seq = seq
        """Of the newest event that it knows of."""
        self._items: deque[Item] = deque(maxlen=capacity)
        self._parts: dict[int, Part] = {}

    def add(self, rows: Iterable[EventRow]) -> None:
        self._parts.clear()
        for row in rows:
            self._items.append(item(row))
            self.seq = row.seq

    def after(self, seq: int) -> Part | None:
        """At most SHORT of them; None: some of them are gone from memory."""
        missing = self.seq - seq
        if missing > len(self._items):
            return None
        if missing <= 0:
            return _NOTHING
        first = len(self._items) - missing
        if missing > SHORT:
            return Part(islice(self._items, first, first + SHORT))
        if seq not in self._parts:
            self._parts[seq] = Part(islice(self._items, first, None))
            if len(self._parts) > KEPT:
                del self._parts[next(iter(self._parts))]
        return self._parts[seq]


_NOTHING = Part(())


def item(row: EventRow) -> Item:
    data = event_body(row).model_dump_json(by_alias=True)
    return Item(row.seq, row.rollout, f"id: {row.seq}\nevent: event\ndata: {data}\n\n".encode())
