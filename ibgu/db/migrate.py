"""Migrates the database's tables to what this version of ibgu needs; forward only."""

from typing import cast

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from ibgu.db.engine import engine
from ibgu.db.errors import SchemaMismatch, unavailable_from
from ibgu.db.revision import problem
from ibgu.resources import shipped

_LOCK = 0x69626775
"""The number of the advisory lock ("ibgu") that keeps two migrations apart."""


def head() -> str:
    """Returns the newest revision that this version of ibgu has."""
    return cast(str, ScriptDirectory.from_config(_config()).get_current_head())


async def upgrade(url: str) -> str:
    """Runs pending migrations, all or nothing, and returns the revision reached. Waits for a
    migration of the same database that is running."""
    db = engine(url, pool_size=1, statement_timeout=None)
    try:
        with unavailable_from("migrating its schema"):
            async with db.begin() as connection:
                await connection.execute(text("SET LOCAL lock_timeout = 0"))
                await connection.execute(
                    text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK}
                )
                return await connection.run_sync(_upgrade)
    finally:
        await db.dispose()


def _upgrade(connection: Connection) -> str:
    before = MigrationContext.configure(connection).get_current_revision()
    if before is not None and before not in _known():
        raise SchemaMismatch(problem(before))
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return head()


def _known() -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
