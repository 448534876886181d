"""Declares hubs, what was asked for on them: rollouts and their steps, and the policies that bound
it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    Interval,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from ibgu.core.model import RolloutState, StepState
from ibgu.core.model.names import IBGU
from ibgu.db.schema.types import Json, Moment, Name, Names, Words, metadata, one_of

hubs = Table(
    "hubs",
    metadata,
    Column("id", Name, nullable=False),
    Column("name", Words, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("leader", Words, nullable=False),
    Column("led_since", Moment, nullable=False),
    Column("schema_floor", Integer, nullable=False),
    Column("turns", BigInteger, nullable=False, server_default="0"),
    Column("last_seq", BigInteger, nullable=False, server_default="0"),
    Column("versions", Json, nullable=False, server_default="{}"),
    PrimaryKeyConstraint("id"),
    postgresql_with={"fillfactor": "20"},
)
"""`id`: uid of the namespace kube-system. `epoch`: which leader may write. `turns`, `last_seq`:
how many turns were committed, and the number of the last event. `versions`: the highest
resourceVersions seen on the hub (`core.recover.Versions`). `schema_floor`: the newest
schema whose code has led here; older code must not lead any more."""

rollouts = Table(
    "rollouts",
    metadata,
    Column("hub", Name, nullable=False),
    Column("uid", Name, nullable=False),
    Column("namespace", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("spec", Json, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("annotations", Json, nullable=False),
    Column("controls", Json, nullable=False),
    Column("state", Words, nullable=False),
    Column("hold", Json),
    Column("restore", Words, nullable=False),
    Column("started_at", Moment),
    Column("completed_at", Moment),
    Column("deleted_at", Moment),
    Column("adopting_since", Moment),
    Column("grants", Json, nullable=False, server_default="{}"),
    Column("object_kind", Name, nullable=False, server_default=IBGU),
    PrimaryKeyConstraint("hub", "uid"),
    ForeignKeyConstraint(["hub"], ["hubs.id"]),
    one_of("state", RolloutState),
    Index("rollouts_age_idx", "hub", "created_at", "uid"),
    Index("rollouts_name_idx", "hub", "namespace", "name", "created_at"),
)

steps = Table(
    "steps",
    metadata,
    Column("hub", Name, nullable=False),
    Column("rollout", Name, nullable=False),
    Column("index", Integer, nullable=False),
    Column("actions", Names, nullable=False),
    Column("max_concurrency", Integer, nullable=False),
    Column("timeout", Interval, nullable=False),
    Column("state", Words, nullable=False),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Column("total", Integer, nullable=False),
    Column("hold", Json),
    Column("stopped_since", Moment),
    Column("stopped", Interval, nullable=False),
    Column("payload_digest", Words, nullable=False),
    Column("breaker_reset_at", Moment),
    Column("seed_resumed_at", Moment),
    Column("budget_resumed_at", Moment),
    Column("across_namespaces", Boolean, nullable=False, server_default="true"),
    Column("preflight", Json),
    Column("follow_ups", Json, nullable=False, server_default="{}"),
    PrimaryKeyConstraint("hub", "rollout", "index"),
    UniqueConstraint("hub", "rollout", "index", "max_concurrency", name="steps_bound_key"),
    ForeignKeyConstraint(["hub", "rollout"], ["rollouts.hub", "rollouts.uid"]),
    CheckConstraint("max_concurrency >= 1", name="max_concurrency"),
    one_of("state", StepState),
)

rollout_policies = Table(
    "rollout_policies",
    metadata,
    Column("hub", Name, nullable=False),
    Column("uid", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("spec", Json, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("gone_at", Moment),
    PrimaryKeyConstraint("hub", "uid", "generation"),
)
"""One row a version of a RolloutPolicy, which was in force from `seen_at` to `gone_at`; null: it
still is."""
