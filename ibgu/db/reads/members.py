"""Members: those of a rollout, and those that a cluster was."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Subquery,
    Text,
    and_,
    any_,
    case,
    column,
    false,
    func,
    null,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.kinds import LabelSelector
from ibgu.core.model import Action, Cause, MemberState, Outcome, ReasonKind, Run, RunState
from ibgu.core.words import STARTABLE
from ibgu.db.reads.base import Base, integers, texts
from ibgu.db.reads.cursor import decode, page
from ibgu.db.reads.labelled import matching
from ibgu.db.reads.sorting import Sort, Sorting
from ibgu.db.rows import NEWEST_RUN, OF_MEMBER_AND_RUN, OF_RUN, to_member, to_record
from ibgu.db.schema import members, rollouts, runs, steps
from ibgu.db.views import MemberRow, Page, VisitRow

_ITS_STEP = and_(
    steps.c.hub == members.c.hub,
    steps.c.rollout == members.c.rollout,
    steps.c.index == members.c.step,
)
_ITS_ROLLOUT = and_(rollouts.c.hub == members.c.hub, rollouts.c.uid == members.c.rollout)
_ACTION = case(
    (members.c.state != MemberState.FINISHED.value, steps.c.actions[members.c.action_index + 1])
)
_HELD = func.coalesce(rollouts.c.hold, steps.c.hold, type_=JSONB)
_STARTABLE = and_(
    members.c.state == MemberState.WAITING.value,
    members.c.reason["kind"].astext.in_([kind.value for kind in STARTABLE]),
)
_shown: ColumnElement[Any] = case(
    (members.c.state == MemberState.FINISHED.value, null()),
    (and_(_HELD.is_not(None), _STARTABLE), _HELD["kind"].astext),
    else_=members.c.reason["kind"].astext,
)
"""The kind of the reason that counts, as in `core.words.reason_of`."""
_EXTRA = (
    rollouts.c.namespace.label("of_namespace"),
    rollouts.c.name.label("of_name"),
    _ACTION.label("current_action"),
    _HELD.label("held"),
    func.now().label("now"),
)


_KEY = (members.c.hub, members.c.rollout, members.c.step, members.c.cluster)


class MemberReads(Base):
    async def members(
        self,
        uid: str,
        *,
        step: int | None = None,
        state: MemberState | None = None,
        outcome: Outcome | None = None,
        cause: Cause | None = None,
        prefix: str = "",
        clusters: Sequence[str] | None = None,
        label: LabelSelector | None = None,
        reason: ReasonKind | None = None,
        slower_than: Mapping[Action, float] | None = None,
        sort: Sort = Sort.ORDER,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[MemberRow]:
        """`prefix`: of the cluster's name, `clusters`: whole names; `label`: by the labels that
        their ManagedClusters have now; `reason`: as it is shown, a hold before the member's own;
        `slower_than`: in flight for more seconds than these."""
        sorting = Sorting(sort, cursor)
        asked = {
            members.c.rollout: uid,
            members.c.step: step,
            members.c.state: state and state.value,
            members.c.outcome: outcome and outcome.value,
            members.c.cause: cause and cause.value,
        }
        wanted = [column == value for column, value in asked.items() if value is not None]
        if prefix:
            wanted.append(members.c.cluster.startswith(prefix, autoescape=True))
        if clusters is not None:
            wanted.append(members.c.cluster == any_(texts(clusters)))
        if label is not None:
            wanted.append(matching(self.hub, members.c.cluster, label))
        if reason is not None:
            wanted += [members.c.state != MemberState.FINISHED.value, _shown == reason.value]
        if slower_than is not None:
            wanted.append(_slower(slower_than))
        if sorting.looks_at_all:
            chosen = self._chosen(reason is not None, slower_than is not None).where(*wanted)
            its_page = sorting.first(chosen).limit(limit + 1).subquery("page")
            statement = self._members().join(its_page, _same_member(its_page))
            statement = sorting.same(statement, its_page)
        else:
            statement = sorting.first(self._members().where(*wanted)).limit(limit + 1)
        async with self._at_one_moment() as db:
            found = page((await db.execute(statement)).all(), limit, sorting.place)
        return Page(tuple(_row(row) for row in found.items), found.next)

    async def visits(
        self,
        cluster: str,
        *,
        rollout: str | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> Page[VisitRow]:
        """The steps that a cluster of that name was in, newest first; `rollout` is a uid."""
        chosen: Select[Any] = select(*_KEY, rollouts.c.created_at.label("age"))
        chosen = chosen.join(rollouts, _ITS_ROLLOUT)
        chosen = chosen.where(members.c.hub == self.hub, members.c.cluster == cluster)
        if rollout is not None:
            chosen = chosen.where(members.c.rollout == rollout)
        place = (rollouts.c.created_at, members.c.rollout, members.c.step)
        if cursor is not None:
            chosen = chosen.where(tuple_(*place) < decode(cursor, tuple[datetime, str, int]))
        chosen = chosen.order_by(*(column.desc() for column in place)).limit(limit + 1)
        # Only these are read: each row of a cluster's, and of its runs, is on a page of its own.
        its_page = chosen.subquery("page")
        statement = (
            self._members().join(its_page, _same_member(its_page)).add_columns(its_page.c.age)
        )
        place_there = (its_page.c.age, its_page.c.rollout, its_page.c.step)
        statement = statement.order_by(*(column.desc() for column in place_there))
        async with self._at_one_moment() as db:
            rows = (await db.execute(statement)).all()
            found = page(rows, limit, lambda row: (row.age, row.rollout, row.step))
            return Page(await self._with_runs(db, cluster, found.items), found.next)

    def _members(self) -> Select[Any]:
        return (
            select(*OF_MEMBER_AND_RUN, *_EXTRA)
            .join(steps, _ITS_STEP)
            .join(rollouts, _ITS_ROLLOUT)
            .outerjoin(runs, NEWEST_RUN)
            .where(members.c.hub == self.hub)
        )

    def _chosen(self, by_hold: bool, by_run: bool) -> Select[Any]:
        """Keys of members, with what is joined to them only if it decides who is chosen."""
        chosen: Select[Any] = select(*_KEY).where(members.c.hub == self.hub)
        if by_hold:
            chosen = chosen.join(steps, _ITS_STEP).join(rollouts, _ITS_ROLLOUT)
        return chosen.join(runs, NEWEST_RUN) if by_run else chosen

    async def _with_runs(
        self, db: AsyncConnection, cluster: str, rows: Sequence[Any]
    ) -> tuple[VisitRow, ...]:
        keys = [(row.rollout, row.step) for row in rows]
        of_rollout, of_step = texts([key[0] for key in keys]), integers([key[1] for key in keys])
        its = func.unnest(of_rollout, of_step).table_valued(
            column("rollout", Text), column("step", Integer), name="its"
        )
        its = its.render_derived()
        statement = (
            select(*OF_RUN, runs.c.rollout, runs.c.step)
            .join(its, and_(runs.c.rollout == its.c.rollout, runs.c.step == its.c.step))
            .where(runs.c.hub == self.hub, runs.c.cluster == cluster)
            .order_by(runs.c.intended_at, runs.c.attempt)
        )
        found: dict[tuple[str, int], list[Run]] = {key: [] for key in keys}
        for run in (await db.execute(statement)).mappings():
            found[run["rollout"], run["step"]].append(to_record(run, Run))
        return tuple(
            VisitRow(_row(row), tuple(found[key])) for key, row in zip(keys, rows, strict=True)
        )


def _same_member(page: Subquery) -> ColumnElement[bool]:
    return and_(*(members.c[column.name] == page.c[column.name] for column in _KEY))


def _slower(usual: Mapping[Action, float]) -> ColumnElement[bool]:
    """Nobody is slower than what was not measured."""
    took = func.extract("epoch", func.now() - runs.c.arming_at)
    seconds = [(runs.c.action == action.value, each) for action, each in usual.items()]
    slower = took > case(*seconds) if seconds else false()
    is_open = runs.c.state != RunState.ENDED.value
    return and_(members.c.state == MemberState.IN_FLIGHT.value, is_open, slower)


def _row(row: Any) -> MemberRow:
    return msgspec.convert(
        {
            "member": to_member(row),
            "namespace": row.of_namespace,
            "name": row.of_name,
            "action": row.current_action,
            "hold": row.held,
            "now": row.now,
        },
        MemberRow,
    )
