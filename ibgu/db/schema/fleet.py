"""Declares members, their claims and runs, and the pending patches of clusters; R3 and R6 are
constraints here (R29.4).

A row of `claims` is slot and claim at once: at most one per cluster of a hub, one per slot of a
step, and no slot beyond the step's bound, which the row carries by a foreign key. A run that is
open, or armed on the hub, refers to its claim, so neither can it be without one nor can the claim
go before it.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Connection,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    event,
    false,
    text,
)

from ibgu.core.model import Cause, MemberState, Outcome, RunResult, RunState
from ibgu.db.schema.types import Json, Moment, Name, Words, metadata, one_of

_MEMBER = ["hub", "rollout", "step", "cluster"]
_OF_MEMBER = [f"members.{name}" for name in _MEMBER]

members = Table(
    "members",
    metadata,
    Column("hub", Name, nullable=False),
    Column("rollout", Name, nullable=False),
    Column("step", Integer, nullable=False),
    Column("cluster", Name, nullable=False),
    Column("cluster_uid", Name, nullable=False),
    Column("position", Integer, nullable=False),
    Column("state", Words, nullable=False),
    Column("reason", Json, nullable=False),
    Column("action_index", Integer, nullable=False),
    Column("slot", Integer),
    Column("limit_at", Moment),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("outcome", Words),
    Column("cause", Words),
    Column("message", Words, nullable=False),
    Column("failed_action", Words),
    Column("completed", Json, nullable=False),
    Column("run", Name),
    Column("attempts", Integer, nullable=False),
    Column("late", Words, nullable=False),
    Column("watched", Boolean, nullable=False),
    Column("warning", Words, nullable=False, server_default=""),
    Column("rollback_until", Moment),
    Column("accepted_warning", Words, nullable=False, server_default=""),
    Column("paused_since", Moment),
    Column("resuming", Boolean, nullable=False, server_default=false()),
    Column("part_at", Moment),
    PrimaryKeyConstraint(*_MEMBER),
    UniqueConstraint("hub", "rollout", "step", "position", name="members_position_key"),
    ForeignKeyConstraint(["hub", "rollout", "step"], ["steps.hub", "steps.rollout", "steps.index"]),
    one_of("state", MemberState),
    one_of("outcome", Outcome),
    one_of("cause", Cause),
    Index("members_state_idx", "hub", "rollout", "step", "state", "outcome", "cause", "position"),
    Index("members_cluster_idx", "hub", "cluster", "rollout", "step"),
    Index("members_failed_idx", "hub", "ended_at", postgresql_where=text("outcome = 'failed'")),
    Index(
        "members_busy_idx",
        "hub",
        "rollout",
        postgresql_where=text("state <> 'finished' OR watched OR paused_since IS NOT NULL"),
    ),
    Index(
        "members_reports_idx",
        "hub",
        "rollout",
        postgresql_where=text(
            "rollback_until IS NOT NULL OR warning <> '' OR paused_since IS NOT NULL"
        ),
    ),
    postgresql_with={"fillfactor": "70"},
)

claims = Table(
    "claims",
    metadata,
    Column("hub", Name, nullable=False),
    Column("rollout", Name, nullable=False),
    Column("step", Integer, nullable=False),
    Column("cluster", Name, nullable=False),
    Column("cluster_uid", Name, nullable=False),
    Column("slot", Integer, nullable=False),
    Column("max_concurrency", Integer, nullable=False),
    Column("taken_at", Moment, nullable=False),
    PrimaryKeyConstraint(*_MEMBER, "cluster_uid"),
    UniqueConstraint("hub", "cluster_uid", name="claims_cluster_key"),
    UniqueConstraint("slot", "step", "rollout", "hub", name="claims_slot_key"),
    CheckConstraint("slot BETWEEN 1 AND max_concurrency", name="slot"),
    ForeignKeyConstraint(_MEMBER, _OF_MEMBER),
    ForeignKeyConstraint(
        ["hub", "rollout", "step", "max_concurrency"],
        ["steps.hub", "steps.rollout", "steps.index", "steps.max_concurrency"],
        name="claims_bound_fkey",
        onupdate="CASCADE",
    ),
)
"""The slot is first in its key: without statistics Postgres would use that index for the look-ups
of foreign keys and read the whole step each time."""

REFUSED = "IB001"
"""The error code for a claim that can't be taken; the detail lists those that could."""
REFUSE = f"""
CREATE FUNCTION ibgu_refuse(told json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'not all claims can be taken' USING ERRCODE = '{REFUSED}', DETAIL = told;
END
$$
"""


