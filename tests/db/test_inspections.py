"""Requests for inspections of clusters, and their results."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.drivers.ibu.preflight.inspection import InspectedFacts, Reading, ReadResult
from ibgu.db import Journal
from ibgu.db.errors import LeadershipLost
from ibgu.db.inspections import FinishedInspection, Inspections, OpenInspection
from tests.db.conftest import HUB

AT = datetime(2026, 1, 1, tzinfo=UTC)
FACTS = InspectedFacts(AT, {"Etcd cluster": Reading(ReadResult.FOUND, values={"n": 1, "b": True})})
HOUR, NOW, LONG = timedelta(hours=1), timedelta(), timedelta(days=1)


@pytest.fixture
def store(db: AsyncEngine, journal: Journal) -> Inspections:
    return Inspections(db, HUB)


async def clusters(store: Inspections) -> list[str]:
    return [each.cluster for each in await store.open(100)]


async def test_a_request_is_open_until_its_result_is_stored(store: Inspections) -> None:
    await store.request(["b", "a"], "1", HOUR)
    assert await store.open(100) == [OpenInspection("a", "1"), OpenInspection("b", "1")]
    assert await store.open(1) == [OpenInspection("a", "1")]
    assert await store.left(["a", "b", "c"]) == 2
    done = [
        FinishedInspection("a", "1", FACTS),
        FinishedInspection("b", "1", problem="did not answer"),
    ]
    await store.finish(done, 1)
    assert await store.open(100) == []
    found = await store.results(["a", "b", "c"], HOUR)
    assert sorted(found) == ["a", "b"]
    assert found["a"].facts is not None
    assert found["a"].facts.readings == FACTS.readings
    assert datetime.now(UTC) - found["a"].facts.read_at < HOUR
    assert (found["b"].open, found["b"].problem, found["b"].facts) == (
        False,
        "did not answer",
        None,
    )


async def test_one_request_serves_all_callers(store: Inspections) -> None:
    await store.request(["a"], "1", HOUR)
    await store.request(["a", "b"], "2", NOW)
    assert {each.cluster: each.id for each in await store.open(9)} == {"a": "1", "b": "2"}
    await store.finish([FinishedInspection("a", "1", FACTS)], 1)
    await store.request(["a"], "3", HOUR)
    assert await clusters(store) == ["b"]


async def test_a_later_request_reads_again_and_keeps_the_facts_until_then(
    store: Inspections,
) -> None:
    await store.request(["a"], "1", NOW)
    await store.finish([FinishedInspection("a", "1", FACTS)], 1)
    await store.request(["a"], "2", NOW)
    found = await store.results(["a"], HOUR)
    assert (found["a"].open, found["a"].facts is not None) == (True, True)
    await store.finish([FinishedInspection("a", "1", problem="late")], 1)
    assert await clusters(store) == ["a"]
    await store.finish([FinishedInspection("a", "2", problem="off")], 1)
    found = await store.results(["a"], HOUR)
    assert (found["a"].problem, found["a"].facts is not None) == ("off", True)


async def test_facts_that_are_too_old_are_left_out(store: Inspections, db: AsyncEngine) -> None:
    await store.request(["a"], "1", NOW)
    await store.finish([FinishedInspection("a", "1", FACTS)], 1)
    async with db.begin() as connection:
        old = "UPDATE cluster_inspections SET read_at = read_at - interval '2 hours'"
        await connection.execute(text(old))
    assert (await store.results(["a"], HOUR))["a"].facts is None
    assert (await store.results(["a"], LONG))["a"].facts is not None


async def test_facts_of_another_version_are_left_out(store: Inspections, db: AsyncEngine) -> None:
    await store.request(["a"], "1", NOW)
    await store.finish([FinishedInspection("a", "1", FACTS)], 1)
    async with db.begin() as connection:
        await connection.execute(text("UPDATE cluster_inspections SET facts = '{\"x\": []}'"))
    assert (await store.results(["a"], HOUR))["a"].facts is None


async def test_only_the_leader_stores_results(
    store: Inspections, leading: Callable[..., Coroutine[Any, Any, Journal]]
) -> None:
    await store.request(["a"], "1", NOW)
    await leading("ibgu-1")
    with pytest.raises(LeadershipLost):
        await store.finish([FinishedInspection("a", "1", FACTS)], 1)
    with pytest.raises(LeadershipLost):
        await store.prune(1)
    assert await clusters(store) == ["a"]
    await store.finish([FinishedInspection("a", "1", FACTS)], 2)
    assert await clusters(store) == []


async def test_old_rows_are_pruned(store: Inspections, db: AsyncEngine) -> None:
    await store.request(["a", "b"], "1", NOW)
    async with db.begin() as connection:
        old = "UPDATE cluster_inspections SET requested_at = now() - interval '2 days'"
        await connection.execute(text(f"{old} WHERE cluster = 'a'"))
    await store.prune(1)
    assert await clusters(store) == ["b"]


async def test_a_hub_that_no_controller_has_led_takes_no_request(
    db: AsyncEngine, journal: Journal
) -> None:
    other = Inspections(db, "hub-2")
    await other.request(["a"], "1", NOW)
    assert await other.open(9) == []
