"""Loads the journal before there is a lead, and checks later whether the result is still current.

Everything that `load` reads of a hub is written in turns, which are counted; only the versions are
not.
"""

from collections.abc import Collection

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.db.journal.changeset import Loaded
from ibgu.db.journal.fencing import JournalHead, newest
from ibgu.db.journal.load import foreign_runs, newest_runs, versions
from ibgu.db.journal.unreadable import load_readable


class ReadAhead(Struct, frozen=True):
    last: JournalHead | None
    loaded: Loaded


async def read_ahead(db: AsyncConnection, hub: str) -> ReadAhead:
    """Reads the journal; `db` is in a transaction that sees one moment."""
    return ReadAhead(await newest(db, hub), await load_readable(db, hub))


async def still(db: AsyncConnection, hub: str, loaded: Loaded, shown: Collection[str]) -> Loaded:
    """Returns what `load` would return now if no turn was committed since."""
    asked = set(shown) - newest_runs(loaded.members)
    return replace(
        loaded,
        foreign_runs=await foreign_runs(db, hub, asked),
        versions=await versions(db, hub),
    )
