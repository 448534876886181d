"""Checks that the tables exist and fit this version of ibgu."""

from sqlalchemy.exc import DBAPIError

from ibgu.db import JournalUnavailable, SchemaMismatch
from ibgu.db.errors import error_text
from ibgu.db.revision import current, newer, problem


async def prepare(url: str, *, migrate: bool) -> None:
    """Checks or migrates the schema. Raises SchemaMismatch that says what to do,
    JournalUnavailable."""
    wrong = problem(await current(url))
    if wrong and migrate:
        await _upgraded(url)
    elif wrong:
        raise SchemaMismatch(wrong.replace("run `ibgu migrate`", "run `ibgu migrate` or --migrate"))


async def journal_problem(url: str, *, reading: bool = False) -> str | None:
    """Returns why the journal can't be used now; None if it can. `reading`: nothing else is done
    with it, so a migration to a later version, which precedes that version's processes, interrupts
    no answers."""
    try:
        revision = await current(url)
        return None if reading and newer(revision) else problem(revision)
    except JournalUnavailable as error:
        return str(error)
    except DBAPIError as error:
        return f"can't use the journal's database: {error_text(error)}"


async def migrate(url: str) -> str:
    """Migrates, and returns what was done as a sentence. Raises SchemaMismatch,
    JournalUnavailable."""
    before = await current(url)
    after = await _upgraded(url)
    if before == after:
        return f"the database already has schema {after}: nothing to do"
    return f"the database has schema {after} now" + (f", it had {before}" if before else "")


async def _upgraded(url: str) -> str:
    from ibgu.db.migrate import upgrade  # Alembic is loaded where there is something to migrate

    return await upgrade(url)
