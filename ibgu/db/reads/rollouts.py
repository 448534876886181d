"""Reads rollouts and their steps."""

import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Select, all_, any_, exists, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.model import Rollout, RolloutState, Step
from ibgu.db.reads.base import texts
from ibgu.db.reads.cursor import decode, page
from ibgu.db.reads.tallies import SharedRollout, is_shared
from ibgu.db.reads.totals import TotalReads
from ibgu.db.rows import OF_ROLLOUT, OF_STEP_STATE, readable, to_record
from ibgu.db.schema import forgotten_rollouts, rollouts, steps
from ibgu.db.views import RolloutAndStep, RolloutListing, RolloutRow, StepRow

_others = steps.alias()
_LAST = (
    select(func.max(_others.c.index))
    .where(_others.c.hub == steps.c.hub, _others.c.rollout == steps.c.rollout)
    .scalar_subquery()
)


_FORGOTTEN = exists().where(
    forgotten_rollouts.c.hub == rollouts.c.hub, forgotten_rollouts.c.rollout == rollouts.c.uid
)
"""The records of the rollout are being deleted, so that what is left of it says nothing."""
_NEWEST_FIRST = (rollouts.c.created_at.desc(), rollouts.c.uid.desc())
_IS_DELETED = rollouts.c.state == RolloutState.DELETED.value
_namesakes = rollouts.alias()
_HAS_NO_NAME = exists().where(
    _namesakes.c.hub == rollouts.c.hub,
    _namesakes.c.namespace == rollouts.c.namespace,
    _namesakes.c.name == rollouts.c.name,
    _namesakes.c.object_kind != rollouts.c.object_kind,
    _namesakes.c.state != RolloutState.DELETED.value,
    tuple_(_namesakes.c.created_at, _namesakes.c.uid)
    < tuple_(rollouts.c.created_at, rollouts.c.uid),
)
"""An older rollout of another kind has the name, whether or not this one is held for it."""


class _Rows(Struct, frozen=True):
    """_Rows are rollouts, some of which may be of a moment ago."""

    rows: list[RolloutRow]
    as_of: int
    """The number of the hub's newest event when the oldest of them was counted."""


_NO_ROWS = _Rows([], sys.maxsize)


