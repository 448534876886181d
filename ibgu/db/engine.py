"""Connects to Postgres, from the URL forms that people have at hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import msgspec
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from ibgu.db.errors import InvalidDatabaseUrl

CONNECT_TIMEOUT = 10.0
"""Seconds."""
STATEMENT_TIMEOUT = 30.0
"""Seconds by this process's clock, so that a server that went silent is noticed."""
POOL_SIZE = 10
_SESSION = {
    "application_name": "ibgu",
    "jit": "off",
    # A leader that lost its network inside a transaction must not keep its successor waiting.
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "15s",
}
_DIALECTS = ("postgres", "postgresql")


def dsn(url: str) -> str:
    """Returns a `postgres://`, `postgresql://` or `postgresql+driver://` URL in asyncpg's form.
    Everything after the scheme stays as it is: sockets (`?host=/folder`), `sslmode`, …"""
    try:
        urlsplit(url)  # as asyncpg does it; sooner, and where the error gets our own message
        dialect = make_url(url).drivername.partition("+")[0]
    except (ArgumentError, ValueError) as error:
        raise InvalidDatabaseUrl(
            "the database URL can't be read; it looks like postgresql://user@host:5432/name"
        ) from error
    if dialect not in _DIALECTS:
        raise InvalidDatabaseUrl(
            f"the database URL begins with {dialect}://; ibgu needs postgresql://"
        )
    return "postgresql://" + url.partition("://")[2]


def engine(
    url: str, *, pool_size: int = POOL_SIZE, statement_timeout: float | None = STATEMENT_TIMEOUT
) -> AsyncEngine:
    """Returns a pool of connections, opened on demand; the caller disposes of it."""
    options: dict[str, Any] = {
        "timeout": CONNECT_TIMEOUT,
        "command_timeout": statement_timeout,
        "server_settings": _SESSION,
    }
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=partial(asyncpg.connect, dsn(url), **options),
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        json_deserializer=msgspec.json.decode,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT,
    )


@asynccontextmanager
async def at_one_moment(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Yields a read-only connection whose statements all see the moment at which the first
    began."""
    async with engine.connect() as db:
        await db.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        yield db


@asynccontextmanager
async def raw(engine: AsyncEngine) -> AsyncIterator[Any]:
    """Yields asyncpg's own connection from the pool, for single statements; a transaction or
    setting would leak into the next use.

    SQLAlchemy's way to a connection and back takes three times the CPU. Errors are asyncpg's, and
    ConnectionResetError if the connection is lost. A lost connection, or one released while
    Postgres still works on a statement, does not return to the pool.
    """
    lent = await _checked_out(engine)
    try:
        yield lent.driver_connection
    except BaseException as error:
        lost = _closed(lent)
        if lost or not isinstance(error, asyncpg.PostgresError):
            # In a greenlet the connection closes in order: Postgres is told to cancel its
            # statement.
            await greenlet_spawn(lent.invalidate)
        if lost and isinstance(error, Exception):
            raise ConnectionResetError(str(error)) from error
        raise
    finally:
        lent.close()


async def _checked_out(engine: AsyncEngine) -> PoolProxiedConnection:
    """Returns a connection that is not known to be lost."""
    try:
        while _closed(lent := await engine.raw_connection()):
            lent.invalidate()
            lent.close()
    except Exception as error:
        # SQLAlchemy's counterpart of an asyncpg error, which nothing wraps on this path.
        if isinstance(error.__cause__, asyncpg.PostgresError | asyncpg.InterfaceError):
            raise error.__cause__ from None
        raise
    return lent


def _closed(lent: PoolProxiedConnection) -> bool:
    db: Any = lent.driver_connection
    return bool(db.is_closed())
