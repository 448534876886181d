"""Followers are woken a few at a time, and requests go first."""

import asyncio
from itertools import pairwise

import pytest

from ibgu.api.http.concurrency import RequestsInProgress
from ibgu.api.stream import waking
from ibgu.api.stream.waking import GROUPS, SMALLEST_GROUP, WaitingFollowers

HOUR = 3600.0
SOON = 30.0
"""Seconds after which a test has failed, however slow the machine is."""


async def followers(waiting: WaitingFollowers, count: int) -> tuple[list[int], asyncio.Task[None]]:
    """Returns who has been woken so far, and the task in which all of them wait."""
    woken: list[int] = []

    async def follow(number: int) -> None:
        await waiting.wait(HOUR)
        woken.append(number)

    async def all_of_them() -> None:
        await asyncio.gather(*map(follow, range(count)))

    task = asyncio.create_task(all_of_them())
    # One pass of the loop for the task, and one for the followers that it starts.
    for _ in range(2):
        await asyncio.sleep(0)
    assert len(waiting._waiting) == count
    return woken, task


@pytest.mark.parametrize("count", [1, SMALLEST_GROUP + 1, 500])
async def test_others_have_their_turn_between_groups(count: int) -> None:
    waiting = WaitingFollowers(RequestsInProgress())
    woken, task = await followers(waiting, count)
    waking_ = asyncio.create_task(waiting.wake())
    seen = [0]
    while not waking_.done():
        await asyncio.sleep(0)
        seen.append(len(woken))
    await task
    assert woken == list(range(count))
    most = max(after - before for before, after in pairwise(seen))
    assert most <= max(SMALLEST_GROUP, count / GROUPS + 1)


async def test_a_request_in_progress_makes_the_pause_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waking, "GIVE_WAY_SECONDS", HOUR)
    in_progress = RequestsInProgress()
    waiting = WaitingFollowers(in_progress)
    woken, task = await followers(waiting, 3 * SMALLEST_GROUP)
    with in_progress.counted():
        waking_ = asyncio.create_task(waiting.wake())
        for _ in range(100):
            await asyncio.sleep(0)
    assert len(woken) == SMALLEST_GROUP
    for each in (waking_, task):
        each.cancel()
    await asyncio.gather(waking_, task, return_exceptions=True)


async def test_a_follower_that_waited_long_enough_goes_on_and_leaves_nothing() -> None:
    waiting = WaitingFollowers(RequestsInProgress())
    await waiting.wait(0.001)
    task = asyncio.create_task(waiting.wait(HOUR))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not waiting._waiting


async def test_a_follower_that_begins_to_wait_meanwhile_is_woken_by_the_next_round() -> None:
    waiting = WaitingFollowers(RequestsInProgress())
    woken, task = await followers(waiting, 3 * SMALLEST_GROUP)
    round_ = asyncio.create_task(waiting.wake())
    await asyncio.sleep(0)
    late = asyncio.create_task(waiting.wait(HOUR))
    await round_
    await task
    assert len(woken) == 3 * SMALLEST_GROUP
    assert not late.done()
    await waiting.wake()
    async with asyncio.timeout(SOON):
        await late


def test_a_request_that_fails_is_in_progress_no_more() -> None:
    in_progress, counts = RequestsInProgress(), list[int]()

    def fail() -> None:
        with in_progress.counted():
            counts.append(in_progress.count)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert (counts, in_progress.count) == ([1], 0)


async def test_a_round_that_is_cut_short_leaves_nobody_asleep() -> None:
    waiting = WaitingFollowers(RequestsInProgress())
    woken, task = await followers(waiting, 3 * SMALLEST_GROUP)
    round_ = asyncio.create_task(waiting.wake())
    await asyncio.sleep(0)
    round_.cancel()
    await asyncio.gather(round_, return_exceptions=True)
    async with asyncio.timeout(SOON):
        await task
    assert len(woken) == 3 * SMALLEST_GROUP
