"""A migration meets a leader of the version before, which goes on until a new one leads."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from alembic import command
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.drivers.ibu.actions import Action
from ibgu.db import Changeset, Journal, LeadershipLost, engine
from ibgu.db import migrate as migrating
from ibgu.db.journal import fencing, write
from ibgu.db.migrate import head, upgrade
from ibgu.db.reads import Reads
from tests.db.records import ended, ending, members, opening, rollout, rows, started, starting, step

OLD = "0002"
NEW_COLUMNS = (
    ("seed_resumed_at", "budget_resumed_at", "across_namespaces", "preflight", "follow_ups"),
    ("armed_generation",),
    ("warning", "rollback_until", "accepted_warning", "paused_since", "resuming", "part_at"),
    ("grants", "object_kind"),
)
"""The columns of `steps`, `runs`, `members` and `rollouts` that the old version does not know."""
LOCKS_WANTED = """
    SELECT count(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation
    WHERE NOT granted AND relname = 'steps' AND mode = :mode
"""


@pytest.fixture
async def db(empty_url: str) -> AsyncIterator[AsyncEngine]:
    """A database with the schema before 0003."""
    pool = engine(empty_url)
    async with pool.begin() as connection:
        await connection.run_sync(_to_old)
    yield pool
    await pool.dispose()


def _to_old(connection: Connection) -> None:
    config = migrating._config()
    config.attributes["connection"] = connection
    command.upgrade(config, OLD)


@pytest.fixture
async def old(db: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """A leader that knows the old schema only: its commits name no new column."""
    told = str(write._TURN).replace(
        "coalesce(excluded.preflight, steps.preflight)", "excluded.preflight"
    )
    for columns in NEW_COLUMNS:
        changed = "".join(f", {column} = excluded.{column}" for column in columns)
        for words in (changed, "".join(f", {column}" for column in columns)):
            assert words in told
            told = told.replace(words, "")
    monkeypatch.setattr(write, "_TURN", text(told))
    monkeypatch.setattr(fencing, "VERSION", int(OLD))
    monkeypatch.setattr(fencing, "problem", lambda revision: None)
    journal = Journal(db, "hub-1")
    await journal.lead("old")
    return journal


async def test_a_leaders_commit_and_reads_in_its_middle_wait_for_nobody_for_ever(
    db: AsyncEngine, old: Journal, empty_url: str
) -> None:
    """A commit holds its tables, the migration wants them, a reader stands behind it."""
    first = _opening("r1")
    await old.commit(first)
    reads = Reads(db, "hub-1")
    async with db.begin() as blocker:
        await blocker.execute(text("SELECT FROM members WHERE rollout = 'r1' FOR UPDATE"))
        committing = asyncio.create_task(old.commit(_starting("r1")))
        await _until(db, "SELECT count(*) FROM pg_locks WHERE NOT granted")
        migrated = asyncio.create_task(upgrade(empty_url))
        await _until(db, LOCKS_WANTED, mode="AccessExclusiveLock")
        reading = asyncio.create_task(reads.steps("r1"))
        await _until(db, LOCKS_WANTED, mode="AccessShareLock")
    assert await migrated == head()
    await committing
    assert [row.step.across_namespaces for row in await reading] == [True]
    assert await rows(db, "SELECT state FROM runs") == [("intended",)]


async def test_commits_made_during_a_migration_are_all_loaded(
    db: AsyncEngine, old: Journal, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrated = asyncio.create_task(upgrade(empty_url))
    count = 0
    while not migrated.done() or count < 60:
        await _whole(old, f"r{count}")
        count += 1
    assert await migrated == head()
    monkeypatch.undo()
    new = Journal(db, "hub-1")
    await new.lead("new")
    with pytest.raises(LeadershipLost):
        await old.commit(_opening("late"))
    uids = {f"r{number}" for number in range(count)}
    loaded = await new.load(uids)
    assert {found.uid for found in loaded.rollouts} == uids
    assert {(found.rollout, found.across_namespaces) for found in loaded.steps} == {
        (uid, True) for uid in uids
    }
    assert await rows(db, "SELECT count(*), max(seq) FROM events") == [(4 * count, 4 * count)]
    await new.commit(_opening("next"))


def _opening(uid: str) -> Changeset:
    one = rollout(uid)
    first = step(one, 0, Action.PREP)
    return opening(one, first, waiting=members(first, f"site-{uid}"))


def _starting(uid: str) -> Changeset:
    (found,) = members(step(rollout(uid), 0, Action.PREP), f"site-{uid}")
    return starting(started(found, slot=1))


async def _whole(journal: Journal, uid: str) -> None:
    """A rollout of one cluster, from its beginning to its end: four events in three commits."""
    await journal.commit(_opening(uid))
    (found,) = members(step(rollout(uid), 0, Action.PREP), f"site-{uid}")
    flying = started(found, slot=1)
    await journal.commit(starting(flying))
    await journal.commit(ending(ended(flying)))


async def _until(db: AsyncEngine, count: str, **values: str) -> None:
    """Waits until Postgres counts at least one."""
    while True:
        [(found,)] = await rows(db, count, **values)
        if found:
            return
        await asyncio.sleep(0.01)
