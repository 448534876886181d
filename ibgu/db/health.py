"""Checks a database before ibgu uses it."""

from datetime import UTC, datetime
from time import perf_counter

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.views.leadership import Leadership
from ibgu.db.engine import engine
from ibgu.db.errors import UnreadableJournal, unavailable_from
from ibgu.db.journal.unreadable import load_readable
from ibgu.db.reads.leadership import leaderships
from ibgu.db.revision import current, problem
from ibgu.db.schema import metadata

_TRIES = 5

_SERVER = text(
    "SELECT current_setting('server_version_num')::int AS version,"
    " pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool AS read_only,"
    " has_schema_privilege(current_schema(), 'CREATE')"
    " AND has_database_privilege(current_database(), 'CONNECT') AS may_create,"
    " current_setting('max_connections')::int"
    " - current_setting('superuser_reserved_connections')::int"
    " - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS free"
)
CHANGES = ("SELECT", "INSERT", "UPDATE", "DELETE")
"""The privileges that the controller needs on its tables."""
_DENIED = text(
    "SELECT name FROM unnest(CAST(:names AS text[])) AS name WHERE to_regclass(name) IS NULL"
    " OR EXISTS (SELECT FROM unnest(CAST(:privileges AS text[])) AS privilege"
    " WHERE NOT has_table_privilege(to_regclass(name), privilege))"
)


class Health(Struct, frozen=True, kw_only=True):
    version: int
    """150018 for 15.18."""
    revision: str | None
    now: datetime
    here: datetime
    """This machine's clock at that moment."""
    milliseconds: float
    """Milliseconds of a round trip, the best of a few."""
    read_only: bool
    may_create: bool
    denied: tuple[str, ...]
    """Tables of ibgu that this user may not change, or read; empty while there are no tables."""
    free_connections: int
    leaderships: tuple[Leadership, ...]
    """The leadership of each hub in the journal."""
    unreadable: tuple[str, ...] = ()
    """Rollouts whose records can't be read, each with the error; or why that is not known."""


async def health(url: str, *, reads_only: bool = False) -> Health:
    """Returns the database's health for a user that changes tables, or only reads them. Raises
    InvalidDatabaseUrl, JournalUnavailable, and DBAPIError if the server refuses."""
    revision = await current(url)
    db = engine(url, pool_size=1)
    try:
        with unavailable_from("looking at it"):
            async with db.connect() as connection:
                privileges = CHANGES[:1] if reads_only else CHANGES
                return await _ask(connection, revision, privileges)
    finally:
        await db.dispose()


async def _ask(
    connection: AsyncConnection, revision: str | None, privileges: tuple[str, ...]
) -> Health:
    seconds, now, here = min([await _clock(connection) for _ in range(_TRIES)])
    server = (await connection.execute(_SERVER)).one()
    names = [table.name for table in metadata.sorted_tables] if revision is not None else []
    asked = {"names": names, "privileges": list(privileges)}
    denied = tuple((await connection.execute(_DENIED, asked)).scalars())
    known = names and not {"hubs", "leaders"} & set(denied)
    return Health(
        version=server.version,
        revision=revision,
        now=now,
        here=here,
        milliseconds=seconds * 1000,
        read_only=server.read_only,
        may_create=bool(server.may_create),
        denied=tuple(sorted(denied)),
        free_connections=server.free,
        leaderships=tuple(await leaderships(connection)) if known else (),
        unreadable=() if problem(revision) or denied else await _unreadable(connection),
    )


async def _unreadable(connection: AsyncConnection) -> tuple[str, ...]:
    hubs = list(await connection.scalars(text("SELECT id FROM hubs")))
    try:
        found = [each for hub in hubs for each in (await load_readable(connection, hub)).unreadable]
    except UnreadableJournal as error:
        return (str(error),)
    return tuple(f"{each.full_name} (uid {each.uid}): {each.error}" for each in found)


async def _clock(connection: AsyncConnection) -> tuple[float, datetime, datetime]:
    """Returns the round trip in seconds, the database's time, and this machine's time in the middle
    of it."""
    began, before = perf_counter(), datetime.now(UTC)
    database_time = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    seconds = perf_counter() - began
    return seconds, database_time, before + (datetime.now(UTC) - before) / 2
