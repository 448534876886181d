"""R46.10: a step's clusters are inspected before an enforced preflight judges them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ibgu.controller.lookups import step_inspections
from ibgu.controller.lookups.step_inspections import StepInspections
from ibgu.core.drivers.ibu.preflight.inspection import InspectedFacts, Reading, ReadResult
from ibgu.db import Journal
from ibgu.db.inspections import FinishedInspection, Inspections
from tests.db.conftest import HUB, db, journal, leading

__all__ = ["db", "journal", "leading"]
FACTS = InspectedFacts(
    datetime(2026, 1, 1, tzinfo=UTC), {"Etcd cluster": Reading(ReadResult.FOUND)}
)
HOUR = timedelta(hours=1)
STEP = ("uid-a", 0)


@pytest.fixture
def store(db: AsyncEngine, journal: Journal) -> Inspections:
    return Inspections(db, HUB)


async def open_ids(store: Inspections) -> dict[str, str]:
    return {each.cluster: each.id for each in await store.open(9)}


async def finish(store: Inspections, *clusters: str) -> None:
    ids = await open_ids(store)
    await store.finish([FinishedInspection(name, ids[name], FACTS) for name in clusters], 1)


async def test_a_step_waits_until_all_its_inspections_have_ended(store: Inspections) -> None:
    inspections = StepInspections(store, HOUR, 60)
    assert not await inspections.ended(STEP, ["a", "b"])
    requested = await open_ids(store)
    assert sorted(requested) == ["a", "b"]
    await finish(store, "a")
    assert not await inspections.ended(STEP, ["a", "b"])
    await finish(store, "b")
    assert await inspections.ended(STEP, ["a", "b"])
    found = await inspections.results(["a", "b"])
    assert found is not None
    assert found["b"].facts is not None


async def test_a_cluster_that_joins_later_is_inspected_too(store: Inspections) -> None:
    inspections = StepInspections(store, HOUR, 60)
    assert not await inspections.ended(STEP, ["a"])
    await finish(store, "a")
    assert await inspections.ended(STEP, ["a"])
    assert not await inspections.ended(STEP, ["a", "b"])
    assert list(await open_ids(store)) == ["b"]
    await finish(store, "b")
    assert await inspections.ended(STEP, ["b"])


async def test_a_step_waits_for_no_inspection_that_does_not_end(store: Inspections) -> None:
    inspections = StepInspections(store, HOUR, 60)
    now = [0.0]
    inspections._now = lambda: now[0]
    assert not await inspections.ended(STEP, ["a", "b"])
    now[0] = 80.0
    await finish(store, "a")
    assert not await inspections.ended(STEP, ["a", "b"])
    now[0] = 160.0
    assert not await inspections.ended(STEP, ["a", "b"])
    now[0] = 175.0
    assert await inspections.ended(STEP, ["a", "b"])
    assert await open_ids(store) != {}


async def test_a_step_requests_no_cluster_that_was_just_inspected(store: Inspections) -> None:
    await store.request(["a"], "1", timedelta())
    await finish(store, "a")
    inspections = StepInspections(store, HOUR, 60)
    assert await inspections.ended(STEP, ["a"])
    inspections.forget("uid-a")
    assert await inspections.ended(STEP, ["a"])


async def test_clusters_with_an_error_are_inspected_again_every_five_minutes(
    store: Inspections,
) -> None:
    inspections = StepInspections(store, HOUR, 60)
    now = [0.0]
    inspections._now = lambda: now[0]
    await inspections.renew("uid-a", {"a"})
    now[0] = 299.0
    await inspections.renew("uid-a", {"a"})
    assert await open_ids(store) == {}
    now[0] = 301.0
    await inspections.renew("uid-a", {"a"})
    assert list(await open_ids(store)) == ["a"]
    await inspections.renew("uid-a", set())


async def test_more_clusters_than_one_query_reads_have_their_results(
    store: Inspections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_inspections, "_BATCH", 2)
    names = ["a", "b", "c", "d", "e"]
    await store.request(names, "1", timedelta())
    await finish(store, *names)
    found = await StepInspections(store, HOUR, 60).results(names)
    assert found is not None
    assert sorted(found) == names


async def test_a_journal_that_does_not_respond_is_no_result() -> None:
    engine = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    inspections = StepInspections(Inspections(engine, HUB), HOUR, 60)
    assert not await inspections.ended(STEP, ["a"])
    assert not await inspections.ended(STEP, ["a"])
    assert await inspections.results(["a"]) is None
    await engine.dispose()


async def test_a_step_waits_for_its_inspections_as_long_as_talm_holds_them(
    store: Inspections,
) -> None:
    now, holds = [0.0], [True]
    inspections = StepInspections(store, HOUR, 60, lambda: holds[0])
    inspections._now = lambda: now[0]
    for now[0] in (0.0, 200.0, 400.0):
        assert not await inspections.ended(STEP, ["a"])
    holds[0] = False
    now[0] = 480.0
    assert not await inspections.ended(STEP, ["a"])
    now[0] = 500.0
    assert await inspections.ended(STEP, ["a"])
