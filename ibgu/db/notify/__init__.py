"""The cursors of those who are notified."""

from ibgu.db.notify.cursors import Cursor, Cursors

__all__ = ["Cursor", "Cursors"]
