"""Puts a history into a migrated database."""

from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import chain, islice
from typing import Any

import asyncpg
from sqlalchemy import Table

from ibgu.db import dsn
from ibgu.db.journal.write import document, put_statement
from ibgu.db.rows import rollout_row, step_row
from ibgu.db.schema import (
    cluster_labels,
    events,
    members,
    pending_patches,
    rollouts,
    runs,
)
from ibgu.db.schema import steps as step_table
from tests.benchmarks.history import beside, lines, records
from tests.benchmarks.history.copying import columns
from tests.benchmarks.history.plan import ACTIONS, History

_LINES = 2000
"""That go to Postgres at a time."""
_LEADS = """
    INSERT INTO hubs (id, name, epoch, leader, led_since, schema_floor)
    VALUES ($1, 'bench', 1, 'bench', now(), 1)
"""
_LEFT = "UPDATE hubs SET turns = $2, last_seq = $3 WHERE id = $1"
_HOLDS = """
    INSERT INTO claims
      (hub, rollout, step, cluster, cluster_uid, slot, max_concurrency, taken_at)
    SELECT m.hub, m.rollout, m.step, m.cluster, m.cluster_uid, m.slot, s.max_concurrency, now()
    FROM members m JOIN steps s ON (s.hub, s.rollout, s.index) = (m.hub, m.rollout, m.step)
    WHERE m.hub = $1 AND m.slot IS NOT NULL
    ON CONFLICT DO NOTHING
"""


async def fill(url: str, history: History) -> int:
    """Answers how many events there are. Foreign keys are not checked row by row, as in a restore
    of a backup."""
    db = await asyncpg.connect(dsn(url))
    try:
        await db.execute("SET session_replication_role = replica")
        await db.execute(_LEADS, history.hub)
        await _put(db, history)
        steps = list(lines.steps(history))
        await _copy(db, members, chain.from_iterable(step.members() for step in steps))
        await db.execute(_HOLDS, history.hub)
        await _copy(db, runs, chain.from_iterable(step.runs() for step in steps))
        await _copy(db, cluster_labels, beside.labels(history))
        await _copy(db, pending_patches, beside.patches(history))
        count = await _copy(db, events, lines.events(history))
        await db.execute(_LEFT, history.hub, count // 6, count)
        await db.execute("VACUUM ANALYZE")
        return count
    finally:
        await db.close()


async def _put(db: Any, history: History) -> None:
    hub = history.hub
    found = document(rollout_row(hub, records.rollout(course)) for course in history.courses)
    await db.execute(_statement(rollouts), found)
    opened = (
        step_row(hub, records.step(course, index))
        for course in history.courses
        for index in range(len(ACTIONS))
    )
    await db.execute(_statement(step_table), document(opened))


def _statement(table: Table) -> str:
    return put_statement(table, "rows").replace(":rows", "$1")


async def _copy(db: Any, table: Table, found: Iterable[str]) -> int:
    answer: str = await db.copy_to_table(
        table.name, source=_source(iter(found)), columns=columns(table), format="text"
    )
    return int(answer.removeprefix("COPY "))


async def _source(found: Iterator[str]) -> AsyncIterator[bytes]:
    while part := "".join(islice(found, _LINES)):
        yield part.encode()
