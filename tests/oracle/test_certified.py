"""A rollout is proven from the events that Postgres has."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state import FleetState
from ibgu.core.model.kinds import LabelSelector
from ibgu.db import Journal
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.gates.policies.policy import policy
from tests.db.conftest import db, journal, leading
from tests.db.recording import tell
from tests.oracle import PolicyTotals, Rule
from tests.oracle.certified import certify
from tests.oracle.event_log import event_log
from tests.oracle.logs import log_of, told

__all__ = ["db", "journal", "leading"]

HUB = "hub-1"
DAY = timedelta(days=1)


def two_rollouts() -> InMemoryEngine:
    """The second one cancels the first on two of three clusters; a third one is by itself."""
    engine = InMemoryEngine("site-1", "site-2", "site-3")
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(minutes=2)
    engine.apply(ibgu("b", "Abort", age=-1))
    engine.wait(hours=1)
    engine.join("other-1")
    return engine


async def tamper(db: AsyncEngine, statement: str) -> None:
    async with db.begin() as connection:
        await connection.execute(text("ALTER TABLE events DISABLE TRIGGER USER"))
        await connection.execute(text(statement))


async def test_a_committed_history_is_certified(journal: Journal, db: AsyncEngine) -> None:
    engine = two_rollouts()
    await tell(journal, engine)
    findings = await certify(db, HUB)
    assert told(findings) == []
    assert findings.valid


async def test_events_are_read_back_unchanged(journal: Journal, db: AsyncEngine) -> None:
    engine = two_rollouts()
    await tell(journal, engine)
    async with event_log(db, HUB) as log:
        assert [event async for event in log.everything()] == log_of(engine)


async def test_an_event_that_was_taken_out_is_missed(journal: Journal, db: AsyncEngine) -> None:
    await tell(journal, two_rollouts())
    await tamper(db, "DELETE FROM events WHERE kind = 'RunDisarmed'")
    findings = await certify(db, HUB)
    assert findings.broken[Rule.HISTORY]
    assert findings.broken[Rule.SLOTS]
    assert "are missing from the hub's history" in str(told(findings))


async def test_an_event_that_was_changed_is_found(journal: Journal, db: AsyncEngine) -> None:
    await tell(journal, two_rollouts())
    await tamper(db, "UPDATE events SET epoch = 4 WHERE kind = 'RunAccepted'")
    assert "no controller led in epoch 4" in str(told(await certify(db, HUB)))


async def test_each_leader_writes_in_its_own_time(
    leading: Callable[..., Awaitable[Journal]], db: AsyncEngine
) -> None:
    engine = two_rollouts()
    half = len(engine.said) // 2
    first, second = InMemoryEngine(), InMemoryEngine()
    first.said, second.said = engine.said[:half], engine.said[half:]
    fleet = FleetState()
    await tell(await leading("ibgu-0"), first, fleet)
    await tell(await leading("ibgu-1"), second, fleet)
    assert told(await certify(db, HUB)) == []
    await tamper(db, "UPDATE events SET epoch = 2 WHERE seq = 3")
    assert "ibgu-1 wrote outside of its epoch 2" in str(told(await certify(db, HUB)))


# -- policies ------------------------------------------------------------------------------


async def dated(db: AsyncEngine, seen_at: datetime, gone_at: datetime | None = None) -> None:
    """Dates what was noted: stories begin long before the database's own time."""
    async with db.begin() as connection:
        statement = text("UPDATE rollout_policies SET seen_at = :seen_at, gone_at = :gone_at")
        await connection.execute(statement, {"seen_at": seen_at, "gone_at": gone_at})


def side_by_side() -> InMemoryEngine:
    """Two rollouts, on a cluster each, at the same time."""
    engine = InMemoryEngine("site-1", "site-2")
    engine.labels |= {"site-1": {"of": "a"}, "site-2": {"of": "b"}}
    for name in ("a", "b"):
        engine.apply(ibgu(name, "Prep", selectors=(LabelSelector({"of": name}),)))
    engine.wait(hours=1)
    return engine


async def test_starts_are_judged_by_the_policies_that_the_journal_has(
    journal: Journal, db: AsyncEngine
) -> None:
    await journal.note_policies([policy("one-by-one", inFlight=1)])
    await dated(db, START - DAY)
    await tell(journal, side_by_side())
    findings = await certify(db, HUB)
    assert findings.broken == {Rule.POLICIES: 1}
    assert findings.policies == PolicyTotals(1, 2, 0, {})
    assert "(RolloutPolicy/one-by-one)" in str(told(findings))


@pytest.mark.parametrize(("gone_at", "valid"), [(START - DAY, True), (START + DAY, False)])
async def test_a_policy_that_had_gone_by_the_start_is_not_asked(
    journal: Journal, db: AsyncEngine, gone_at: datetime, valid: bool
) -> None:
    await journal.note_policies([policy(inFlight=1)])
    await journal.note_policies([])
    await dated(db, START - 2 * DAY, gone_at)
    await tell(journal, side_by_side())
    assert (await certify(db, HUB)).valid is valid