@event.listens_for(claims, "after_create")
def _refusing(target: Table, connection: Connection, **_: object) -> None:
    connection.exec_driver_sql(REFUSE)


runs = Table(
    "runs",
    metadata,
    Column("hub", Name, nullable=False),
    Column("id", Name, nullable=False),
    Column("rollout", Name, nullable=False),
    Column("step", Integer, nullable=False),
    Column("cluster", Name, nullable=False),
    Column("cluster_uid", Name, nullable=False),
    Column("action", Words, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("state", Words, nullable=False),
    Column("intended_at", Moment, nullable=False),
    Column("arming_at", Moment),
    Column("armed_at", Moment),
    Column("accepted_at", Moment),
    Column("ended_at", Moment),
    Column("result", Words),
    Column("cause", Words),
    Column("message", Words, nullable=False),
    Column("disarmed", Boolean, nullable=False),
    Column("adopted", Boolean, nullable=False),
    Column("armed_generation", BigInteger),
    Column(
        "claim_uid",
        Name,
        Computed(
            "CASE WHEN state = 'ended' AND disarmed THEN NULL ELSE cluster_uid END",
            persisted=True,
        ),
    ),
    PrimaryKeyConstraint("hub", "id"),
    ForeignKeyConstraint(_MEMBER, _OF_MEMBER),
    ForeignKeyConstraint(
        [*_MEMBER, "claim_uid"],
        [*(f"claims.{name}" for name in _MEMBER), "claims.cluster_uid"],
        name="runs_claim_fkey",
    ),
    one_of("state", RunState),
    one_of("result", RunResult),
    one_of("cause", Cause),
    Index("runs_member_idx", *_MEMBER),
    Index("runs_cluster_idx", "hub", "cluster", "rollout"),
    Index(
        "runs_ended_idx",
        "hub",
        "action",
        "ended_at",
        postgresql_include=["result", "rollout", "arming_at"],
        postgresql_where=text("state = 'ended'"),
    ),
    Index("runs_open_idx", *_MEMBER, unique=True, postgresql_where=text("state <> 'ended'")),
    postgresql_with={"fillfactor": "70"},
)

pending_patches = Table(
    "pending_patches",
    metadata,
    Column("hub", Name, nullable=False),
    Column("cluster_uid", Name, nullable=False),
    Column("cluster", Name, nullable=False),
    Column("rollout", Name, nullable=False),
    Column("labels", Json, nullable=False),
    Column("annotations", Json, nullable=False),
    PrimaryKeyConstraint("hub", "cluster_uid"),
    ForeignKeyConstraint(["hub"], ["hubs.id"]),
)


cluster_labels = Table(
    "cluster_labels",
    metadata,
    Column("hub", Name, nullable=False),
    Column("cluster", Name, nullable=False),
    Column("labels", Json),
    Column("digest", Name, nullable=False),
    Column("there", Boolean, nullable=False),
    PrimaryKeyConstraint("hub", "cluster"),
    ForeignKeyConstraint(["hub"], ["hubs.id"], ondelete="CASCADE"),
)
"""`labels`: null where they are too many to be kept. `digest` tells two sets of labels apart
without reading them. `there`: the ManagedCluster is on the hub."""

cluster_inspections = Table(
    "cluster_inspections",
    metadata,
    Column("hub", Name, nullable=False),
    Column("cluster", Name, nullable=False),
    Column("id", Name, nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("problem", Words, nullable=False),
    Column("read_at", Moment),
    Column("facts", Json),
    PrimaryKeyConstraint("hub", "cluster"),
    Index(
        "cluster_inspections_open_idx",
        "hub",
        "requested_at",
        postgresql_where=text("finished_at IS NULL"),
    ),
)
"""`finished_at`: null while the cluster is still to be read. `problem`: why the last inspection has
read nothing. `facts` and `read_at` are those of the last one that has."""
