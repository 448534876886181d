"""The database's clock, moved on by a monotonic one."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from ibgu.controller import clock as module
from ibgu.controller.clock import Clock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def reading(*told: datetime) -> Clock:
    """A clock whose database tells these times, one at each look."""
    left = list(told)

    async def read() -> datetime:
        return left.pop(0)

    return Clock(read)


async def test_the_database_is_followed_as_it_drifts() -> None:
    clock = reading(NOW, NOW + 4 * SECOND, NOW + 8 * SECOND)
    for seconds in (0, 4, 8):
        await clock.sync()
        assert abs(clock.now() - NOW - seconds * SECOND) < SECOND


@pytest.mark.parametrize("hours", [5, -5])
async def test_a_clock_jump_and_its_end_are_logged_and_not_followed(hours: int) -> None:
    """R11.8: limits that are stored would pass at once, or not for hours."""
    jump = timedelta(hours=hours)
    clock = reading(NOW, NOW + jump, NOW + jump + 3 * SECOND, NOW + 3 * SECOND)
    with capture_logs() as logs:
        for seconds in (0, 0, 3, 3):
            await clock.sync()
            assert abs(clock.now() - NOW - seconds * SECOND) < SECOND
    assert [round(line["seconds"] / 3600) for line in logs] == [hours, -hours]


async def test_a_slow_answer_counts_as_no_clock_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JUMP", timedelta(milliseconds=20))
    told = [NOW, NOW + timedelta(hours=1)]

    async def read() -> datetime:
        if len(told) == 1:
            await asyncio.sleep(0.05)
        return told.pop(0)

    clock = Clock(read)
    await clock.sync()
    with capture_logs() as logs:
        await clock.sync()
    assert logs == []
    assert abs(clock.now() - NOW) < timedelta(minutes=1)
