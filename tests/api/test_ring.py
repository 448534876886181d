"""The newest events in memory: shared by who is up to date, and small no matter who comes back."""

import pytest

from ibgu.api.stream import ring as rings
from ibgu.api.stream.ring import KEPT, PART_BYTES, SHORT, Ring
from ibgu.db.views import EventRow
from tests.db.records import NOW

CAPACITY = 5000


def row(seq: int, why: str = "why") -> EventRow:
    return EventRow(seq, NOW, "r1", None, None, None, None, "Kind", why, None, False, "", {})


def full() -> Ring:
    ring = Ring(0, CAPACITY)
    ring.add(row(seq) for seq in range(1, CAPACITY + 1))
    return ring


def test_followers_that_are_up_to_date_share_one_part() -> None:
    ring = full()
    part = ring.after(CAPACITY - 20)
    assert part is not None
    assert part is ring.after(CAPACITY - 20)
    heard = frozenset({"r1"})
    assert part.body(heard) is part.body(heard)
    assert part.body(heard).count(b"event: event") == 20
    assert part.body(frozenset()) == b""


def test_many_that_come_back_leave_little_in_memory() -> None:
    ring = full()
    for seq in range(300):
        for after in (seq, CAPACITY - 1 - seq):
            part = ring.after(after)
            assert part is not None
            assert len(part.items) <= SHORT
    assert len(ring._parts) <= KEPT


def test_a_follower_far_behind_receives_every_event_once() -> None:
    ring, seq, heard = full(), 0, list[int]()
    while (part := ring.after(seq)) is not None and part.items:
        heard += [item.seq for item in part.items]
        seq = heard[-1]
    assert heard == list(range(1, CAPACITY + 1))
    ring.add([row(CAPACITY + 1)])
    assert ring.after(0) is None


def test_parts_are_short_and_an_event_that_is_not_comes_alone() -> None:
    ring, seq, heard = Ring(0), 0, list[int]()
    ring.add(row(number, "x" * 4096) for number in range(1, 101))
    ring.add([row(101, "x" * PART_BYTES * 2), row(102)])
    while (part := ring.after(seq)) is not None and part.items:
        size = sum(len(item.message) for item in part.items)
        assert size <= PART_BYTES or len(part.items) == 1
        heard += [item.seq for item in part.items]
        seq = heard[-1]
    assert heard == list(range(1, 103))


def test_the_ring_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rings, "RING_BYTES", 10 * 4500)
    ring = Ring(0)
    ring.add(row(number, "x" * 4096) for number in range(1, 101))
    assert len(ring._items) == 10
    assert ring._bytes == sum(len(item.message) for item in ring._items) <= 10 * 4500
    assert ring.after(90) is not None
    assert ring.after(89) is None
