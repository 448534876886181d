"""Stores the cursors of the receivers of notifications."""

from ibgu.db.notify.cursors import Cursor, Cursors

__all__ = ["Cursor", "Cursors"]
