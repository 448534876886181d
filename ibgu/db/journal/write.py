"""Writes a commit as one statement.

Each table's rows are one JSON document, which costs Postgres and us less than half the time of an
executemany. There is no transaction around the statement: every start waits for each round trip to
Postgres (decision 31). Commits of one hub run one at a time (`fencing`).
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import cache
from typing import Any

import asyncpg
import msgspec
from sqlalchemy import Table, TextClause, text
from sqlalchemy.dialects.postgresql.asyncpg import dialect

from ibgu.db.journal.batch import Batch
from ibgu.db.journal.changeset import MemberKey
from ibgu.db.journal.fencing import BEGIN_TURN, BEGUN
from ibgu.db.journal.history import event_rows
from ibgu.db.rows import (
    Row,
    claim_row,
    member_row,
    pending_patch_row,
    rollout_row,
    run_row,
    step_row,
)
from ibgu.db.schema import events, members, pending_patches, rollouts, runs, steps
from ibgu.db.schema.fleet import REFUSED


async def write(
    db: Any, hub: str, epoch: int, changeset: int, batch: Batch, at: datetime
) -> frozenset[MemberKey] | None:
    """Writes the batch as turn number `changeset`, and takes the claims that it asks for.

    `db` is asyncpg's connection (`ibgu.db.engine.raw`). Returns the members whose slot or cluster
    is another's; then nothing was written. Returns None if the turn found no row to begin with;
    then nothing was written either.
    """
    common = {"hub": hub, "epoch": epoch, "turn": changeset, "at": at}
    given = {**common, **_documents(hub, epoch, batch, at)}
    statement, names = _as_asyncpg(_TURN)
    try:
        begun = await db.fetchrow(statement, *(given[name] for name in names))
    except asyncpg.PostgresError as error:
        if error.sqlstate != REFUSED:
            raise
        got = set(msgspec.json.decode(error.detail, type=list[MemberKey]))
        return frozenset(member.key for member in batch.taken if member.key not in got)
    return None if begun is None else frozenset()


@cache
def _as_asyncpg(statement: TextClause) -> tuple[str, list[str]]:
    """Returns the statement with numbered parameters, and their names in order."""
    compiled = statement.compile(dialect=dialect())  # type: ignore[no-untyped-call]
    return str(compiled), list(compiled.positiontup or ())


def _documents(hub: str, epoch: int, batch: Batch, at: datetime) -> Row:
    patches = batch.pending_patches.values()
    return {
        "rollouts": document(rollout_row(hub, rollout) for rollout in batch.rollouts.values()),
        "steps": document(
            step_row(hub, step, judged=key in batch.judged) for key, step in batch.steps.items()
        ),
        "members": document(member_row(hub, member) for member in batch.members.values()),
        # A member may have one open run: the one that ended has to come first.
        "runs": document(run_row(hub, *pair) for pair in batch.closed_runs + batch.open_runs),
        "freed": document(claim_row(hub, member) for member in batch.freed),
        "taken": document(claim_row(hub, member) for member in batch.taken),
        "asked": len(batch.taken),
        "pending_patches": document(
            pending_patch_row(hub, pending) for pending in patches if not pending.empty
        ),
        "cleared": document(
            pending_patch_row(hub, pending) for pending in patches if pending.empty
        ),
        "events": document(event_rows(hub, epoch, at, batch.recorded)),
        "event_count": len(batch.recorded),
    }


def document(rows: Iterable[Row]) -> str:
    """Returns the rows as JSON. Postgres stores any text but U+0000, which a Kubernetes string may
    contain."""
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


def put_statement(table: Table, rows: str, where: str = "TRUE", kept: Collection[str] = ()) -> str:
    """Returns the statement that inserts, or replaces by primary key, the rows of the parameter's
    document. The columns of `kept` are replaced only where the document has a value for them: what
    is large and stays the same is neither sent nor written again (Postgres keeps it where it is,
    outside of the row)."""
    stored = [column.name for column in table.columns if not column.computed]
    keys = table.primary_key.columns.keys()
    new = {name: f"excluded.{name}" for name in stored if name not in keys}
    new |= {name: f"coalesce(excluded.{name}, {table.name}.{name})" for name in kept}
    changed = (f"{name} = {value}" for name, value in new.items())
    listed = ", ".join(stored)
    return f"""
        INSERT INTO {table.name} ({listed})
        SELECT {listed} FROM json_populate_recordset(NULL::{table.name}, :{rows}) WHERE {where}
        ON CONFLICT ({", ".join(keys)}) DO UPDATE SET {", ".join(changed)}
    """


_EVENT = [column.name for column in events.columns if column.name != "seq"]
_TURN = text(f"""
    WITH begun AS ({BEGIN_TURN}),
    put_rollouts AS ({put_statement(rollouts, "rollouts", BEGUN)}),
    put_steps AS ({put_statement(steps, "steps", BEGUN, kept=["preflight"])}),
    put_members AS ({put_statement(members, "members", BEGUN)}),
    put_runs AS ({put_statement(runs, "runs", BEGUN)}),
    released AS (
      DELETE FROM claims USING json_populate_recordset(NULL::claims, :freed) AS freed
      WHERE (claims.hub, claims.rollout, claims.step, claims.cluster)
          = (freed.hub, freed.rollout, freed.step, freed.cluster) AND {BEGUN}
      RETURNING claims.hub, claims.cluster_uid
    ),
    asked AS (
      SELECT claim.*, coalesce(new.max_concurrency, steps.max_concurrency) AS bound
      FROM json_populate_recordset(NULL::claims, :taken) WITH ORDINALITY AS claim
      LEFT JOIN json_populate_recordset(NULL::steps, :steps) AS new
        ON (new.hub, new.rollout, new.index) = (claim.hub, claim.rollout, claim.step)
      LEFT JOIN steps
        ON (steps.hub, steps.rollout, steps.index) = (claim.hub, claim.rollout, claim.step)
    ),
    own AS (
      SELECT rollout, step, cluster FROM claims
      JOIN asked USING (hub, rollout, step, cluster, cluster_uid, slot)
      WHERE (hub, cluster_uid) NOT IN (SELECT hub, cluster_uid FROM released)
    ),
    taken AS (
      INSERT INTO claims
        (hub, rollout, step, cluster, cluster_uid, slot, max_concurrency, taken_at)
      SELECT hub, rollout, step, cluster, cluster_uid, slot, bound, :at FROM asked
      WHERE {BEGUN} AND (SELECT count(*) FROM released) >= 0
      ORDER BY ordinality
      ON CONFLICT DO NOTHING
      RETURNING rollout, step, cluster
    ),
    got AS (SELECT * FROM taken UNION SELECT * FROM own),
    refused AS (
      SELECT ibgu_refuse(coalesce(json_agg(json_build_array(rollout, step, cluster)), '[]'))::text
      FROM got HAVING count(*) < :asked
    ),
    put_pending_patches AS ({put_statement(pending_patches, "pending_patches", BEGUN)}),
    cleared AS (
      DELETE FROM pending_patches USING json_populate_recordset(NULL::pending_patches, :cleared) AS
      cleared WHERE pending_patches.hub = cleared.hub
      AND pending_patches.cluster_uid = cleared.cluster_uid AND {BEGUN}
    ),
    put_events AS (
      INSERT INTO events (seq, {", ".join(_EVENT)})
      SELECT begun.before + new_event.seq, {", ".join(f"new_event.{name}" for name in _EVENT)}
      FROM json_populate_recordset(NULL::events, :events) AS new_event, begun
    )
    SELECT * FROM begun LEFT JOIN refused ON TRUE
""")
"""Writes records; frees claims and then takes new ones; writes pending patches (an empty one
deletes the row); and appends the history. Postgres checks foreign keys after all of it. A claim
that a member keeps is its own. Postgres executes every part, referenced or not; a part that has to
follow another refers to it."""
