"""Silence of a watch, in virtual time."""

import asyncio
from collections.abc import Iterable

import pytest

from ibgu.hub.connection.transport import LISTEN, ReadTimeout
from tests.simulation.loop import BEGINNING, play

LONG = 10.0


async def heard_at(moments: Iterable[float]) -> float:
    """Seconds until the timer ran out of a watch that is heard at these."""
    loop = asyncio.get_running_loop()
    timer = asyncio.timeout_at(None)
    silence = ReadTimeout(timer, LONG)
    for moment in moments:
        loop.call_at(BEGINNING + moment, silence.broken)
    with pytest.raises(TimeoutError):
        async with timer:
            await asyncio.sleep(3600)
    silence.end()
    return loop.time() - BEGINNING


@pytest.mark.parametrize(
    ("moments", "ends"),
    [
        pytest.param([], LONG, id="never heard"),
        pytest.param([8, 16, 24], 24 + LONG, id="heard now and then"),
        pytest.param([LONG + LISTEN / 2], 2 * LONG + LISTEN / 2, id="heard at the last moment"),
        pytest.param([LONG + 2 * LISTEN], LONG, id="heard too late"),
    ],
)
def test_a_watch_is_silent_so_long_after_it_was_heard(moments: list[float], ends: float) -> None:
    assert play(heard_at(moments)) == pytest.approx(ends + LISTEN)


def test_a_watch_that_ended_has_no_timer_left() -> None:
    async def story() -> bool:
        timer = asyncio.timeout_at(None)
        silence = ReadTimeout(timer, LONG)
        async with timer:
            silence.end()
            await asyncio.sleep(3 * LONG)
        return timer.expired()

    assert play(story()) is False
