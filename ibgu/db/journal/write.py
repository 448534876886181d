"""The statements of a commit.

The rows of a table go as one JSON document in one statement: less than half the time of an
executemany, for Postgres and for us. Commits of one hub come one after the other (`fencing`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row as Found
from sqlalchemy import Table, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.model import Debt, Member
from ibgu.db.journal.batch import Batch
from ibgu.db.journal.fencing import Place
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
from ibgu.db.schema import debts, events, members, rollouts, runs, steps


async def fill(
    db: AsyncConnection, hub: str, batch: Batch, at: datetime, place: Place
) -> frozenset[MemberKey]:
    """Write the batch in the order that the constraints ask for.

    If holds are refused, it stops there and answers their members: undo the transaction.
    """
    await put(db, rollouts, (rollout_row(hub, rollout) for rollout in batch.rollouts.values()))
    await put(db, steps, (step_row(hub, step) for step in batch.steps.values()))
    await put(db, members, (member_row(hub, member) for member in batch.members.values()))
    await put(db, runs, (run_row(hub, *pair) for pair in batch.settled_runs))
    await free(db, hub, batch.freed)
    if refused := await take(db, hub, batch.taken, at):
        return refused
    await put(db, runs, (run_row(hub, *pair) for pair in batch.held_runs))
    await put_debts(db, hub, batch.debts.values())
    await put(db, events, event_rows(hub, place, at, batch.told))
    return frozenset()


async def put(db: AsyncConnection, table: Table, rows: Iterable[Row]) -> None:
    """Insert or replace by primary key."""
    if given := list(rows):
        await db.execute(_PUT[table], {"rows": document(given)})


async def put_debts(db: AsyncConnection, hub: str, owed: Iterable[Debt]) -> None:
    """Debts that are empty now are deleted."""
    rows = [(debt.empty, debt_row(hub, debt)) for debt in owed]
    await put(db, debts, (row for empty, row in rows if not empty))
    if paid := [row for empty, row in rows if empty]:
        await db.execute(_PAY, {"rows": document(paid)})


async def free(db: AsyncConnection, hub: str, freed: Sequence[Member]) -> None:
    if freed:
        await db.execute(_FREE, {"rows": document([hold_row(hub, member) for member in freed])})


async def take(
    db: AsyncConnection, hub: str, taken: Sequence[Member], at: datetime
) -> frozenset[MemberKey]:
    """Take a hold for each in turn; answers the members whose slot or cluster another has."""
    if not taken:
        return frozenset()
    rows = document([hold_row(hub, member) for member in taken])
    got = {_key(row) for row in await db.execute(_TAKE, {"rows": rows, "at": at})}
    if len(got) < len(taken):
        got |= {_key(row) for row in await db.execute(_OWN, {"rows": rows})}
    return frozenset(member.key for member in taken if member.key not in got)


def document(rows: list[Row]) -> str:
    """As JSON. Postgres stores any text but U+0000, which a Kubernetes string may contain."""
    encoded = msgspec.json.encode(rows)
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


def _put(table: Table) -> TextClause:
    stored = [column.name for column in table.columns if not column.computed]
    keys = table.primary_key.columns.keys()
    changed = (f"{name} = excluded.{name}" for name in stored if name not in keys)
    listed = ", ".join(stored)
    return text(f"""
        INSERT INTO {table.name} ({listed})
        SELECT {listed} FROM json_populate_recordset(NULL::{table.name}, :rows)
        ON CONFLICT ({", ".join(keys)}) DO UPDATE SET {", ".join(changed)}
    """)


_PUT = {table: _put(table) for table in (rollouts, steps, members, runs, debts)}
_PUT[events] = text("INSERT INTO events SELECT * FROM json_populate_recordset(NULL::events, :rows)")
_PAY = text("""
    DELETE FROM debts USING json_populate_recordset(NULL::debts, :rows) AS paid
    WHERE debts.hub = paid.hub AND debts.cluster_uid = paid.cluster_uid
""")
_FREE = text("""
    DELETE FROM holds USING json_populate_recordset(NULL::holds, :rows) AS freed
    WHERE (holds.hub, holds.rollout, holds.step, holds.cluster)
        = (freed.hub, freed.rollout, freed.step, freed.cluster)
""")
_TAKE = text("""
    INSERT INTO holds
      (hub, rollout, step, cluster, cluster_uid, slot, max_concurrency, taken_at)
    SELECT asked.hub, asked.rollout, asked.step, asked.cluster, asked.cluster_uid, asked.slot,
      steps.max_concurrency, :at
    FROM json_populate_recordset(NULL::holds, :rows) WITH ORDINALITY AS asked
    JOIN steps ON (steps.hub, steps.rollout, steps.index) = (asked.hub, asked.rollout, asked.step)
    ORDER BY asked.ordinality
    ON CONFLICT DO NOTHING
    RETURNING rollout, step, cluster
""")
_OWN = text("""
    SELECT holds.rollout, holds.step, holds.cluster
    FROM holds JOIN json_populate_recordset(NULL::holds, :rows) AS asked
      USING (hub, rollout, step, cluster, cluster_uid, slot)
""")
