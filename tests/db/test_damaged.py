"""A page of Postgres that a faulty disk has damaged: no start, and words that say what to do."""

from pathlib import Path

import pytest
from sqlalchemy import text

from ibgu.db import Journal, UnreadableJournal, engine
from ibgu.db.health import health
from ibgu.db.migrate import upgrade
from ibgu.sandbox.postgres import EmbeddedPostgres
from tests.db.records import members, opening, rollout, step


@pytest.mark.parametrize("table", ["rollouts", "steps", "members"])
async def test_a_damaged_page_ends_a_start_in_words(table: str, tmp_path: Path) -> None:
    with EmbeddedPostgres() as postgres:
        await upgrade(postgres.url)
        page = await _filled(postgres, table)
        postgres.kill_server()
        with page.open("r+b") as file:
            file.write(b"\xff" * 8192)
        postgres.start_server()
        db = engine(postgres.url)
        with pytest.raises(UnreadableJournal, match=r"is damaged .*: restore the database from"):
            await Journal(db, "hub-1").load()
        await db.dispose()
        (words,) = (await health(postgres.url)).unreadable
        assert "is damaged" in words


async def _filled(postgres: EmbeddedPostgres, table: str) -> Path:
    """Writes a rollout, all of it to the disk, and returns the table's file."""
    db = engine(postgres.url)
    journal = Journal(db, "hub-1")
    await journal.lead("ibgu-0")
    for uid in ("one", "two"):
        first = step(rollout(uid))
        await journal.commit(opening(rollout(uid), first, waiting=members(first, uid)))
    async with db.connect() as connection:
        await connection.execute(text("CHECKPOINT"))
        path = await connection.scalar(text("SELECT pg_relation_filepath(:of)"), {"of": table})
    await db.dispose()
    return postgres.data / str(path)
