"""Database URLs as people write them."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.db import BadUrl, dsn, engine
from ibgu.db.engine import driver


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
@pytest.mark.parametrize(
    "rest", ["u:p%40ss@db:5432/ibgu?sslmode=require", "postgres@/postgres?host=/var/run/x"]
)
def test_every_form_of_scheme(scheme: str, rest: str) -> None:
    assert dsn(f"{scheme}://{rest}") == f"postgresql://{rest}"


@pytest.mark.parametrize("url", ["", "db:5432/ibgu", "mysql://u:secret@db/ibgu"])
def test_what_is_no_postgres_url(url: str) -> None:
    with pytest.raises(BadUrl, match="postgresql://") as caught:
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
    async with driver(db) as connection:
        found: int = await connection.fetchval("SELECT pg_backend_pid()")
        return found


async def test_it_goes_back_to_the_pool(db: AsyncEngine) -> None:
    first = await session(db)
    with pytest.raises(asyncpg.UndefinedTableError):
        async with driver(db) as connection:
            await connection.fetch("SELECT * FROM nowhere")
    assert await session(db) == first
    async with db.connect() as connection:
        assert await connection.scalar(text("SELECT pg_backend_pid()")) == first


async def test_one_that_is_left_before_the_answer_is_not_used_again(db: AsyncEngine) -> None:
    first = await session(db)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), driver(db) as connection:
            await connection.execute("SELECT pg_sleep(60)")
    assert await session(db) != first


async def test_one_that_is_lost_says_so(db: AsyncEngine) -> None:
    with pytest.raises(ConnectionResetError):
        async with driver(db) as connection:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert await session(db)


async def test_one_that_was_lost_in_the_pool_is_replaced(db: AsyncEngine) -> None:
    lost = asyncio.Event()
    async with driver(db) as connection:
        connection.add_termination_listener(lambda _: lost.set())
        first = connection.get_server_pid()
        async with driver(db) as other:
            await other.execute("SELECT pg_terminate_backend($1)", first)
            second = other.get_server_pid()
    await lost.wait()
    assert {await session(db) for _ in range(3)}.isdisjoint({first})
    assert second != first
