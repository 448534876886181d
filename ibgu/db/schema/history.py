"""Declares leaders and events: who did what, when and why. Rows never change; only age deletes
them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    event,
    text,
)

from ibgu.db.schema.types import Json, Moment, Name, Words, metadata

CHANNEL = "ibgu_events"
"""The channel of NOTIFY; the payload is `<hub>:<last seq>`."""

leaders = Table(
    "leaders",
    metadata,
    Column("hub", Name, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", Words, nullable=False),
    Column("since", Moment, nullable=False),
    Column("after_seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("hub", "epoch"),
    ForeignKeyConstraint(["hub"], ["hubs.id"], ondelete="CASCADE"),
)
"""One row an epoch, never changed. `after_seq`: the hub's last event when it began."""

events = Table(
    "events",
    metadata,
    Column("hub", Name, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("at", Moment, nullable=False),
    Column("rollout", Name, nullable=False),
    Column("step", Integer),
    Column("cluster", Name),
    Column("cluster_uid", Name),
    Column("run", Name),
    Column("kind", Words, nullable=False),
    Column("why", Words, nullable=False),
    Column("cause", Words),
    Column("warning", Boolean, nullable=False),
    Column("actor", Words, nullable=False),
    Column("data", Json, nullable=False),
    PrimaryKeyConstraint("hub", "seq"),
    ForeignKeyConstraint(["hub"], ["hubs.id"]),
    Index("events_rollout_idx", "hub", "rollout", "seq"),
    Index(
        "events_cluster_idx",
        "hub",
        "cluster",
        "seq",
        postgresql_where=text("cluster IS NOT NULL"),
    ),
    Index("events_own_idx", "hub", "rollout", "seq", postgresql_where=text("cluster IS NULL")),
)
"""`seq` counts from 1 for each hub, without gaps, in the order of commit; `epoch` is that of the
leader that wrote it. `kind` and `cause` are not held to an enumeration: the history of older and
newer versions stays readable."""

KEEP = """
CREATE FUNCTION ibgu_keep_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('ibgu.forgetting', true) = 'on' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'events are append-only: % refused', TG_OP
    USING HINT = 'Old events go by: SELECT ibgu_forget_events(hub, before)';
END
$$
"""
FORGET = """
CREATE FUNCTION ibgu_forget_events(of_hub text, before timestamptz, most integer DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  first_kept bigint;
  gone bigint;
BEGIN
  SELECT coalesce(min(seq) FILTER (WHERE at >= before), max(seq) + 1) INTO first_kept
    FROM (SELECT seq, at FROM events WHERE hub = of_hub ORDER BY seq LIMIT most) AS oldest;
  PERFORM set_config('ibgu.forgetting', 'on', true);
  DELETE FROM events WHERE hub = of_hub AND seq < first_kept;
  GET DIAGNOSTICS gone = ROW_COUNT;
  PERFORM set_config('ibgu.forgetting', '', true);
  RETURN gone;
END
$$
"""
"""Deletes at most `most` events, oldest first, up to the first that is not older than `before`, so
that the rest has no gap."""
GUARD_ROWS = """
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events
FOR EACH ROW EXECUTE FUNCTION ibgu_keep_events()
"""
GUARD_TABLE = """
CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events
FOR EACH STATEMENT EXECUTE FUNCTION ibgu_keep_events()
"""


@event.listens_for(events, "after_create")
def _guard(target: Table, connection: Connection, **_: object) -> None:
    for statement in (KEEP, FORGET, GUARD_ROWS, GUARD_TABLE):
        connection.exec_driver_sql(statement)


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
"""The ids of deleted runs that a cluster may still show: they are not someone else's (R9.7)."""


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
