"""Declares what is left of rollouts that were forgotten because of their age."""

from sqlalchemy import Column, PrimaryKeyConstraint, Table

from ibgu.db.schema.types import Name, metadata

forgotten_rollouts = Table(
    "forgotten_rollouts",
    metadata,
    Column("hub", Name, nullable=False),
    Column("rollout", Name, nullable=False),
    PrimaryKeyConstraint("hub", "rollout"),
)
"""The rollouts whose records are being deleted, in batches; no read shows them any more. The row
goes with the last record."""

forgotten_runs = Table(
    "forgotten_runs",
    metadata,
    Column("hub", Name, nullable=False),
    Column("id", Name, nullable=False),
    PrimaryKeyConstraint("hub", "id"),
)
"""The ids of deleted runs that a cluster may still show: they are not somebody else's (R9.7)."""
