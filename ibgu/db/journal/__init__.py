"""Keeps what ibgu decided: committed before it is done, loaded when a controller starts."""

from ibgu.db.journal.changeset import Changeset, Loaded, MemberKey, concerns, rollout_of
from ibgu.db.journal.journal import Journal

__all__ = ["Changeset", "Journal", "Loaded", "MemberKey", "concerns", "rollout_of"]
