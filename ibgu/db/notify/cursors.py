"""How far each receiver has been told; only the hub's leader writes."""

from collections.abc import Collection

import msgspec
from msgspec import Struct
from sqlalchemy import any_, bindparam, delete, func, literal, not_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.notify import Memory
from ibgu.db.errors import Deposed, away_from
from ibgu.db.reads.base import texts
from ibgu.db.schema import hubs, notify_cursors


class Cursor(Struct, frozen=True):
    seq: int
    """Of the last event that was dealt with."""
    memory: Memory


class Cursors:
    """All raise JournalAway."""

    def __init__(self, engine: AsyncEngine, hub: str) -> None:
        self._engine = engine
        self._hub = hub

    async def load(self, receiver: str) -> Cursor | None:
        """None: it has never been told anything, or what is there was not written by us."""
        mine = (notify_cursors.c.hub == self._hub, notify_cursors.c.receiver == receiver)
        wanted = select(notify_cursors.c.seq, notify_cursors.c.memory).where(*mine)
        with away_from("reading how far a receiver was told"):
            async with self._engine.connect() as db:
                row = (await db.execute(wanted)).first()
        return row and msgspec.convert({"seq": row.seq, "memory": row.memory}, Cursor)

    async def save(self, receiver: str, cursor: Cursor, epoch: int) -> None:
        """Raises Deposed where `epoch` is over: whoever leads now goes on from what is there."""
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
        with away_from("noting how far a receiver was told"):
            async with self._engine.begin() as db:
                written = (await db.execute(upsert)).rowcount
        if not written:
            raise Deposed(f"epoch {epoch} of hub {self._hub} is over; nothing was written")

    async def keep_only(self, receivers: Collection[str]) -> None:
        """Those that are not in the file any more are forgotten."""
        gone = not_(notify_cursors.c.receiver == any_(texts(receivers)))
        with away_from("forgetting former receivers"):
            async with self._engine.begin() as db:
                await db.execute(
                    delete(notify_cursors).where(notify_cursors.c.hub == self._hub, gone)
                )
