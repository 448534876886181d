"""Notifies while this process leads; the loop waits for nothing in here."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.controller.notify.config import receivers_of
from ibgu.controller.notify.dispatcher import DispatchContext, Dispatcher
from ibgu.core.notify import Receiver
from ibgu.db.engine import engine
from ibgu.db.errors import JournalUnavailable, error_text
from ibgu.db.notify import Cursors
from ibgu.db.reads import Reads
from ibgu.settings import Settings

log = structlog.get_logger("ibgu.notify")

CONNECTIONS = 2
"""Connections to Postgres, in addition to those of the engine and of REST."""


class Notifier:
    def __init__(self, receivers: Sequence[Receiver], engine: AsyncEngine, hub: str) -> None:
        self._receivers = receivers
        self._context = DispatchContext(hub, Reads(engine, hub), Cursors(engine, hub), Random())
        self._task: asyncio.Task[None] | None = None

    def lead(self, epoch: int) -> None:
        """Starts to notify, in that epoch."""
        self.rest()
        self._task = asyncio.create_task(self._notify(epoch))

    def rest(self) -> None:
        """Asks the task to stop, and does not wait for it."""
        if self._task is not None:
            self._task.cancel()

    async def stop(self) -> None:
        self.rest()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _notify(self, epoch: int) -> None:
        await self._forget_others(epoch)
        async with asyncio.TaskGroup() as tasks:
            for receiver in self._receivers:
                tasks.create_task(Dispatcher(receiver, self._context, epoch).run())

    async def _forget_others(self, epoch: int) -> None:
        """Drops the cursors of former receivers; if that fails, the next leader does it."""
        try:
            names = [receiver.name for receiver in self._receivers]
            await self._context.cursors.keep_only(names, epoch)
        except (JournalUnavailable, DBAPIError) as error:
            log.warning("can't delete former receivers yet", error=error_text(error))


@asynccontextmanager
async def notifying(settings: Settings, hub: str) -> AsyncIterator[Notifier | None]:
    """Yields a notifier with connections of its own; None if there is no receiver. Raises
    SettingsError."""
    receivers = receivers_of(settings)
    if not receivers:
        yield None
        return
    pool = engine(settings.database_url, pool_size=CONNECTIONS)
    notifier = Notifier(receivers, pool, hub)
    try:
        yield notifier
    finally:
        await notifier.stop()
        await pool.dispose()
