"""Nobody has so much under way that others, or the process, suffer."""

import asyncio

import pytest

from ibgu.api.http.concurrency import ConcurrencyLimit, FleetLists
from ibgu.api.problems import Problem


@pytest.fixture
def limit() -> ConcurrencyLimit:
    return ConcurrencyLimit("streams", 3, 2, retry_seconds=30.0)


def test_streams_are_limited_per_user_and_in_total(limit: ConcurrencyLimit) -> None:
    with limit.held("alice"), limit.held("alice"):
        with pytest.raises(Problem, match="alice already has 2 streams") as mine:
            limit.held("alice").__enter__()
        with limit.held("bob"), pytest.raises(Problem, match="has 3 streams already") as ours:
            limit.held("carol").__enter__()
        with limit.held("carol"):
            pass
    assert (mine.value.status, mine.value.headers) == (429, {"Retry-After": "30"})
    assert (ours.value.status, ours.value.code) == (503, "too-many-streams")


def test_a_place_is_given_back_whatever_happens(limit: ConcurrencyLimit) -> None:
    for _ in range(5):
        with pytest.raises(RuntimeError), limit.held("alice"):
            raise RuntimeError
    assert limit._taken == {}


async def test_lists_of_the_fleet_are_made_in_turn() -> None:
    lists, began = FleetLists(of_all=3, of_user=2, at_a_time=1), list[str]()
    release = asyncio.Event()

    async def listed(user: str) -> None:
        async with lists.turn(user):
            began.append(user)
            await release.wait()

    first, *others = [asyncio.create_task(listed(user)) for user in ("alice", "alice", "bob")]
    for _ in range(3):
        await asyncio.sleep(0)
    with pytest.raises(
        Problem, match="alice already has 2 requests in progress that list all clusters"
    ):
        await listed("alice")
    with pytest.raises(Problem, match="has 3 requests in progress that list all clusters already"):
        await listed("carol")
    assert began == ["alice"]
    release.set()
    await asyncio.gather(first, *others)
    assert began == ["alice", "alice", "bob"]
