"""Keeps the newest events in memory, each encoded once for all followers."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

from msgspec import Struct

from ibgu.api.events.mapping import event_body
from ibgu.db.views import EventRow

CAPACITY = 5000
"""The most events; a follower that falls further behind is disconnected."""

RING_BYTES = 32 * 1024 * 1024
"""The most bytes of all events in memory; beyond, the oldest go before there are CAPACITY."""
SHORT = 500
"""The most events that are sent at a time."""
PART_BYTES = 64 * 1024
"""The most bytes that are sent at a time; a longer event is sent alone."""
KEPT = 8
"""Joined parts that are cached, for all who get the same."""


class RingItem(Struct, frozen=True):
    seq: int
    rollout: str
    message: bytes
    """The bytes that go over the wire."""


class RingPart:
    """RingPart holds consecutive events, joined once for all who may read the same of them."""

    def __init__(self, items: Iterable[RingItem]) -> None:
        self.items = tuple(items)
        self.rollouts = frozenset(each.rollout for each in self.items)
        self._bodies: dict[frozenset[str], bytes] = {}

    def body(self, readable: frozenset[str]) -> bytes:
        """Returns the joined events of the rollouts `readable` (uids); empty if there are none."""
        if readable not in self._bodies:
            messages = (each.message for each in self.items if each.rollout in readable)
            self._bodies[readable] = b"".join(messages)
        return self._bodies[readable]


class Ring:
    """Ring holds events of a hub in the order of commit, without gaps from the first one on."""

    def __init__(self, seq: int, capacity: int = CAPACITY) -> None:
        self.seq = seq
        """The number of the newest event known."""
        self._capacity = capacity
        self._items: deque[RingItem] = deque()
        self._bytes = 0
        self._parts: dict[int, RingPart] = {}

    def add(self, rows: Iterable[EventRow]) -> None:
        self._parts.clear()
        for row in rows:
            self._items.append(item(row))
            self._bytes += len(self._items[-1].message)
            self.seq = row.seq
            while len(self._items) > self._capacity or self._bytes > RING_BYTES:
                self._bytes -= len(self._items.popleft().message)

    def after(self, seq: int) -> RingPart | None:
        """Returns the events after `seq` that are sent at a time; None if some are gone from
        memory."""
        missing = self.seq - seq
        if missing > len(self._items):
            return None
        if missing <= 0:
            return _NOTHING
        if seq not in self._parts:
            first = len(self._items) - missing
            self._parts[seq] = RingPart(short(islice(self._items, first, None)))
            if len(self._parts) > KEPT:
                del self._parts[next(iter(self._parts))]
        return self._parts[seq]


_NOTHING = RingPart(())


def short(items: Iterable[RingItem]) -> Iterator[RingItem]:
    """Yields as many as are sent at a time, and at least one."""
    size = 0
    for each in islice(items, SHORT):
        size += len(each.message)
        if size > PART_BYTES and size > len(each.message):
            return
        yield each


def item(row: EventRow) -> RingItem:
    data = event_body(row).model_dump_json(by_alias=True)
    return RingItem(row.seq, row.rollout, f"id: {row.seq}\nevent: event\ndata: {data}\n\n".encode())
