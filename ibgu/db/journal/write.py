"""The statements of a commit.

The rows of a table go as one JSON document: less than half the time of an executemany, for
Postgres and for us. A turn is two statements, for each one is a way to Postgres and back that every
start waits for. Commits of one hub come one after the other (`fencing`).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row as Found
from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.db.journal.batch import Batch
from ibgu.db.journal.fencing import BEGIN, BEGUN, Place, enter
from ibgu.db.journal.history import event_rows
from ibgu.db.journal.turn import MemberKey
from ibgu.db.rows import (
    Row,
    debt_row,
    hold_row,
    member_row,
    rollout_row,
    run_row,
    step_row,
)
from ibgu.db.schema import debts, members, rollouts, runs, steps


async def begin(
    db: AsyncConnection, hub: str, epoch: int, batch: Batch, turn: int | None = None
) -> Place:
    """Begin a turn, with what of it comes first, which is not written if it is not turn `turn`.

    Raises Deposed: then, too, nothing was written.
    """
    values = {**_settled(hub, batch), "turn": turn}
    return await enter(db, hub, epoch, len(batch.told), _SETTLE, values)


async def fill(
    db: AsyncConnection, hub: str, batch: Batch, at: datetime, place: Place
) -> frozenset[MemberKey]:
    """Take a hold for each in turn, and write the rest of the batch if all could be taken.

    If not, it answers the members whose slot or cluster another has: undo the transaction.
    """
    values = _filling(hub, batch, at, place)
    got = {_key(row) for row in await db.execute(_FILL, values)}
    if len(got) < len(batch.taken):
        got |= {_key(row) for row in await db.execute(_OWN, {"taken": values["taken"]})}
        if len(got) == len(batch.taken):
            await db.execute(_FILL, {**values, "taken": "[]", "asked": 0})
    return frozenset(member.key for member in batch.taken if member.key not in got)


def _settled(hub: str, batch: Batch) -> Row:
    return {
        "rollouts": document(rollout_row(hub, rollout) for rollout in batch.rollouts.values()),
        "steps": document(step_row(hub, step) for step in batch.steps.values()),
        "members": document(member_row(hub, member) for member in batch.members.values()),
        "runs": document(run_row(hub, *pair) for pair in batch.settled_runs),
        "freed": document(hold_row(hub, member) for member in batch.freed),
    }


def _filling(hub: str, batch: Batch, at: datetime, place: Place) -> Row:
    owed = batch.debts.values()
    return {
        "at": at,
        "taken": document(hold_row(hub, member) for member in batch.taken),
        "asked": len(batch.taken),
        "runs": document(run_row(hub, *pair) for pair in batch.held_runs),
        "debts": document(debt_row(hub, debt) for debt in owed if not debt.empty),
        "paid": document(debt_row(hub, debt) for debt in owed if debt.empty),
        "events": document(event_rows(hub, place, at, batch.told)),
    }


def document(rows: Iterable[Row]) -> str:
    """As JSON. Postgres stores any text but U+0000, which a Kubernetes string may contain."""
    encoded = msgspec.json.encode(list(rows))
    if rb"\u0000" in encoded:
        encoded = msgspec.json.encode(_without_nul(msgspec.json.decode(encoded)))
    return encoded.decode()


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
        case dict():
            return {_without_nul(key): _without_nul(inner) for key, inner in value.items()}
        case list():
            return [_without_nul(inner) for inner in value]
    return value


def _key(row: Found[Any]) -> MemberKey:
    return (row.rollout, row.step, row.cluster)


def put_statement(table: Table, rows: str, where: str = "TRUE") -> str:
    """Insert, or replace by primary key, the rows of the document that the parameter holds."""
    stored = [column.name for column in table.columns if not column.computed]
    keys = table.primary_key.columns.keys()
    changed = (f"{name} = excluded.{name}" for name in stored if name not in keys)
    listed = ", ".join(stored)
    return f"""
        INSERT INTO {table.name} ({listed})
        SELECT {listed} FROM json_populate_recordset(NULL::{table.name}, :{rows}) WHERE {where}
        ON CONFLICT ({", ".join(keys)}) DO UPDATE SET {", ".join(changed)}
    """


_SETTLE = text(f"""
    WITH begun AS ({BEGIN}),
    put_rollouts AS ({put_statement(rollouts, "rollouts", BEGUN)}),
    put_steps AS ({put_statement(steps, "steps", BEGUN)}),
    put_members AS ({put_statement(members, "members", BEGUN)}),
    put_runs AS ({put_statement(runs, "runs", BEGUN)}),
    released AS (
      DELETE FROM holds USING json_populate_recordset(NULL::holds, :freed) AS freed
      WHERE (holds.hub, holds.rollout, holds.step, holds.cluster)
          = (freed.hub, freed.rollout, freed.step, freed.cluster) AND {BEGUN}
    )
    SELECT turns, last_seq FROM begun
""")
"""Records, and holds that are free now: a run that has settled does not refer to its hold."""
_ALL_TAKEN = "(SELECT count(*) FROM taken) = :asked"
_FILL = text(f"""
    WITH taken AS (
      INSERT INTO holds
        (hub, rollout, step, cluster, cluster_uid, slot, max_concurrency, taken_at)
      SELECT asked.hub, asked.rollout, asked.step, asked.cluster, asked.cluster_uid, asked.slot,
        steps.max_concurrency, :at
      FROM json_populate_recordset(NULL::holds, :taken) WITH ORDINALITY AS asked
      JOIN steps
        ON (steps.hub, steps.rollout, steps.index) = (asked.hub, asked.rollout, asked.step)
      ORDER BY asked.ordinality
      ON CONFLICT DO NOTHING
      RETURNING rollout, step, cluster
    ),
    put_runs AS ({put_statement(runs, "runs", _ALL_TAKEN)}),
    put_debts AS ({put_statement(debts, "debts", _ALL_TAKEN)}),
    paid AS (
      DELETE FROM debts USING json_populate_recordset(NULL::debts, :paid) AS paid
      WHERE debts.hub = paid.hub AND debts.cluster_uid = paid.cluster_uid AND {_ALL_TAKEN}
    ),
    put_events AS (
      INSERT INTO events
      SELECT * FROM json_populate_recordset(NULL::events, :events) WHERE {_ALL_TAKEN}
    )
    SELECT rollout, step, cluster FROM taken
""")
"""Holds; and only with all of them runs that refer to one, what clusters are owed (nothing: the
row goes), and the history."""
_OWN = text("""
    SELECT holds.rollout, holds.step, holds.cluster
    FROM holds JOIN json_populate_recordset(NULL::holds, :taken) AS asked
      USING (hub, rollout, step, cluster, cluster_uid, slot)
""")
"""What was the member's own before, as it is now."""
