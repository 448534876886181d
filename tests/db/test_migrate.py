"""The migrations make what the schema describes: from empty, twice, and at the same time."""

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.db import Journal, JournalUnavailable, SchemaMismatch, engine, revision
from ibgu.db.migrate import head, upgrade
from ibgu.db.revision import current, newer, problem
from ibgu.db.schema import VERSION, metadata
from ibgu.resources import shipped

CATALOG = """
SELECT 'column', format('%s.%s %s %s %s %s %s', c.relname, a.attname,
    format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated,
    pg_get_expr(d.adbin, d.adrelid), l.collname)
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
UNION ALL SELECT 'table', format('%s %s', relname, reloptions)
  FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
UNION ALL SELECT 'constraint', format('%s %s', conname, pg_get_constraintdef(oid))
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', pg_get_indexdef(indexrelid)
  FROM pg_index JOIN pg_class c ON c.oid = indexrelid
  WHERE c.relnamespace = 'public'::regnamespace
UNION ALL SELECT 'trigger', pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', pg_get_functiondef(oid)
  FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""


async def catalog(db: AsyncEngine) -> set[tuple[str, str]]:
    async with db.connect() as connection:
        found = {(row[0], row[1]) for row in await connection.execute(text(CATALOG))}
    return {(kind, words) for kind, words in found if "alembic_version" not in words}


async def test_an_empty_database_gets_the_head(empty_url: str) -> None:
    assert await current(empty_url) is None
    assert await upgrade(empty_url) == head()
    assert await current(empty_url) == head()


async def test_the_second_time_nothing_happens(empty_url: str) -> None:
    await upgrade(empty_url)
    db = engine(empty_url)
    await Journal(db, "hub-1").lead("ibgu-0")
    assert await upgrade(empty_url) == head()
    assert await Journal(db, "hub-1").lead("ibgu-0") == 2
    await db.dispose()


async def test_migrations_at_the_same_time_wait_for_each_other(empty_url: str) -> None:
    assert await asyncio.gather(*(upgrade(empty_url) for _ in range(4))) == [head()] * 4


async def test_models_and_migrations_agree_for_alembic(db: AsyncEngine) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with db.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_models_and_migrations_agree_to_the_last_constraint(
    database_url: str, db: AsyncEngine
) -> None:
    """The test compares what Alembic does not, too. A new value of an enumeration needs a
    migration."""
    migrated = await catalog(db)
    async with db.begin() as connection:
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
        await connection.run_sync(metadata.create_all)
    assert migrated == await catalog(db)


def test_the_version_is_the_newest_migration() -> None:
    assert int(head()) == VERSION
    files = {path.name[:4] for path in (shipped("migrations") / "versions").glob("0*.py")}
    assert int(max(files)) == VERSION


async def test_a_newer_database_is_left_alone(database_url: str, db: AsyncEngine) -> None:
    async with db.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaMismatch, match="schema 9999, newer than"):
        await upgrade(database_url)
    with pytest.raises(SchemaMismatch, match="run the newer ibgu"):
        await Journal(db, "hub-1").lead("ibgu-0")


async def test_no_lead_on_an_empty_database(empty_url: str) -> None:
    db = engine(empty_url)
    with pytest.raises(SchemaMismatch, match="run `ibgu migrate`"):
        await Journal(db, "hub-1").lead("ibgu-0")
    await db.dispose()


async def test_a_database_of_an_unreleased_version_is_refused(
    database_url: str, db: AsyncEngine
) -> None:
    for number in ("0001", "0014", "a-branch"):
        async with db.begin() as connection:
            renumbered = text("UPDATE alembic_version SET version_num = :number")
            await connection.execute(renumbered, {"number": number})
        with pytest.raises(SchemaMismatch, match="by an unreleased version of ibgu: create a new"):
            await upgrade(database_url)
        with pytest.raises(SchemaMismatch, match="by an unreleased version of ibgu: create a new"):
            await Journal(db, "hub-1").lead("ibgu-0")
        assert "unreleased" in (problem(await current(database_url)) or "")


async def test_no_lead_after_a_newer_ibgu_has_led(db: AsyncEngine) -> None:
    await Journal(db, "hub-1").lead("ibgu-0")
    async with db.begin() as connection:
        await connection.execute(text("UPDATE hubs SET schema_floor = 2"))
    with pytest.raises(SchemaMismatch, match="led by an ibgu of schema 2"):
        await Journal(db, "hub-1").lead("ibgu-1")


async def test_other_schema_errors_are_raised_unchanged(db: AsyncEngine) -> None:
    async with db.begin() as connection:
        await connection.execute(text("ALTER TABLE alembic_version RENAME version_num TO other"))
    with pytest.raises(DBAPIError, match="version_num"):
        await Journal(db, "hub-1").lead("ibgu-0")


def test_each_revision_has_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    assert problem(head()) is None
    assert "ibgu migrate" in (problem(None) or "")
    assert "run the newer ibgu" in (problem(str(VERSION + 1)) or "")
    assert newer(str(VERSION + 1))
    assert not newer("0014")
    monkeypatch.setattr(revision, "VERSION", VERSION + 1)
    assert "has schema 1, this version of ibgu needs 2: run `ibgu migrate`" in (problem("1") or "")


async def test_a_database_that_does_not_answer(tmp_path: object) -> None:
    with pytest.raises(JournalUnavailable, match="reading its schema"):
        await current(f"postgresql://postgres@/postgres?host={tmp_path}")
