"""What was loaded before there was a lead, and whether it is still what the journal says.

Whatever `load` reads of a hub is written in turns, which are counted; the versions apart.
"""

from collections.abc import Collection

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.db.journal.load import foreign_runs, load, newest_runs, versions
from ibgu.db.journal.turn import Loaded
from ibgu.db.schema import hubs

Place = tuple[int, int]
"""Numbers of the hub's last turn and of its last event."""


class Ahead(Struct, frozen=True):
    place: Place | None
    loaded: Loaded


async def read_ahead(db: AsyncConnection, hub: str) -> Ahead:
    """`db` is in a transaction that sees one moment."""
    return Ahead(await _place(db, hub), await load(db, hub))


async def still(
    db: AsyncConnection, hub: str, ahead: Ahead, shown: Collection[str]
) -> Loaded | None:
    """As `load` would answer now; None: a turn was committed since, so it has to be asked."""
    if await _place(db, hub) != ahead.place:
        return None
    loaded = ahead.loaded
    asked = set(shown) - newest_runs(loaded.members)
    return replace(
        loaded,
        foreign_runs=await foreign_runs(db, hub, asked),
        versions=await versions(db, hub),
    )


async def _place(db: AsyncConnection, hub: str) -> Place | None:
    """None: nobody has ever led there."""
    found = await db.execute(select(hubs.c.turns, hubs.c.last_seq).where(hubs.c.id == hub))
    row = found.first()
    return None if row is None else (row.turns, row.last_seq)
