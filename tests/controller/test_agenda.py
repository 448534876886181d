import asyncio
from itertools import pairwise

import pytest

from ibgu.controller.agenda import APART, ROLLOUTS, Agenda


def test_everything_is_taken_once() -> None:
    agenda = Agenda()
    agenda.touch("a", ["one", "two"])
    agenda.touch("b")
    agenda.touch_patch("uid")

    assert agenda.take() == ({"a": {"one": None, "two": None}, "b": {}}, ["uid"])
    assert agenda.take() == ({}, [])
    assert not agenda.changed.is_set()


def test_more_than_a_turn_bears_is_taken_in_parts_and_nothing_is_lost() -> None:
    agenda = Agenda()
    names = [f"site-{number}" for number in range(7)]
    agenda.touch("a", names)

    taken: list[str] = []
    while agenda.changed.is_set():
        touched, _ = agenda.take(most=3)
        assert len(touched["a"]) <= 3
        taken += touched["a"]
    assert taken == names


def test_a_large_rollout_does_not_keep_the_others_waiting() -> None:
    agenda = Agenda(lambda _: "default")
    agenda.touch("large", ["one", "two", "three"])
    agenda.touch("small", ["four"])

    assert agenda.take(most=2)[0] == {"large": {"one": None, "two": None}}
    agenda.touch("large", ["one"])
    assert agenda.take(most=2)[0] == {"small": {"four": None}, "large": {"three": None}}
    assert agenda.take(most=2)[0] == {"large": {"one": None}}


def namespace(rollout: str) -> str:
    return rollout.partition("/")[0]


def test_a_tenant_with_many_rollouts_keeps_no_other_waiting() -> None:
    agenda = Agenda(namespace)
    for number in range(250):
        agenda.touch(f"noisy/{number}", [f"site-{number}-{one}" for one in range(8)])
    agenda.touch("calm/1", ["one"])
    agenda.touch("calm/2", ["two"])

    touched, _ = agenda.take()
    assert list(touched)[:4] == ["noisy/0", "calm/1", "noisy/1", "calm/2"]
    assert len(touched) == ROLLOUTS
    assert agenda.changed.is_set()


def test_of_many_clusters_each_tenant_has_its_share() -> None:
    agenda = Agenda(namespace)
    agenda.touch("noisy/large", [f"site-{number}" for number in range(5000)])
    agenda.touch("calm/large", [f"edge-{number}" for number in range(400)])

    touched, _ = agenda.take(most=1000)
    assert {uid: len(names) for uid, names in touched.items()} == {
        "noisy/large": 500,
        "calm/large": 400,
    }
    assert len(agenda.take(most=1000)[0]["noisy/large"]) == 1000, "alone it has all of a turn"


async def test_what_is_left_wakes_the_next_turn_at_once() -> None:
    agenda = Agenda()
    agenda.touch("a", ["one", "two"])
    agenda.take(most=1)

    async with asyncio.timeout(60):
        await agenda.changed.wait()
    assert agenda.take(most=1)[0] == {"a": {"two": None}}
    assert not agenda.changed.is_set()


async def test_it_gathers_until_something_is_urgent() -> None:
    agenda = Agenda()
    agenda.touch("a", ["one"])
    waiting = asyncio.create_task(agenda.gather(3600))
    await asyncio.sleep(0)
    assert not waiting.done()

    agenda.touch("a", ["two"])
    agenda.hurry()
    async with asyncio.timeout(60):
        await waiting
    assert agenda.take()[0] == {"a": {"one": None, "two": None}}


async def test_who_was_in_a_hurry_and_is_taken_hurries_nobody_else() -> None:
    agenda = Agenda()
    agenda.touch("a", ["one"])
    agenda.hurry()
    agenda.take()

    agenda.touch("a", ["two"])
    waiting = asyncio.create_task(agenda.gather(0.01))
    await asyncio.sleep(0)
    assert not waiting.done()
    await waiting


async def test_turns_are_apart_however_urgent() -> None:
    agenda, loop = Agenda(), asyncio.get_running_loop()
    began: list[float] = []
    for name in ("one", "two", "three"):
        agenda.touch_now("a", [name])
        await agenda.gather(3600)
        began.append(loop.time())
        assert agenda.take()[0] == {"a": {name: None}}
    # A clock that counts in steps may be one of them short.
    assert all(later - first > APART * 0.9 for first, later in pairwise(began))


@pytest.mark.parametrize("hurried", [True, False])
async def test_others_have_their_part_between_a_turn_and_what_it_left_over(hurried: bool) -> None:
    agenda = Agenda()
    agenda.touch("a", ["one", "two", "three"])
    if hurried:
        agenda.hurry()
    renewals: list[int] = []

    async def renew() -> None:
        while True:
            renewals.append(len(renewals))
            await asyncio.sleep(0)

    lease = asyncio.create_task(renew())
    agenda.take(most=1)
    async with asyncio.timeout(60):
        await agenda.gather(3600)
    seen = len(renewals)
    agenda.take(most=1)
    async with asyncio.timeout(60):
        await agenda.gather(3600)
    assert 0 < seen < len(renewals)
    lease.cancel()
