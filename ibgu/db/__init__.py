"""The journal in Postgres: schema, migrations, what the controller writes, what REST reads."""

from ibgu.db.engine import dsn, engine
from ibgu.db.errors import BadUrl, Deposed, JournalAway, ReloadNeeded, SchemaMismatch
from ibgu.db.journal import Journal, Loaded, MemberKey, Turn

__all__ = [
    "BadUrl",
    "Deposed",
    "Journal",
    "JournalAway",
    "Loaded",
    "MemberKey",
    "ReloadNeeded",
    "SchemaMismatch",
    "Turn",
    "dsn",
    "engine",
]
