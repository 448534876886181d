"""The newest events in memory, each encoded once for all who follow."""

from collections import deque
from collections.abc import Iterable
from itertools import islice

from msgspec import Struct

from ibgu.api.shape.events import event_body
from ibgu.db.views import EventRow

CAPACITY = 5000
"""Events. A follower that falls further behind is cut."""


class Item(Struct, frozen=True):
    seq: int
    rollout: str
    message: bytes
    """As it goes over the wire."""


class Ring:
    """Events of a hub in the order of commit, without gaps from the first one on."""

    def __init__(self, seq: int, capacity: int = CAPACITY) -> None:
        self.seq = seq
        """Of the newest event that it knows of."""
        self._items: deque[Item] = deque(maxlen=capacity)

    def add(self, rows: Iterable[EventRow]) -> None:
        for row in rows:
            self._items.append(item(row))
            self.seq = row.seq

    def after(self, seq: int) -> list[Item] | None:
        """None: some of them are gone from memory."""
        missing = self.seq - seq
        if missing > len(self._items):
            return None
        return list(islice(self._items, len(self._items) - missing, None)) if missing > 0 else []


def item(row: EventRow) -> Item:
    data = event_body(row).model_dump_json(by_alias=True)
    return Item(row.seq, row.rollout, f"id: {row.seq}\nevent: event\ndata: {data}\n\n".encode())
