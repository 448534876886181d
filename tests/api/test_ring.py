"""The newest events in memory: shared by who is up to date, and small whoever comes back."""

from ibgu.api.stream.ring import KEPT, SHORT, Ring
from ibgu.db.views import EventRow
from tests.db.records import NOW

CAPACITY = 5000


def row(seq: int) -> EventRow:
    return EventRow(seq, NOW, "r1", None, None, None, None, "Kind", "why", None, False, "", {})


def full() -> Ring:
    ring = Ring(0, CAPACITY)
    ring.add(row(seq) for seq in range(1, CAPACITY + 1))
    return ring


def test_who_is_up_to_date_shares_one_part() -> None:
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


def test_who_is_far_behind_hears_everything_once() -> None:
    ring, seq, heard = full(), 0, list[int]()
    while (part := ring.after(seq)) is not None and part.items:
        heard += [item.seq for item in part.items]
        seq = heard[-1]
    assert heard == list(range(1, CAPACITY + 1))
    ring.add([row(CAPACITY + 1)])
    assert ring.after(0) is None
