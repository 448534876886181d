"""What ibgu decided: committed before it is done, loaded when a controller starts."""

from ibgu.db.journal.journal import Journal
from ibgu.db.journal.turn import Loaded, MemberKey, Turn, about

__all__ = ["Journal", "Loaded", "MemberKey", "Turn", "about"]
