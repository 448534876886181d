"""Declares what shadow mode saw of TALM (R20.6), in separate tables, so that no record of ibgu's
own work can be mistaken for TALM's, or the reverse."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
)

from ibgu.db.schema.types import Json, Moment, Name, Names, Words, metadata

shadow_leaders = Table(
    "shadow_leaders",
    metadata,
    Column("hub", Name, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("leader", Words, nullable=False),
    Column("renewed_at", Moment, nullable=False),
    PrimaryKeyConstraint("hub"),
)
"""The process that watches a hub in shadow mode: a lease in the journal, because there may be none
on the hub. Unrelated to who leads there (`hubs`)."""

shadow_rollouts = Table(
    "shadow_rollouts",
    metadata,
    Column("hub", Name, nullable=False),
    Column("uid", Name, nullable=False),
    Column("namespace", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("seed_image", Words, nullable=False),
    Column("seed_version", Words, nullable=False),
    Column("plan", Json, nullable=False),
    Column("watched_since", Moment, nullable=False),
    Column("progress", Words, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("deleted", Boolean, nullable=False),
    PrimaryKeyConstraint("hub", "uid"),
    Index("shadow_rollouts_name_idx", "hub", "namespace", "name", "created_at"),
)

shadow_steps = Table(
    "shadow_steps",
    metadata,
    Column("hub", Name, nullable=False),
    Column("rollout", Name, nullable=False),
    Column("index", Integer, nullable=False),
    Column("group_name", Words, nullable=False),
    Column("actions", Names, nullable=False),
    Column("max_concurrency", Integer, nullable=False),
    Column("timeout_minutes", Integer, nullable=False),
    Column("batches", Json, nullable=False),
    Column("batch", Integer, nullable=False),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    PrimaryKeyConstraint("hub", "rollout", "index"),
    ForeignKeyConstraint(["hub", "rollout"], ["shadow_rollouts.hub", "shadow_rollouts.uid"]),
)

shadow_runs = Table(
    "shadow_runs",
    metadata,
    Column("hub", Name, nullable=False),
    Column("rollout", Name, nullable=False),
    Column("step", Integer, nullable=False),
    Column("cluster", Name, nullable=False),
    Column("action", Words, nullable=False),
    Column("work", Words, nullable=False),
    Column("batch", Integer, nullable=False),
    Column("since", Moment, nullable=False),
    Column("reachable", Boolean, nullable=False),
    Column("words", Words, nullable=False),
    Column("words_at", Moment),
    Column("symptom", Json),
    Column("ibgu", Json),
    Column("talm", Json),
    Column("gone_at", Moment),
    Column("freed_at", Moment),
    Column("notes", Json, nullable=False),
    PrimaryKeyConstraint("hub", "rollout", "step", "cluster", "action"),
    ForeignKeyConstraint(
        ["hub", "rollout", "step"],
        ["shadow_steps.hub", "shadow_steps.rollout", "shadow_steps.index"],
    ),
)
