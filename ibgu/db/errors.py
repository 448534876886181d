"""What can go wrong with the journal, and which of Postgres's errors mean what."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

_AWAY_CLASSES = ("08", "53", "57P", "58")
"""Connection lost; out of disk, memory or connections; shut down; the server's own I/O."""
_AWAY = frozenset({"25006", "55P03", "25P03", "57014"})
"""A standby that only reads; a lock not given in time; idle too long; a statement cut short."""
_AGAIN = frozenset({"40001", "40P01"})
_REFUSED_CLASSES = ("22", "23", "54")
"""No value of the column's type; against a constraint; too large for an index."""

WAITS = "; ibgu goes on by itself once it answers again"
"""The end of what `JournalAway` says: true of a process that runs."""


class Deposed(Exception):
    """Another controller leads this hub now: this one may not write any more."""


class JournalAway(Exception):
    """Postgres can't be reached or can't write. What was to be written may be tried again.

    After a `commit` that ended so, commit the very same turn again: it is written once, also
    when only the answer was lost.
    """


class ReloadNeeded(Exception):
    """What is in the journal is not what was thought: `load` before the next commit.

    An earlier turn was written though its answer was lost, or Postgres has forgotten some.
    """


class SchemaMismatch(Exception):
    """The tables are not those that this version of ibgu works with."""


class BadUrl(ValueError):
    """The database's address can't be used."""


def sqlstate(error: BaseException) -> str:
    """Postgres's five-character code, "" if the error is not Postgres's own."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(origin, "sqlstate", None) or "")


def is_away(error: BaseException) -> bool:
    if isinstance(error, (OSError, TimeoutError, NoFreeConnection)):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    code = sqlstate(error)
    return code in _AWAY or code.startswith(_AWAY_CLASSES)


def is_answer(error: BaseException) -> bool:
    """Of asyncpg's: Postgres itself has said that it did not do it."""
    return isinstance(error, asyncpg.PostgresError) and not is_away(error)


def is_transient(error: BaseException) -> bool:
    """Postgres chose this transaction to end a deadlock or a conflict: the next try works."""
    return sqlstate(error) in _AGAIN


def is_refused(error: BaseException) -> bool:
    """Postgres will never store these values, however often it is asked."""
    return sqlstate(error).startswith(_REFUSED_CLASSES)


def told(error: BaseException) -> str:
    """Postgres's words, without the statement that SQLAlchemy adds."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    words = str(origin).partition(">: ")[2] or str(origin)
    return words.strip().partition("\n")[0] or type(error).__name__


def _cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@contextmanager
def away_from(doing: str) -> Iterator[None]:
    """Lost connections and the like become `JournalAway`; anything else passes.

    A task that is cancelled ends as cancelled. A connection that is lost at that moment fails once
    more while it is given back, and that error takes the cancellation's place: who waits for
    Postgres would go on waiting, and a leader without its Lease would never let go.
    """
    try:
        yield
    except Exception as error:
        if not is_away(error):
            raise
        if _cancelled():
            raise asyncio.CancelledError from error
        raise JournalAway(
            f"the journal's database is away ({doing}): {told(error)}{WAITS}"
        ) from error
