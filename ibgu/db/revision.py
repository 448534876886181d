"""Checks which schema a database has, and whether this version of ibgu works with it.

Every start asks this, so it works without Alembic, whose modules would be a tenth of what a start
loads.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.db.engine import engine
from ibgu.db.errors import sqlstate, unavailable_from
from ibgu.db.schema import VERSION

_UNDEFINED_TABLE = "42P01"
_REVISION = text("SELECT version_num FROM alembic_version")


async def current(url: str) -> str | None:
    """Returns the database's revision; None if the database is empty."""
    db = engine(url, pool_size=1)
    try:
        with unavailable_from("reading its schema"):
            async with db.connect() as connection:
                return await revision_of(connection)
    finally:
        await db.dispose()


async def revision_of(db: AsyncConnection) -> str | None:
    """Returns the same as `current`. If there is no revision, the connection's transaction has
    failed."""
    try:
        found: str | None = await db.scalar(_REVISION)
    except Exception as error:
        if sqlstate(error) != _UNDEFINED_TABLE:
            raise
        return None
    return found


def problem(revision: str | None) -> str | None:
    """Returns why this version of ibgu can't work with a database of that revision; None if it
    can."""
    if revision is None:
        return "the database has no tables of ibgu: run `ibgu migrate`"
    number = _number(revision)
    if number is None:
        return (
            "the database was made by an unreleased version of ibgu: create a new one, and run "
            "`ibgu migrate`"
        )
    if number == VERSION:
        return None
    if number < VERSION:
        return (
            f"the database has schema {number}, this version of ibgu needs {VERSION}: "
            "run `ibgu migrate`"
        )
    return (
        f"the database has schema {revision}, newer than {VERSION} that this version of ibgu "
        "knows: run the newer ibgu"
    )


def newer(revision: str | None) -> bool:
    """Returns whether a later version of ibgu has migrated the database. Reads still work there
    (migrations/README.md)."""
    number = _number(revision or "")
    return number is not None and number > VERSION


def _number(revision: str) -> int | None:
    """Returns the schema's number; None for an unreleased version's, such as 0014."""
    return int(revision) if revision.isdecimal() and not revision.startswith("0") else None
