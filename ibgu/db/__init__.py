"""Holds the journal in Postgres: schema, migrations, what the controller writes, what REST
reads."""

from ibgu.db.engine import dsn, engine
from ibgu.db.errors import (
    InvalidDatabaseUrl,
    JournalUnavailable,
    LeadershipLost,
    ReloadNeeded,
    SchemaMismatch,
    UnreadableJournal,
)
from ibgu.db.journal import Changeset, Journal, Loaded, MemberKey

__all__ = [
    "Changeset",
    "InvalidDatabaseUrl",
    "Journal",
    "JournalUnavailable",
    "LeadershipLost",
    "Loaded",
    "MemberKey",
    "ReloadNeeded",
    "SchemaMismatch",
    "UnreadableJournal",
    "dsn",
    "engine",
]
