"""The cost of a rollout to the journal's Postgres, from its own statistics."""

import asyncpg
from msgspec import Struct
from sqlalchemy.engine import make_url

_COSTS = """
    SELECT (SELECT count(*) FROM events) AS events,
           xact_commit + xact_rollback AS transactions,
           tup_inserted + tup_updated AS rows,
           pg_database_size(datname) AS bytes,
           (SELECT sum(writes)::bigint FROM pg_stat_io WHERE object = 'relation') AS pages
    FROM pg_stat_database WHERE datname = current_database()
"""


class Costs(Struct, frozen=True):
    events: int
    transactions: int
    rows: int
    """Inserted and updated."""
    bytes: int
    pages: int
    """Written to tables and indexes, by a checkpoint or before it."""

    def since(self, before: "Costs") -> "Costs":
        return Costs(
            self.events - before.events,
            self.transactions - before.transactions,
            self.rows - before.rows,
            self.bytes - before.bytes,
            self.pages - before.pages,
        )


async def costs(database_url: str) -> Costs:
    """Since the database was made; of a schema that is there."""
    url = make_url(database_url).set(drivername="postgresql")
    connection = await asyncpg.connect(url.render_as_string(hide_password=False))
    try:
        await connection.execute("CHECKPOINT")
        await connection.execute("SELECT pg_stat_clear_snapshot()")
        row = await connection.fetchrow(_COSTS)
    finally:
        await connection.close()
    assert row is not None
    return Costs(**dict(row))
