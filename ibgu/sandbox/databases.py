"""Databases on a Postgres server, embedded or not: made for one test or one demo."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import asyncpg
from sqlalchemy.engine import make_url

TIMEOUT = 120.0
"""Seconds after which a statement is given up: to drop a database waits for every process of the
server."""


def create_database(server_url: str, name: str, *, template: str | None = None) -> str:
    """Create it on the server of `server_url` and return the same URL with its name.

    As a copy of `template`, if one is given, to which no connection may be open meanwhile.
    """
    copy = f" TEMPLATE {_quoted(template)}" if template else ""
    _execute(server_url, f"CREATE DATABASE {_quoted(name)}{copy}")
    return database_url(server_url, name)


def drop_database(server_url: str, name: str) -> None:
    """Drops the database, even with open connections."""
    _execute(server_url, f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")


def database_url(server_url: str, name: str) -> str:
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def _execute(server_url: str, statement: str) -> None:
    """Runs in a loop and a thread of its own, so that it can be called inside one as well."""

    async def execute() -> None:
        dsn = make_url(server_url).set(drivername="postgresql")
        connection = await asyncpg.connect(
            dsn.render_as_string(hide_password=False), command_timeout=TIMEOUT
        )
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, execute()).result()


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
