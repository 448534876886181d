"""What shadow mode keeps in Postgres, and how it is read again."""

from ibgu.db.shadow.reads import ShadowReads
from ibgu.db.shadow.store import ShadowRecords, ShadowStore

__all__ = ["ShadowReads", "ShadowRecords", "ShadowStore"]
