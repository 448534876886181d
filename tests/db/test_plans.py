"""Reads of one rollout or one cluster do not read whole tables."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.model import Action, Cause, MemberState, Outcome, ReasonKind
from ibgu.db import Journal, engine
from ibgu.db.migrate import upgrade
from ibgu.db.reads import Reads
from ibgu.db.reads.cursor import encode
from tests.db.records import NOW, ended, ending, member, opening, rollout, started, starting
from tests.db.records import step as step_of

ROLLOUTS, CLUSTERS = 20, 1000
BLOCKS = 400
"""A page of 50 members with its joins touches 320; each table has over 1,000."""
Statement = tuple[str, tuple[Any, ...]]


@pytest.fixture
async def full(database_url: str) -> AsyncIterator[AsyncEngine]:
    """20,000 members, runs, and more events."""
    await upgrade(database_url)
    db = engine(database_url)
    journal = Journal(db, "hub-1")
    await journal.lead("ibgu-0")
    for number in range(ROLLOUTS):
        one = rollout(f"r{number}", age=number)
        first = step_of(one, max_concurrency=CLUSTERS)
        waiting = [member(first, f"c{index}", index) for index in range(CLUSTERS)]
        running = [started(each, each.position + 1) for each in waiting]
        await journal.commit(opening(one, first, waiting=waiting))
        await journal.commit(starting(*running))
        await journal.commit(ending(*(ended(each) for each in running)))
    async with db.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE"))
    yield db
    await db.dispose()


@contextmanager
def recording(db: AsyncEngine) -> Iterator[list[Statement]]:
    """The statements that are sent meanwhile."""
    sent: list[Statement] = []

    def note(_c: Any, _cursor: Any, statement: str, values: tuple[Any, ...], *_: Any) -> None:
        sent.append((statement, values))

    event.listen(db.sync_engine, "before_cursor_execute", note)
    yield sent
    event.remove(db.sync_engine, "before_cursor_execute", note)


async def explained(db: AsyncEngine, statement: Statement) -> tuple[set[str], int]:
    """The tables that Postgres reads from end to end for it, and how many blocks it touches."""
    async with db.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        explain = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)"
        answer = await raw.fetchval(f"{explain} {statement[0]}", *statement[1])
    plan = (msgspec.json.decode(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    return set(_scans(plan)), plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def _scans(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for inner in node:
            yield from _scans(inner)
    elif isinstance(node, dict):
        if node.get("Node Type") == "Seq Scan":
            yield node["Relation Name"]
        for inner in node.values():
            yield from _scans(inner)


async def test_no_table_is_read_from_end_to_end(full: AsyncEngine) -> None:
    reads = Reads(full, "hub-1")
    with recording(full) as sent:
        await reads.rollout("default", "ibgu-r3")
        await reads.rollout_by_uid("r3")
        await reads.steps("r3")
        await reads.members("r3", limit=50)
        await reads.members("r3", limit=50, cursor=encode((NOW, 0, 500)))
        await reads.members("r3", step=0, state=MemberState.IN_FLIGHT)
        await reads.members("r3", outcome=Outcome.FAILED, cause=Cause.PREP_FAILED)
        await reads.members("r3", prefix="c77")
        await reads.members("r3", step=0, clusters=["c77", "c78"])
        await reads.members("r3", reason=ReasonKind.SLOT, slower_than={Action.PREP: 1.0})
        await reads.failed("r3")
        await reads.grid("r3", 0)
        await reads.course("r3", 0, 199)
        await reads.find("default", "ibgu-r3")
        await reads.namespaces()
        await reads.events("r3", after=7000, limit=50)
        await reads.visits("c77", limit=10)
        await reads.visits("c77", rollout="r3")
        await reads.clusters(prefix="c77", namespaces=["default"], limit=50)
        await reads.cluster("c77")
        await reads.cluster_events("c77", limit=50)
    assert len(sent) > 13
    for statement in sent:
        scans, blocks = await explained(full, statement)
        assert not scans & {"members", "runs", "events"}, statement[0]
        assert blocks < BLOCKS, statement[0]
