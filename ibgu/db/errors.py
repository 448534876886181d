"""Defines the journal's errors, and maps Postgres's errors to them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

_UNAVAILABLE_CLASSES = ("08", "53", "57P", "58")
"""Connection lost; out of disk, memory or connections; shut down; the server's own I/O."""
_UNAVAILABLE = frozenset({"25006", "55P03", "25P03", "57014"})
"""Read-only standby; lock timeout; idle timeout; statement cancelled."""
_AGAIN = frozenset({"40001", "40P01"})
_REFUSED_CLASSES = ("22", "23", "54")
"""Invalid value for the column; constraint violated; too large for an index."""
_DAMAGED = frozenset({"XX001", "XX002"})
"""A page of a table or of an index that is damaged."""

WAITS = "; ibgu continues automatically when it answers again"
"""The last words of `JournalUnavailable` in a running process."""


class LeadershipLost(Exception):
    """LeadershipLost: another controller leads this hub now, so this one may not write any more."""


class JournalUnavailable(Exception):
    """JournalUnavailable: Postgres can't be reached or can't write; the write may be retried.

    After a `commit` that raised this, commit the same turn again: it is written once, even if only
    the response was lost.
    """


class ReloadNeeded(Exception):
    """ReloadNeeded: the journal differs from what was assumed, so `load` must come before the next
    commit.

    An earlier turn was written although its response was lost, or Postgres has lost some turns.
    """


class UnreadableJournal(Exception):
    """UnreadableJournal: records can't be read, and no rollout can be left out for it; says what to
    do."""


class SchemaMismatch(Exception):
    """SchemaMismatch: this version of ibgu can't work with the database's tables."""


class InvalidDatabaseUrl(ValueError):
    """InvalidDatabaseUrl: the database's URL can't be used."""


def sqlstate(error: BaseException) -> str:
    """Returns Postgres's five-character code; "" if the error is not Postgres's own."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(origin, "sqlstate", None) or "")


def is_unavailable(error: BaseException) -> bool:
    if isinstance(error, (OSError, TimeoutError, NoFreeConnection)):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    code = sqlstate(error)
    return code in _UNAVAILABLE or code.startswith(_UNAVAILABLE_CLASSES)


def is_answer(error: BaseException) -> bool:
    """Returns whether Postgres itself responded that it did not execute the statement, by asyncpg's
    error."""
    return isinstance(error, asyncpg.PostgresError) and not is_unavailable(error)


def is_transient(error: BaseException) -> bool:
    """Returns whether Postgres ended this transaction to resolve a deadlock or conflict: a retry
    works."""
    return sqlstate(error) in _AGAIN


def is_refused(error: BaseException) -> bool:
    """Returns whether Postgres will never store these values, or they can't even be sent, such as
    half a character."""
    return isinstance(error, ValueError) or sqlstate(error).startswith(_REFUSED_CLASSES)


def is_damaged(error: BaseException) -> bool:
    """Returns whether Postgres found that its own files are damaged: it can't say whose rows are
    lost."""
    return sqlstate(error) in _DAMAGED


def error_text(error: BaseException) -> str:
    """Returns Postgres's message, without the statement that SQLAlchemy adds."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    words = str(origin).partition(">: ")[2] or str(origin)
    return words.strip().partition("\n")[0] or type(error).__name__


def _cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@contextmanager
def unavailable_from(doing: str) -> Iterator[None]:
    """Turns lost connections and the like into `JournalUnavailable`; other errors pass.

    A cancelled task ends as cancelled. A connection that is lost at that moment fails again on
    release, and that error would replace the cancellation: the caller would go on waiting for
    Postgres, and a leader without its Lease would never stop.
    """
    try:
        yield
    except Exception as error:
        if not is_unavailable(error):
            raise
        if _cancelled():
            raise asyncio.CancelledError from error
        raise JournalUnavailable(
            f"the journal's database is away ({doing}): {error_text(error)}{WAITS}"
        ) from error
