"""Stores the cursors of the receivers of notifications."""

from ibgu.db.notify.cursors import Cursor, Cursors, UnreadableMemory

__all__ = ["Cursor", "Cursors", "UnreadableMemory"]
