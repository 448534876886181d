"""Reads who leads."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.views.leadership import WINDOW, Leadership
from ibgu.db.reads.base import Base
from ibgu.db.rows import to_record

_LEADERSHIPS = text(
    "SELECT leader, epoch, led_since AS since,"
    " (SELECT holder FROM leaders WHERE hub = id AND leaders.epoch < hubs.epoch"
    "  ORDER BY leaders.epoch DESC LIMIT 1) AS before,"
    " (SELECT count(*) FROM leaders WHERE hub = id AND leaders.epoch > 1"
    "  AND leaders.since > now() - CAST(:window AS interval)) AS changes"
    " FROM hubs WHERE id = coalesce(CAST(:hub AS text), id) ORDER BY id"
)


async def leaderships(db: AsyncConnection, hub: str | None = None) -> list[Leadership]:
    """Returns the leadership of the hub; None: of each hub in the journal."""
    rows = await db.execute(_LEADERSHIPS, {"window": WINDOW, "hub": hub})
    return [to_record(row, Leadership) for row in rows.mappings()]


class LeadershipReads(Base):
    async def leadership(self) -> Leadership | None:
        """Returns the hub's leadership; None: no controller has led it yet."""
        async with self._at_one_moment() as db:
            return next(iter(await leaderships(db, self.hub)), None)
