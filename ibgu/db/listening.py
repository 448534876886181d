"""Listens to Postgres for commits as they happen (LISTEN)."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.db.errors import unavailable_from
from ibgu.db.schema import CHANNEL


@asynccontextmanager
async def listening(
    engine: AsyncEngine, hub: str, heard: Callable[[], None], lost: Callable[[], None]
) -> AsyncIterator[None]:
    """Calls `heard` after each commit that recorded events of `hub`, `lost` if the connection ends.

    The connection is taken out of the pool: it lives as long as the body. Raises
    JournalUnavailable.
    """

    def notified(_connection: object, _pid: int, _channel: str, payload: str) -> None:
        if payload.rpartition(":")[0] == hub:
            heard()

    def terminated(_connection: object) -> None:
        lost()

    with unavailable_from("listening"):
        async with engine.connect() as db:
            taken = await db.get_raw_connection()
            raw: Any = taken.driver_connection
            taken.detach()
            await raw.add_listener(CHANNEL, notified)
            raw.add_termination_listener(terminated)
            try:
                yield
            finally:
                raw.remove_termination_listener(terminated)
                if not raw.is_closed():
                    await raw.remove_listener(CHANNEL, notified)
