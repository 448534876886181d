"""Writes the records of shadow mode, by one process at a time.

There may be no Lease on the hub, so leadership is a row of the journal: taking it begins a new
epoch, and every write proves the epoch and renews the row, by the database's clock. It is separate
from the epoch of `hubs`: a shadow can't depose a controller that leads from the same journal.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import Table, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ibgu.core.assurance.shadow import ShadowRollout, ShadowRun, ShadowStep
from ibgu.db.engine import at_one_moment
from ibgu.db.errors import LeadershipLost, unavailable_from
from ibgu.db.journal.write import document, put_statement
from ibgu.db.rows import (
    OF_SHADOW_ROLLOUT,
    OF_SHADOW_RUN,
    OF_SHADOW_STEP,
    shadow_row,
    to_record,
)
from ibgu.db.schema import shadow_rollouts, shadow_runs, shadow_steps

_TAKE_OVER = text("""
    INSERT INTO shadow_leaders (hub, epoch, leader, renewed_at)
    VALUES (:hub, 1, :holder, clock_timestamp())
    ON CONFLICT (hub) DO UPDATE
      SET epoch = shadow_leaders.epoch + 1, leader = :holder, renewed_at = clock_timestamp()
      WHERE shadow_leaders.leader = :holder
        OR shadow_leaders.renewed_at < clock_timestamp() - CAST(:patience AS interval)
    RETURNING epoch
""")
_PROVE = text("""
    UPDATE shadow_leaders SET renewed_at = clock_timestamp()
    WHERE hub = :hub AND epoch = :epoch
    RETURNING epoch
""")

_FORGET = text("""
    WITH old AS (
      SELECT uid FROM shadow_rollouts AS r
      WHERE hub = :hub AND deleted AND watched_since < :before AND NOT EXISTS (
        SELECT FROM shadow_runs AS s
        WHERE s.hub = r.hub AND s.rollout = r.uid
          AND greatest(s.since, s.words_at, s.gone_at, s.freed_at) >= :before)
      LIMIT 1
    ), runs AS (
      DELETE FROM shadow_runs WHERE hub = :hub AND rollout IN (SELECT uid FROM old)
    ), steps AS (
      DELETE FROM shadow_steps WHERE hub = :hub AND rollout IN (SELECT uid FROM old)
    )
    DELETE FROM shadow_rollouts WHERE hub = :hub AND uid IN (SELECT uid FROM old)
""")

_PUT = {
    table: text(put_statement(table, "rows"))
    for table in (shadow_rollouts, shadow_steps, shadow_runs)
}


class ShadowRecords(Struct, frozen=True):
    rollouts: tuple[ShadowRollout, ...] = ()
    steps: tuple[ShadowStep, ...] = ()
    runs: tuple[ShadowRun, ...] = ()


class ShadowStore:
    def __init__(self, engine: AsyncEngine, hub: str) -> None:
        self._engine = engine
        self._hub = hub
        self._epoch = 0

    async def lead(self, holder: str, patience: timedelta) -> bool:
        """Takes the lead if it is free, or its holder was silent for `patience`; returns whether
        it did."""
        given = {"hub": self._hub, "holder": holder, "patience": patience}
        with unavailable_from("taking the lead of the shadow"):
            async with self._engine.begin() as db:
                epoch = (await db.execute(_TAKE_OVER, given)).scalar()
        self._epoch = epoch or 0
        return epoch is not None

    async def now(self) -> datetime:
        """Returns the time by the database's clock."""
        with unavailable_from("reading its clock"):
            async with self._engine.connect() as db:
                now: datetime = (await db.execute(select(func.clock_timestamp()))).scalar_one()
                return now

    async def load(self) -> ShadowRecords:
        """Returns all records except those of deleted rollouts."""
        with unavailable_from("loading what the shadow saw"):
            async with at_one_moment(self._engine) as db:
                return await self._load(db)

    async def _load(self, db: AsyncConnection) -> ShadowRecords:
        here = select(shadow_rollouts.c.uid).where(
            shadow_rollouts.c.hub == self._hub, shadow_rollouts.c.deleted.is_(False)
        )
        rollouts = select(*OF_SHADOW_ROLLOUT).where(
            shadow_rollouts.c.hub == self._hub, shadow_rollouts.c.uid.in_(here)
        )
        steps = select(*OF_SHADOW_STEP).where(
            shadow_steps.c.hub == self._hub, shadow_steps.c.rollout.in_(here)
        )
        runs = select(*OF_SHADOW_RUN).where(
            shadow_runs.c.hub == self._hub, shadow_runs.c.rollout.in_(here)
        )
        return ShadowRecords(
            tuple(to_record(r, ShadowRollout) for r in (await db.execute(rollouts)).mappings()),
            tuple(to_record(r, ShadowStep) for r in (await db.execute(steps)).mappings()),
            tuple(to_record(r, ShadowRun) for r in (await db.execute(runs)).mappings()),
        )

    async def write(self, records: ShadowRecords) -> None:
        """Writes all or nothing; without records it only renews. Raises LeadershipLost,
        JournalUnavailable."""
        with unavailable_from("writing what the shadow saw"):
            async with self._engine.begin() as db:
                proof = {"hub": self._hub, "epoch": self._epoch}
                if (await db.execute(_PROVE, proof)).first() is None:
                    raise LeadershipLost(
                        f"another ibgu watches hub {self._hub} in shadow mode by now; "
                        "nothing was written"
                    )
                await self._put(db, shadow_rollouts, records.rollouts)
                await self._put(db, shadow_steps, records.steps)
                await self._put(db, shadow_runs, records.runs)

    async def forget(self, before: datetime) -> int:
        """Deletes all records of rollouts whose IBGU is gone and of which nothing was seen since
        `before`; returns how many. Raises JournalUnavailable."""
        with unavailable_from("forgetting what the shadow saw"):
            async with self._engine.begin() as db:
                found = await db.execute(_FORGET, {"hub": self._hub, "before": before})
                return found.rowcount

    async def _put(
        self,
        db: AsyncConnection,
        table: Table,
        records: Sequence[ShadowRollout | ShadowStep | ShadowRun],
    ) -> None:
        if records:
            rows = document([shadow_row(self._hub, record) for record in records])
            await db.execute(_PUT[table], {"rows": rows})
