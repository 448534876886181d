"""A scene's questions to its journal."""

import asyncio
from contextlib import suppress

import asyncpg

from ibgu.db.engine import dsn

ANSWERING = 30.0
"""Seconds that it has for an answer."""
CLOSING = 5.0
"""Seconds that a server has to let a connection go."""
_LOST = (
    *(OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError),
    *(asyncpg.AdminShutdownError, asyncpg.CrashShutdownError),
)


class Journal:
    """One connection for all of them, made again where it is lost: to make one costs both sides as
    much as twenty questions."""

    def __init__(self) -> None:
        self._connection: asyncpg.Connection | None = None
        self._url = ""
        self._busy = asyncio.Lock()

    async def rows(self, url: str, query: str, *values: object) -> list[asyncpg.Record]:
        async with self._busy:
            if self._connection is not None and url == self._url:
                try:
                    return await self._fetch(query, *values)
                except _LOST:
                    # Its server may have gone, and come back, since the last question.
                    if not query.lstrip().startswith("SELECT"):
                        raise
            await self._hang_up()
            self._connection = await asyncpg.connect(dsn(url), command_timeout=ANSWERING)
            self._url = url
            return await self._fetch(query, *values)

    async def _fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        assert self._connection is not None
        return list(await self._connection.fetch(query, *values))

    async def hang_up(self) -> None:
        """Nobody else can copy or drop a database that someone is connected to."""
        async with self._busy:
            await self._hang_up()

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*_LOST):
                await connection.close(timeout=CLOSING)
