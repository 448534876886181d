"""Stores and reads what shadow mode records in Postgres."""

from ibgu.db.shadow.reads import ShadowReads
from ibgu.db.shadow.store import ShadowRecords, ShadowStore

__all__ = ["ShadowReads", "ShadowRecords", "ShadowStore"]
