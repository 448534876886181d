"""Database URLs as people write them."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import QueuePool, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.db import InvalidDatabaseUrl, dsn, engine
from ibgu.db.engine import raw
from tests.db.records import rows


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
@pytest.mark.parametrize(
    "rest", ["u:p%40ss@db:5432/ibgu?sslmode=require", "postgres@/postgres?host=/var/run/x"]
)
def test_every_form_of_scheme(scheme: str, rest: str) -> None:
    assert dsn(f"{scheme}://{rest}") == f"postgresql://{rest}"


@pytest.mark.parametrize("url", ["", "db:5432/ibgu", "mysql://u:secret@db/ibgu"])
def test_invalid_database_urls_are_refused(url: str) -> None:
    with pytest.raises(InvalidDatabaseUrl, match="postgresql://") as caught:
        dsn(url)
    assert "secret" not in str(caught.value)


async def test_a_real_connection(database_url: str) -> None:
    db = engine(database_url)
    async with db.connect() as connection:
        assert (await connection.execute(text("SHOW application_name"))).scalar() == "ibgu"
    await db.dispose()
    assert "@" not in str(db.url)


# -- asyncpg's own connection --------------------------------------------------------------------


async def session(db: AsyncEngine) -> int:
    async with raw(db) as connection:
        found: int = await connection.fetchval("SELECT pg_backend_pid()")
        return found


async def test_a_raw_connection_returns_to_the_pool(db: AsyncEngine) -> None:
    first = await session(db)
    with pytest.raises(asyncpg.UndefinedTableError):
        async with raw(db) as connection:
            await connection.fetch("SELECT * FROM nowhere")
    assert await session(db) == first
    async with db.connect() as connection:
        assert await connection.scalar(text("SELECT pg_backend_pid()")) == first


async def test_a_timeout_ends_the_running_statement(db: AsyncEngine) -> None:
    """A statement that went on would keep its locks, and its place among the connections."""
    first = await session(db)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), raw(db) as connection:
            await connection.execute("SELECT pg_sleep(600)")
    await ended(db, first)
    assert await session(db) != first


async def ended(db: AsyncEngine, pid: int) -> None:
    while True:
        if not await rows(db, "SELECT FROM pg_stat_activity WHERE pid = :pid", pid=pid):
            return
        await asyncio.sleep(0.01)


async def test_a_lost_connection_raises_a_connection_error(db: AsyncEngine) -> None:
    with pytest.raises(ConnectionResetError):
        async with raw(db) as connection:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert await session(db)


async def test_a_connection_lost_in_the_pool_is_replaced(db: AsyncEngine) -> None:
    lost = asyncio.Event()
    async with raw(db) as connection:
        connection.add_termination_listener(lambda _: lost.set())
        first = connection.get_server_pid()
        async with raw(db) as other:
            await other.execute("SELECT pg_terminate_backend($1)", first)
    await lost.wait()
    assert first not in {await session(db) for _ in range(3)}


@pytest.mark.parametrize("error", [ValueError("a mistake"), asyncio.CancelledError()])
async def test_nothing_of_the_pool_is_lost(db: AsyncEngine, error: BaseException) -> None:
    for _ in range(3):
        with pytest.raises(type(error)):
            async with raw(db):
                raise error
    assert isinstance(db.pool, QueuePool)
    assert db.pool.checkedout() == 0


async def test_a_refused_connection_raises_the_error_of_postgres(database_url: str) -> None:
    nowhere = make_url(database_url).set(database="nowhere")
    db = engine(nowhere.render_as_string(hide_password=False))
    with pytest.raises(asyncpg.InvalidCatalogNameError, match="nowhere"):
        async with raw(db):
            pass
    await db.dispose()
