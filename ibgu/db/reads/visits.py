"""Reads the steps that clusters were in, with their runs."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, any_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.model import Member, Outcome, Run, has_acted
from ibgu.core.model.members import as_displayed
from ibgu.db.reads.base import Base, integers, reading_ahead, texts
from ibgu.db.reads.cursor import decode, page
from ibgu.db.reads.shown import ITS_ROLLOUT, ITS_STEP, joined, shown
from ibgu.db.reads.sorting import Sort, Sorting
from ibgu.db.rows import OF_MEMBER, OF_RUN, of_member, to_run
from ibgu.db.schema import events, members, rollouts, runs, steps
from ibgu.db.views import Page, VisitListing, VisitRow

_STARTED = func.coalesce(steps.c.started_at, rollouts.c.created_at)


class VisitReads(Base):
    async def visits(
        self,
        cluster: str,
        *,
        rollout: str | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> VisitListing:
        """Returns the steps that a cluster of that name was in, the one that started last first;
        `rollout` is a uid."""
        place = (_STARTED, members.c.rollout, members.c.step)
        chosen: Select[Any] = select(*place).join(steps, ITS_STEP).join(rollouts, ITS_ROLLOUT)
        chosen = chosen.where(members.c.hub == self.hub, members.c.cluster == cluster)
        if rollout is not None:
            chosen = chosen.where(members.c.rollout == rollout)
        if cursor is not None:
            chosen = chosen.where(tuple_(*place) < decode(cursor, tuple[datetime, str, int]))
        chosen = chosen.order_by(*(column.desc() for column in place)).limit(limit + 1)
        async with self._at_one_moment() as db:
            found = page((await db.execute(chosen)).all(), limit, tuple)
            its = [(key.rollout, key.step) for key in found.items]
            newest = await db.scalar(self._newest_event(cluster)) or 0
            return VisitListing(await self._visited(db, cluster, its), found.next, newest)

    async def visits_of_rollout(
        self, uid: str, *, limit: int = 100, cursor: str | None = None
    ) -> Page[VisitRow]:
        """Returns a page of the steps of a rollout's clusters, in the order of steps and of starts
        within a step."""
        sorting = Sorting(Sort.ORDER, cursor)
        chosen = joined(self.hub, OF_MEMBER).where(members.c.rollout == uid)
        async with self._at_one_moment() as db:
            rows = (await db.execute(sorting.first(chosen).limit(limit + 1))).all()
            found = page(rows, limit, sorting.place)
            had = await self._runs(db, uid, found.items)
        visits = tuple(_visit(row, had[row.step, row.cluster]) for row in found.items)
        return Page(visits, found.next)

    async def _runs(
        self, db: AsyncConnection, uid: str, of_members: Sequence[Any]
    ) -> defaultdict[tuple[int, str], list[Run]]:
        """Returns the runs of the members by step and cluster, oldest first."""
        of_runs = (
            select(*OF_RUN, runs.c.step, runs.c.cluster)
            .where(
                runs.c.hub == self.hub,
                runs.c.rollout == uid,
                runs.c.step == any_(integers({row.step for row in of_members})),
                runs.c.cluster == any_(texts({row.cluster for row in of_members})),
            )
            .order_by(runs.c.intended_at, runs.c.attempt)
        )
        had: defaultdict[tuple[int, str], list[Run]] = defaultdict(list)
        for run in (await db.execute(of_runs)).mappings():
            had[run["step"], run["cluster"]].append(to_run(run))
        return had

    def _newest_event(self, cluster: str) -> Select[Any]:
        its = (events.c.hub == self.hub, events.c.cluster == cluster)
        return select(events.c.seq).where(*its).order_by(events.c.seq.desc()).limit(1)

    async def _visited(
        self, db: AsyncConnection, cluster: str, its: Sequence[tuple[str, int]]
    ) -> tuple[VisitRow, ...]:
        """`its`: (rollout, step)."""
        if not its:
            return ()
        await reading_ahead(db)
        of_rollouts = any_(texts(list({rollout for rollout, _ in its})))
        of_members = joined(self.hub, OF_MEMBER).where(
            members.c.cluster == cluster, members.c.rollout == of_rollouts
        )
        # Not by step: the index of clusters has these side by side, the index of steps each on a
        # page of its own, and no scan reads ahead in an index.
        of_runs = (
            select(*OF_RUN, runs.c.rollout, runs.c.step)
            .where(runs.c.hub == self.hub, runs.c.cluster == cluster, runs.c.rollout == of_rollouts)
            .order_by(runs.c.intended_at, runs.c.attempt)
        )
        rows = {(row.rollout, row.step): row for row in await db.execute(of_members)}
        had: defaultdict[tuple[str, int], list[Run]] = defaultdict(list)
        for run in (await db.execute(of_runs)).mappings():
            had[run["rollout"], run["step"]].append(to_run(run))
        return tuple(_visit(rows[key], had[key]) for key in its)


def by_activity(visits: Iterable[VisitRow]) -> list[VisitRow]:
    """Returns the visits with the newest word about the cluster first: of the rollout that has
    acted there last, before all that have ended one that has not.

    One in which the cluster only waits, or failed before it began, comes first only after a
    success: else it would hide what has to be done about the cluster. One that the cluster has left
    before it began says nothing of it.
    """
    ordered = sorted(visits, key=_activity, reverse=True)
    acted = [each for each in ordered if has_acted(each.member.member)]
    left = [each for each in ordered if each not in acted and _has_left(each.member.member)]
    others = [each for each in ordered if each not in acted and each not in left]
    if acted and as_displayed(acted[0].member.member).outcome is not Outcome.SUCCEEDED:
        return [*acted, *others, *left]
    return [*sorted([*acted, *others], key=_activity, reverse=True), *left]


def _activity(visit: VisitRow) -> tuple[bool, datetime]:
    member = visit.member.member
    return not member.finished, member.ended_at or member.started_at or member.reason.since


def _has_left(member: Member) -> bool:
    return member.outcome in (Outcome.SKIPPED, Outcome.CANCELLED)


def _visit(row: Any, its: Sequence[Run]) -> VisitRow:
    newest = next((run for run in its if run.id == row.run), None)
    return VisitRow(shown(row, of_member(row, newest)), tuple(its))
