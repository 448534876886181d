"""Reads the members of a rollout."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    and_,
    any_,
    case,
    false,
    func,
    not_,
    or_,
    select,
)

from ibgu.core.model import ActionName, Cause, MemberState, Outcome, ReasonKind, RunState
from ibgu.core.model.kinds import LabelSelector
from ibgu.db.reads.base import Base, texts
from ibgu.db.reads.cursor import page
from ibgu.db.reads.labelled import matching
from ibgu.db.reads.shown import ITS_ROLLOUT, ITS_STEP, joined, reason_kind, shown
from ibgu.db.reads.sorting import Sort, Sorting
from ibgu.db.rows import NEWEST_RUN, OF_MEMBER_AND_RUN, to_member
from ibgu.db.schema import members, rollouts, runs, steps
from ibgu.db.views import MemberRow, Page

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
        slower_than: Mapping[ActionName, float] | None = None,
        warned: bool = False,
        rollback: bool = False,
        sort: Sort = Sort.ORDER,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[MemberRow]:
        """Returns a page of members.

        `outcome` and `cause` are those that people see (`core.model.members.as_displayed`).
        `prefix` begins the cluster's name, `clusters` are whole names. `label` selects by the
        labels that their ManagedClusters have now. `reason` is the one that people see, a hold
        before the member's own. `slower_than`: in flight for more seconds than these. `warned`:
        with a warning. `rollback`: with a rollback deadline.
        """
        sorting = Sorting(sort, cursor)
        asked = {
            members.c.rollout: uid,
            members.c.step: step,
            members.c.state: state and state.value,
        }
        wanted = [column == value for column, value in asked.items() if value is not None]
        wanted += _shown_as(outcome, cause)
        if prefix:
            wanted.append(members.c.cluster.startswith(prefix, autoescape=True))
        if clusters is not None:
            wanted.append(members.c.cluster == any_(texts(clusters)))
        if label is not None:
            wanted.append(matching(self.hub, members.c.cluster, label))
        if reason is not None:
            wanted += [members.c.state != MemberState.FINISHED.value, reason_kind == reason.value]
        if slower_than is not None:
            wanted.append(_slower(slower_than))
        if warned:
            wanted.append(members.c.warning != "")
        if rollback:
            wanted.append(members.c.rollback_until.is_not(None))
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

    def _members(self) -> Select[Any]:
        return joined(self.hub, OF_MEMBER_AND_RUN).outerjoin(runs, NEWEST_RUN)

    def _chosen(self, by_hold: bool, by_run: bool) -> Select[Any]:
        """Selects keys of members, with joins only where they decide which are chosen."""
        chosen: Select[Any] = select(*_KEY).where(members.c.hub == self.hub)
        if by_hold:
            chosen = chosen.join(steps, ITS_STEP).join(rollouts, ITS_ROLLOUT)
        return chosen.join(runs, NEWEST_RUN) if by_run else chosen


def _shown_as(outcome: Outcome | None, cause: Cause | None) -> list[ColumnElement[bool]]:
    """Returns the condition of an outcome and cause as shown: a failed member that completed late
    has succeeded, without a cause."""
    late = and_(members.c.outcome == Outcome.FAILED.value, members.c.late != "")
    wanted: list[ColumnElement[bool]] = []
    if outcome is Outcome.SUCCEEDED:
        wanted.append(or_(members.c.outcome == outcome.value, late))
    elif outcome is not None:
        wanted += [members.c.outcome == outcome.value, not_(late)]
    if cause is not None:
        wanted += [members.c.cause == cause.value, not_(late)]
    return wanted


def _same_member(page: Subquery) -> ColumnElement[bool]:
    return and_(*(members.c[column.name] == page.c[column.name] for column in _KEY))


def _slower(usual: Mapping[ActionName, float]) -> ColumnElement[bool]:
    """Returns the condition of being slower than usual; what was not measured has no slow
    members."""
    took = func.extract("epoch", func.now() - runs.c.arming_at)
    seconds = [(runs.c.action == action, each) for action, each in usual.items()]
    slower = took > case(*seconds) if seconds else false()
    is_open = runs.c.state != RunState.ENDED.value
    return and_(members.c.state == MemberState.IN_FLIGHT.value, is_open, slower)


def _row(row: Any) -> MemberRow:
    return shown(row, to_member(row))
