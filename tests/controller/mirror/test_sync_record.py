"""The knowledge of the hub that is left when the same controller leads again."""

from datetime import UTC, datetime

import pytest

from ibgu.controller.mirror.sync_record import MAX_GAP, SyncRecord
from ibgu.controller.mirror.watches import Watches

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Seen(Watches):
    """Mirrors that a test puts out of step."""

    def __init__(self) -> None:
        self.counted = 0
        self.current = True

    @property
    def gaps(self) -> int:
        return self.counted

    @property
    def in_sync(self) -> bool:
        return self.current


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sync_record(seen: Seen, clock: Clock) -> SyncRecord:
    """Returns the sync_record of a controller that has led once."""
    made = SyncRecord(seen, clock)
    assert made.begin(again=True) is None
    made.end(NOW)
    return made


def test_a_lead_that_is_had_again_at_once_goes_on(sync_record: SyncRecord, clock: Clock) -> None:
    clock.now += MAX_GAP
    assert sync_record.begin(again=True) == NOW
    sync_record.end(NOW)
    assert sync_record.begin(again=True) == NOW


def test_sync_does_not_continue_after_another_leader(sync_record: SyncRecord) -> None:
    assert sync_record.begin(again=False) is None


def test_sync_does_not_continue_after_a_longer_gap(sync_record: SyncRecord, clock: Clock) -> None:
    clock.now += MAX_GAP + 1
    assert sync_record.begin(again=True) is None


def test_sync_does_not_continue_after_missed_events(sync_record: SyncRecord, seen: Seen) -> None:
    seen.counted += 1
    assert sync_record.begin(again=True) is None
    sync_record.end(NOW)
    assert sync_record.begin(again=True) == NOW


def test_sync_does_not_continue_while_the_mirror_is_behind(
    sync_record: SyncRecord, seen: Seen
) -> None:
    seen.current = False
    assert sync_record.begin(again=True) is None


def test_sync_does_not_continue_from_a_term_that_never_began(sync_record: SyncRecord) -> None:
    assert sync_record.begin(again=True) == NOW
    assert sync_record.begin(again=True) is None