class RolloutReads(TotalReads):
    async def namespaces(self) -> tuple[str, ...]:
        """Returns the namespaces that have, or had, a rollout."""
        statement = select(rollouts.c.namespace).where(rollouts.c.hub == self.hub).distinct()
        async with self._at_one_moment() as db:
            return tuple(await db.scalars(statement))

    async def rollouts(
        self,
        *,
        namespaces: Collection[str] | None = None,
        states: Collection[RolloutState] | None = None,
        limit: int = 100,
        cursor: str | None = None,
        others: bool = False,
    ) -> RolloutListing:
        """Returns a page of rollouts, newest first; None: of all namespaces, in all states (deleted
        ones too). `others`: also the rollouts on the hub that are not on the page, as of the same
        moment."""
        statement = self._of(namespaces).limit(limit + 1)
        if states is not None:
            wanted = texts([state.value for state in states])
            statement = statement.where(rollouts.c.state == any_(wanted))
        if cursor is not None:
            age = tuple_(rollouts.c.created_at, rollouts.c.uid)
            statement = statement.where(age < decode(cursor, tuple[datetime, str]))
        async with self._at_one_moment() as db:
            seq = await self._seq(db)
            read = await self._with_steps(db, statement)
            found = page(read.rows, limit, lambda row: row.rollout.age)
            shown = [row.rollout.uid for row in found.items]
            besides = self._present(namespaces).where(rollouts.c.uid != all_(texts(shown)))
            rest = await self._with_steps(db, besides, finished=False) if others else _NO_ROWS
        seq = min(seq, read.as_of, rest.as_of)
        return RolloutListing(found.items, found.next, seq, tuple(rest.rows))

    async def rollout_names(self, namespace: str, limit: int) -> tuple[str, ...]:
        """Returns the names of the namespace's newest rollouts, present ones first."""
        of_namespace = self._of([namespace]).with_only_columns(rollouts.c.name).limit(limit)
        statement = of_namespace.order_by(None).order_by(_IS_DELETED, *_NEWEST_FIRST)
        async with self._at_one_moment() as db:
            return tuple(await db.scalars(statement))

    async def rollout(self, namespace: str, name: str) -> RolloutRow | None:
        """Returns the newest rollout of that name, even if deleted."""
        return await self._one(self._named(namespace, name).limit(1))

    async def rollout_by_uid(self, uid: str) -> RolloutRow | None:
        return await self._one(self._rollouts().where(rollouts.c.uid == uid))

    async def find(
        self, namespace: str, name: str, uid: str | None = None
    ) -> RolloutAndStep | None:
        """Returns the newest rollout of that name, or the one with that uid if it has that name."""
        named = self._named(namespace, name)
        if uid is not None:
            named = named.where(rollouts.c.uid == uid)
        async with self._at_one_moment() as db:
            row = (await db.execute(named.limit(1))).mappings().first()
            if row is None:
                return None
            rollout = to_record(row, Rollout)
            newest = (await db.execute(self._newest([rollout.uid]))).mappings().first()
            return RolloutAndStep(rollout, to_record(newest, Step) if newest else None)

    async def steps(self, uid: str, *, shared: bool = True) -> tuple[StepRow, ...]:
        """Returns the steps that have been opened, in order. Not `shared`: also large ones are of
        now."""
        async with self._at_one_moment() as db:
            rows = (await db.execute(self._steps_of([uid]))).mappings()
            if shared:
                return tuple(await self._shared(db, rows))
            return tuple(await self._count_shared(db, [to_record(row, Step) for row in rows]))

    async def _one(self, statement: Select[Any]) -> RolloutRow | None:
        async with self._at_one_moment() as db:
            found = (await self._with_steps(db, statement)).rows
        return found[0] if found else None

    def _rollouts(self) -> Select[Any]:
        statement = select(*OF_ROLLOUT).where(rollouts.c.hub == self.hub, ~_FORGOTTEN)
        return statement.order_by(*_NEWEST_FIRST)

    def _named(self, namespace: str, name: str) -> Select[Any]:
        """Selects the rollouts of a name, the one that has it first: deleted ones come last."""
        named = self._rollouts().where(rollouts.c.namespace == namespace, rollouts.c.name == name)
        return named.order_by(None).order_by(_IS_DELETED, _HAS_NO_NAME, *_NEWEST_FIRST)

    def _of(self, namespaces: Collection[str] | None) -> Select[Any]:
        if namespaces is None:
            return self._rollouts()
        return self._rollouts().where(rollouts.c.namespace == any_(texts(namespaces)))

    def _present(self, namespaces: Collection[str] | None) -> Select[Any]:
        """Selects the rollouts that are not deleted."""
        return self._of(namespaces).where(rollouts.c.state != RolloutState.DELETED.value)

    async def _with_steps(
        self,
        db: AsyncConnection,
        statement: Select[Any],
        *,
        finished: bool = True,
        shared: bool = True,
    ) -> _Rows:
        """Reads rollouts; without `finished`, ended members of the newest steps are not counted.

        Rollouts with a large running step may be of a moment ago, each one whole, where others
        have read them unchanged.
        """
        records = [*readable((await db.execute(statement)).mappings(), Rollout)]
        newest_steps = (await db.execute(self._newest([each.uid for each in records]))).mappings()
        newest = {step.rollout: step for step in readable(newest_steps, Step)}
        recently = {
            each.uid: known
            for each in records
            if shared and (known := self._recent(each, newest.get(each.uid)))
        }
        found = {uid: known.row for uid, known in recently.items()}
        unknown = [each for each in records if each.uid not in found]
        recent = self._tallies.rollouts
        if due := recent.due(found):
            recent.recount(due, lambda: self._recount_rollouts(due))
        with recent.counting([each.uid for each in unknown]):
            counted = await self._whole_rows(db, unknown, newest, finished=finished)
        found |= {row.rollout.uid: row for row in counted}
        large = [row for row in counted if row.current and is_shared(row.current.step)]
        if finished and large:
            seq = await self._seq(db)
            for row in large:
                recent.remember(row.rollout.uid, SharedRollout(row, seq))
        as_of = min((known.seq for known in recently.values()), default=_NO_ROWS.as_of)
        return _Rows([found[each.uid] for each in records], as_of)

    async def _recount_rollouts(self, uids: Collection[str]) -> None:
        """Counts the rollouts for those who ask next."""
        async with self._at_one_moment() as db:
            named = self._rollouts().where(rollouts.c.uid == any_(texts(uids)))
            await self._with_steps(db, named, shared=False)

    def _recent(self, rollout: Rollout, step: Step | None) -> SharedRollout | None:
        if step is None or not is_shared(step):
            return None
        known = self._tallies.rollouts.get(rollout.uid)
        if known is None or known.row.rollout != rollout:
            return None
        current = known.row.current
        return known if current is not None and current.step == step else None

    async def _whole_rows(
        self,
        db: AsyncConnection,
        records: Sequence[Rollout],
        newest: Mapping[str, Step],
        *,
        finished: bool,
    ) -> list[RolloutRow]:
        uids = [each.uid for each in records]
        steps_of = [newest[uid] for uid in uids if uid in newest]
        counted = await self._count(db, steps_of, finished=finished)
        current = {row.step.rollout: row for row in counted}
        facts = await self._facts(db, uids)
        totals = await self._totals(db, records, facts)
        now = counted[0].now if counted else await self._now(db)
        return [
            RolloutRow(
                each,
                current.get(each.uid),
                now,
                totals[each.uid],
                facts[each.uid].actor,
                facts[each.uid].reports,
            )
            for each in records
        ]

    def _newest(self, uids: Collection[str]) -> Select[Any]:
        return select(*OF_STEP_STATE).where(
            steps.c.hub == self.hub, steps.c.rollout == any_(texts(uids)), steps.c.index == _LAST
        )
