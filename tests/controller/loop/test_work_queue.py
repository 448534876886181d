import asyncio
from itertools import pairwise

import pytest

from ibgu.controller.loop.work_queue import MIN_INTERVAL, ROLLOUTS_PER_TURN, WorkQueue


def test_everything_is_taken_once() -> None:
    work_queue = WorkQueue()
    work_queue.touch("a", ["one", "two"])
    work_queue.touch("b")
    work_queue.touch_patch("uid")

    assert work_queue.pop() == ({"a": {"one": None, "two": None}, "b": {}}, ["uid"])
    assert work_queue.pop() == ({}, [])
    assert not work_queue.changed.is_set()


def test_clusters_beyond_the_limit_of_a_turn_are_popped_later() -> None:
    work_queue = WorkQueue()
    names = [f"site-{number}" for number in range(7)]
    work_queue.touch("a", names)

    taken: list[str] = []
    while work_queue.changed.is_set():
        touched, _ = work_queue.pop(most=3)
        assert len(touched["a"]) <= 3
        taken += touched["a"]
    assert taken == names


def test_a_large_rollout_does_not_keep_the_others_waiting() -> None:
    work_queue = WorkQueue(lambda _: "default")
    work_queue.touch("large", ["one", "two", "three"])
    work_queue.touch("small", ["four"])

    assert work_queue.pop(most=2)[0] == {"large": {"one": None, "two": None}}
    work_queue.touch("large", ["one"])
    assert work_queue.pop(most=2)[0] == {"small": {"four": None}, "large": {"three": None}}
    assert work_queue.pop(most=2)[0] == {"large": {"one": None}}


def namespace(rollout: str) -> str:
    return rollout.partition("/")[0]


def test_a_tenant_with_many_rollouts_keeps_no_other_waiting() -> None:
    work_queue = WorkQueue(namespace)
    for number in range(250):
        work_queue.touch(f"noisy/{number}", [f"site-{number}-{one}" for one in range(8)])
    work_queue.touch("calm/1", ["one"])
    work_queue.touch("calm/2", ["two"])

    touched, _ = work_queue.pop()
    assert list(touched)[:4] == ["noisy/0", "calm/1", "noisy/1", "calm/2"]
    assert len(touched) == ROLLOUTS_PER_TURN
    assert work_queue.changed.is_set()


def test_each_tenant_gets_its_share_of_a_turn() -> None:
    work_queue = WorkQueue(namespace)
    work_queue.touch("noisy/large", [f"site-{number}" for number in range(5000)])
    work_queue.touch("calm/large", [f"edge-{number}" for number in range(400)])

    touched, _ = work_queue.pop(most=1000)
    assert {uid: len(names) for uid, names in touched.items()} == {
        "noisy/large": 500,
        "calm/large": 400,
    }
    assert len(work_queue.pop(most=1000)[0]["noisy/large"]) == 1000, "alone it has all of a turn"


async def test_remaining_clusters_wake_the_next_turn_at_once() -> None:
    work_queue = WorkQueue()
    work_queue.touch("a", ["one", "two"])
    work_queue.pop(most=1)

    async with asyncio.timeout(60):
        await work_queue.changed.wait()
    assert work_queue.pop(most=1)[0] == {"a": {"two": None}}
    assert not work_queue.changed.is_set()


async def test_gather_ends_when_expedited() -> None:
    work_queue = WorkQueue()
    work_queue.touch("a", ["one"])
    waiting = asyncio.create_task(work_queue.gather(3600))
    await asyncio.sleep(0)
    assert not waiting.done()

    work_queue.touch("a", ["two"])
    work_queue.expedite()
    async with asyncio.timeout(60):
        await waiting
    assert work_queue.pop()[0] == {"a": {"one": None, "two": None}}


async def test_an_expedited_rollout_that_is_taken_expedites_no_other() -> None:
    work_queue = WorkQueue()
    work_queue.touch("a", ["one"])
    work_queue.expedite()
    work_queue.pop()

    work_queue.touch("a", ["two"])
    waiting = asyncio.create_task(work_queue.gather(0.01))
    await asyncio.sleep(0)
    assert not waiting.done()
    await waiting


async def test_expedited_turns_keep_the_minimum_interval() -> None:
    work_queue, loop = WorkQueue(), asyncio.get_running_loop()
    began: list[float] = []
    for name in ("one", "two", "three"):
        work_queue.touch_now("a", [name])
        await work_queue.gather(3600)
        began.append(loop.time())
        assert work_queue.pop()[0] == {"a": {name: None}}
    # A clock that counts in steps may be one of them short.
    assert all(later - first > MIN_INTERVAL * 0.9 for first, later in pairwise(began))


@pytest.mark.parametrize("expedited", [True, False])
async def test_other_tasks_run_between_the_turns_of_a_backlog(expedited: bool) -> None:
    work_queue = WorkQueue()
    work_queue.touch("a", ["one", "two", "three"])
    if expedited:
        work_queue.expedite()
    renewals: list[int] = []

    async def renew() -> None:
        while True:
            renewals.append(len(renewals))
            await asyncio.sleep(0)

    lease = asyncio.create_task(renew())
    work_queue.pop(most=1)
    async with asyncio.timeout(60):
        await work_queue.gather(3600)
    seen = len(renewals)
    work_queue.pop(most=1)
    async with asyncio.timeout(60):
        await work_queue.gather(3600)
    assert 0 < seen < len(renewals)
    lease.cancel()
