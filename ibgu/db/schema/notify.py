"""Declares how far each receiver of notifications was notified."""

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, PrimaryKeyConstraint, Table

from ibgu.db.schema.types import Json, Moment, Name, metadata

notify_cursors = Table(
    "notify_cursors",
    metadata,
    Column("hub", Name, nullable=False),
    Column("receiver", Name, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("memory", Json, nullable=False),
    Column("saved_at", Moment, nullable=False),
    PrimaryKeyConstraint("hub", "receiver"),
    ForeignKeyConstraint(["hub"], ["hubs.id"], ondelete="CASCADE"),
)
"""`seq`: the notifications of the hub's events up to this one are delivered. `memory`: what has to
be remembered of those events."""
