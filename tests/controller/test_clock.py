"""The database's clock, moved on by a monotonic one."""

from datetime import UTC, datetime, timedelta

from ibgu.controller.clock import Clock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SOON = timedelta(minutes=1)


async def test_a_jump_of_the_databases_clock_is_told() -> None:
    told = [NOW, NOW, NOW + timedelta(hours=1), NOW - timedelta(hours=1)]

    async def read() -> datetime:
        return told.pop(0)

    clock = Clock(read)
    assert await clock.sync() == timedelta()
    assert abs(await clock.sync()) < SOON
    assert abs(await clock.sync() - timedelta(hours=1)) < SOON
    assert abs(await clock.sync() + timedelta(hours=2)) < SOON
    assert abs(clock.now() - (NOW - timedelta(hours=1))) < SOON
