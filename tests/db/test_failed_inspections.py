"""Inspections of clusters that have failed, requested by the leader."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.drivers.ibu.preflight.inspection import InspectedFacts
from ibgu.db import Journal
from ibgu.db.errors import LeadershipLost
from ibgu.db.inspections import FinishedInspection, Inspections, OpenInspection
from tests.api.fleet import fleet
from tests.core.drivers.ibu.failures.test_evidence import BACKUP_FAILED
from tests.db.conftest import HUB

FACTS = InspectedFacts(datetime(2026, 1, 1, tzinfo=UTC), failure=BACKUP_FAILED)
NOW = timedelta()
OLDER = """
    UPDATE cluster_inspections SET requested_at = requested_at - make_interval(days => :n)
"""


@pytest.fixture
async def store(db: AsyncEngine, journal: Journal) -> Inspections:
    await fleet(journal)
    return Inspections(db, HUB)


async def fail(db: AsyncEngine, cluster: str, message: str, ago: float = 1) -> None:
    """Adds the newest run of the cluster as failed."""
    async with db.begin() as connection:
        await connection.execute(
            text("""
                INSERT INTO runs (hub, id, rollout, step, cluster, cluster_uid, action, attempt,
                  state, intended_at, ended_at, result, message, disarmed, adopted)
                SELECT hub, gen_random_uuid()::text, rollout, step, cluster, cluster_uid, 'Upgrade',
                  9, 'ended', clock_timestamp(), clock_timestamp() - CAST(:ago AS interval),
                  'failed', :message, true, false
                FROM members WHERE cluster = :cluster ORDER BY step LIMIT 1
            """),
            {"cluster": cluster, "message": message, "ago": timedelta(seconds=ago)},
        )


async def test_a_failure_of_backups_is_requested_once_with_its_message(
    store: Inspections, db: AsyncEngine
) -> None:
    await fail(db, "a", BACKUP_FAILED)
    await fail(db, "b", "failed to reboot: exit status 1")
    await fail(db, "c", BACKUP_FAILED, 660)
    await store.request_failed("1", 1)
    await store.request_failed("2", 1)
    assert await store.open(9) == [OpenInspection("a", "1", BACKUP_FAILED)]
    await store.finish([FinishedInspection("a", "1", FACTS)], 1)
    await store.request_failed("3", 1)
    assert await store.open(9) == []


async def test_a_failure_after_an_inspection_is_read_again(
    store: Inspections, db: AsyncEngine
) -> None:
    await store.request(["a"], "1", NOW)
    await store.finish([FinishedInspection("a", "1", FACTS)], 1)
    await fail(db, "a", BACKUP_FAILED, 0)
    await store.request_failed("2", 1)
    assert [each.id for each in await store.open(9)] == ["2"]


async def test_a_run_after_an_inspection_is_known_with_its_result(
    store: Inspections, db: AsyncEngine
) -> None:
    await store.request(["a", "b"], "1", NOW)
    await store.finish([FinishedInspection(name, "1", FACTS) for name in "ab"], 1)
    await fail(db, "a", BACKUP_FAILED)
    found = await store.results(["a", "b"], timedelta(hours=1))
    assert {name: each.acted for name, each in found.items()} == {"a": True, "b": False}
    assert found["a"].facts is not None


async def test_only_the_leader_requests_inspections_of_failures(
    store: Inspections, db: AsyncEngine
) -> None:
    await fail(db, "a", BACKUP_FAILED)
    with pytest.raises(LeadershipLost):
        await store.request_failed("1", 7)
    assert await store.open(9) == []


async def test_evidence_is_kept_for_two_weeks(store: Inspections, db: AsyncEngine) -> None:
    await store.request(["a", "b"], "1", NOW)
    await store.finish(
        [
            FinishedInspection("a", "1", FACTS),
            FinishedInspection("b", "1", InspectedFacts(FACTS.read_at)),
        ],
        1,
    )
    for days, left in ((2, ["a"]), (13, [])):
        async with db.begin() as connection:
            await connection.execute(text(OLDER), {"n": days})
        await store.prune(1)
        assert sorted(await store.results(["a", "b"], timedelta(days=99))) == left
