"""Stores how far each receiver was notified; only the hub's leader writes."""

from collections.abc import Collection

import msgspec
from msgspec import Struct
from sqlalchemy import any_, bindparam, delete, exists, func, literal, not_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.notify import NotificationState
from ibgu.db.errors import LeadershipLost, unavailable_from
from ibgu.db.reads.base import texts
from ibgu.db.schema import hubs, notify_cursors


class Cursor(Struct, frozen=True):
    seq: int
    """The number of the last event that was handled."""
    memory: NotificationState


class UnreadableMemory(Exception):
    """UnreadableMemory: only the number of the last event that was handled can be read."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"the memory of the receiver up to event {seq} can't be read")
        self.seq = seq


class Cursors:
    """Cursors reads and writes the cursors of one hub; all methods raise JournalUnavailable."""

    def __init__(self, engine: AsyncEngine, hub: str) -> None:
        self._engine = engine
        self._hub = hub

    async def load(self, receiver: str) -> Cursor | None:
        """Returns the receiver's cursor; None if it has none. Raises UnreadableMemory."""
        mine = (notify_cursors.c.hub == self._hub, notify_cursors.c.receiver == receiver)
        wanted = select(notify_cursors.c.seq, notify_cursors.c.memory).where(*mine)
        with unavailable_from("reading how far a receiver has been notified"):
            async with self._engine.connect() as db:
                row = (await db.execute(wanted)).first()
        if row is None:
            return None
        try:
            return msgspec.convert({"seq": row.seq, "memory": row.memory}, Cursor)
        except msgspec.ValidationError as error:
            raise UnreadableMemory(row.seq) from error

    async def save(self, receiver: str, cursor: Cursor, epoch: int) -> None:
        """Saves the cursor. Raises LeadershipLost if `epoch` is over: the next leader continues
        from what is stored."""
        leading = select(
            hubs.c.id,
            literal(receiver),
            literal(cursor.seq),
            bindparam("memory", msgspec.to_builtins(cursor.memory), notify_cursors.c.memory.type),
            func.clock_timestamp(),
        ).where(hubs.c.id == self._hub, hubs.c.epoch == epoch)
        columns = ["hub", "receiver", "seq", "memory", "saved_at"]
        statement = insert(notify_cursors).from_select(columns, leading)
        fresh = {name: statement.excluded[name] for name in columns[2:]}
        upsert = statement.on_conflict_do_update(index_elements=["hub", "receiver"], set_=fresh)
        with unavailable_from("storing how far a receiver has been notified"):
            async with self._engine.begin() as db:
                written = (await db.execute(upsert)).rowcount
        if not written:
            raise LeadershipLost(f"epoch {epoch} of hub {self._hub} is over; nothing was written")

    async def keep_only(self, receivers: Collection[str], epoch: int) -> None:
        """Deletes the cursors of receivers that are no longer configured, unless `epoch` is over:
        the next leader may have others."""
        gone = not_(notify_cursors.c.receiver == any_(texts(receivers)))
        leads = exists().where(hubs.c.id == self._hub, hubs.c.epoch == epoch)
        former = delete(notify_cursors).where(notify_cursors.c.hub == self._hub, gone, leads)
        with unavailable_from("forgetting former receivers"):
            async with self._engine.begin() as db:
                await db.execute(former)
