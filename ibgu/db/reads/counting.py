"""Counts the members of steps, and lists those that are under way."""

from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Text,
    and_,
    any_,
    case,
    cast,
    column,
    func,
    literal,
    null,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by, array
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.model import MemberState, Outcome, RunState, Step, StepState
from ibgu.core.model.counts import Counts
from ibgu.core.views.overdue import RULES
from ibgu.db.reads.base import Base, texts
from ibgu.db.reads.tallies import StepKey, is_shared
from ibgu.db.rows import NEWEST_RUN, OF_STEP_STATE, to_record
from ibgu.db.schema import members, runs, steps
from ibgu.db.schema.types import Moment
from ibgu.db.views import FlightRow, ReasonRow, StepRow

_COUNT_OF = {"in flight": "running"}
"""Maps a member's outcome or state to its field of Counts, where they differ."""
REASON = {
    name: members.c.reason[name].astext
    for name in ("kind", "who", "since", "message", "until", "gate", "approval")
}
GATE: ColumnElement[str] = func.coalesce(REASON["gate"], "")
"""The gate of a policy that keeps the member; empty: none does."""
SOONEST_MESSAGE = func.array_agg(
    aggregate_order_by(REASON["message"], REASON["until"].asc().nulls_last(), REASON["message"]),
    type_=ARRAY(Text),
)[1]
"""The message of the reason that ends first, where that is known."""
MESSAGES: ColumnElement[int] = func.count(REASON["message"].distinct())
APPROVALS = func.coalesce(
    func.array_agg(REASON["approval"].distinct(), type_=ARRAY(Text)).filter(
        REASON["approval"] != ""
    ),
    cast(array([]), ARRAY(Text)),
)
"""What approvals have to name to end the reasons."""
_AFTER = [
    (REASON["kind"] == kind.value, rule.after.total_seconds()) for kind, rule in RULES.items()
]

OVERDUE = and_(
    members.c.state == MemberState.WAITING.value,
    cast(REASON["since"], Moment)
    < func.now() - func.make_interval(0, 0, 0, 0, 0, 0, case(*_AFTER, else_=null())),
)
"""Members in flight are compared one by one: usual durations were measured for them."""


class CountingReads(Base):
    def _steps_of(self, rollouts: Collection[str]) -> Select[Any]:
        """Selects the steps of the rollouts, by uid, in order."""
        of = (steps.c.hub == self.hub, steps.c.rollout == any_(texts(rollouts)))
        return select(*OF_STEP_STATE).where(*of).order_by(steps.c.index)

    async def _shared(self, db: AsyncConnection, rows: Iterable[Any]) -> list[StepRow]:
        """Returns the rows of OF_STEP_STATE with their members counted. Large running steps are
        counted once for all callers."""
        steps, recent = [to_record(row, Step) for row in rows], self._tallies.steps
        found = {
            step.key: row
            for step in steps
            if is_shared(step) and (row := recent.get(step.key)) and row.step == step
        }
        counted = await self._count_shared(db, [step for step in steps if step.key not in found])
        if due := recent.due(found):
            recent.recount(due, lambda: self._recount(due))
        found |= {row.step.key: row for row in counted}
        return [found[step.key] for step in steps]

    async def _count_shared(self, db: AsyncConnection, steps: Collection[Step]) -> list[StepRow]:
        recent = self._tallies.steps
        with recent.counting([step.key for step in steps]):
            counted = await self._count(db, steps)
        for row in counted:
            if is_shared(row.step):
                recent.remember(row.step.key, row)
        return counted

    async def _recount(self, keys: Collection[StepKey]) -> None:
        """Counts the steps for those who ask next."""
        async with self._at_one_moment() as db:
            rows = (await db.execute(self._steps_of({uid for uid, _ in keys}))).mappings()
            found = [step for row in rows if (step := to_record(row, Step)).key in keys]
            await self._count_shared(db, found)

    async def _count(
        self,
        db: AsyncConnection,
        steps: Collection[Step],
        *,
        finished: bool = True,
        clusters: Collection[str] | None = None,
    ) -> list[StepRow]:
        """Counts the members of each step, of `clusters` only. Without `finished`, a step that is
        over costs nothing: its members are not counted."""
        ended: dict[StepKey, Counts] = {}
        if clusters is not None:
            ended = await self._counts(db, [step.key for step in steps], clusters)
        elif finished:
            ended = await self._tallied(db, steps)
        counts = await self._with_late(db, ended, clusters)
        busy = [step.key for step in steps if step.state is StepState.RUNNING]
        now = await self._now(db)
        reasons = _by_step(await self._reasons(db, busy, clusters))
        flights = _by_step(await self._flights(db, busy, clusters))
        return [
            StepRow(
                step,
                counts.get(step.key, Counts()),
                now,
                tuple(reasons.get(step.key, ())),
                tuple(flights.get(step.key, ())),
            )
            for step in steps
        ]

    async def _with_late(
        self,
        db: AsyncConnection,
        ended: dict[StepKey, Counts],
        clusters: Collection[str] | None,
    ) -> dict[StepKey, Counts]:
        """Returns the counts with those that completed late among the succeeded ones.

        That may happen after the step's end, and is read from the few that failed.
        """
        keys = [key for key, counts in ended.items() if counts.failed]
        if not keys:
            return ended
        late = select(func.count().label("count")).where(
            members.c.state == MemberState.FINISHED.value,
            members.c.outcome == Outcome.FAILED.value,
            members.c.late != "",
        )
        found = dict(ended)
        for rollout, step, count in await db.execute(self._of_steps(keys, late, clusters)):
            of = found[rollout, step]
            found[rollout, step] = replace(
                of, succeeded=of.succeeded + count, failed=of.failed - count
            )
        return found

    async def _tallied(self, db: AsyncConnection, steps: Collection[Step]) -> dict[StepKey, Counts]:
        """Returns the counts by how the members ended, without what became true later."""
        known = {step.key: counts for step in steps if (counts := self._tallies.get(step))}
        unknown = [step for step in steps if step.key not in known]
        counted = await self._counts(db, [step.key for step in unknown]) if unknown else {}
        for step in unknown:
            self._tallies.learn(step, counted.get(step.key, Counts()))
        return known | counted

    async def _counts(
        self,
        db: AsyncConnection,
        keys: Collection[StepKey],
        clusters: Collection[str] | None = None,
    ) -> dict[StepKey, Counts]:
        what = func.coalesce(members.c.outcome, members.c.state).label("what")
        columns: tuple[ColumnElement[Any], ...] = (what, func.count().label("count"))
        of_step = select(*columns).select_from(members).group_by(what)
        statement = self._of_steps(keys, of_step, clusters)
        found: dict[StepKey, dict[str, int]] = {}
        for rollout, step, name, count in await db.execute(statement):
            found.setdefault((rollout, step), {})[_COUNT_OF.get(name, name)] = count
        return {
            key: msgspec.convert({**parts, "total": sum(parts.values())}, Counts)
            for key, parts in found.items()
        }

    async def _reasons(
        self,
        db: AsyncConnection,
        keys: Collection[StepKey],
        clusters: Collection[str] | None = None,
    ) -> list[ReasonRow]:
        if not keys:
            return []
        group = (
            members.c.state,
            REASON["kind"].label("kind"),
            REASON["who"].label("who"),
            GATE.label("gate"),
        )
        counted = (
            func.count().label("count"),
            func.min(REASON["since"]).label("since"),
            func.min(REASON["until"]).label("until"),
            SOONEST_MESSAGE.label("message"),
            MESSAGES.label("messages"),
            APPROVALS.label("approvals"),
            func.count().filter(OVERDUE).label("overdue"),
        )
        unfinished = members.c.state != MemberState.FINISHED.value
        of_step = select(*group, *counted).where(unfinished).group_by(*group)
        rows = (await db.execute(self._of_steps(keys, of_step, clusters))).mappings()
        return [to_record(row, ReasonRow) for row in rows]

    async def _flights(
        self,
        db: AsyncConnection,
        keys: Collection[StepKey],
        clusters: Collection[str] | None = None,
    ) -> list[FlightRow]:
        if not keys:
            return []
        is_open = runs.c.state != RunState.ENDED.value
        in_flight = members.c.state == MemberState.IN_FLIGHT.value
        of_step = (
            select(
                members.c.cluster,
                members.c.action_index,
                case((is_open, runs.c.action)).label("action"),
                case((is_open, runs.c.intended_at)).label("started"),
                case((is_open, runs.c.arming_at)).label("began"),
                members.c.limit_at.label("limit"),
                REASON["kind"].label("kind"),
                REASON["who"].label("who"),
                GATE.label("gate"),
                cast(REASON["since"], Moment).label("since"),
            )
            .outerjoin(runs, NEWEST_RUN)
            .where(in_flight)
        )
        rows = (await db.execute(self._of_steps(keys, of_step, clusters))).mappings()
        return [to_record(row, FlightRow) for row in rows]

    def _of_steps(
        self,
        keys: Collection[StepKey],
        of_step: Select[Any],
        clusters: Collection[str] | None = None,
    ) -> Select[Any]:
        """Reads members with `of_step`, step by step: Postgres would take all of them for the whole
        table and read that."""
        asked = _asked(keys)
        its = [
            members.c.hub == self.hub,
            members.c.rollout == asked.c.rollout,
            members.c.step == asked.c.step,
        ]
        if clusters is not None:
            its.append(members.c.cluster == any_(texts(clusters)))
        apart = of_step.where(*its).offset(0).lateral("of_step")
        return select(asked.c.rollout, asked.c.step, *apart.c).select_from(
            asked.join(apart, true())
        )


def _asked(keys: Collection[StepKey]) -> FromClause:
    uids = texts([rollout for rollout, _ in keys])
    numbers = literal([step for _, step in keys], ARRAY(Integer))
    return (
        func.unnest(uids, numbers)
        .table_valued(column("rollout", Text), column("step", Integer))
        .render_derived(name="asked")
    )


def _by_step(rows: Iterable[Any]) -> dict[StepKey, list[Any]]:
    found: dict[StepKey, list[Any]] = {}
    for row in rows:
        found.setdefault((row.rollout, row.step), []).append(row)
    return found
