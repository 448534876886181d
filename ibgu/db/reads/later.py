"""Reads what has become of a rollout's clusters: their newest member, other rollouts, labels."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    any_,
    cast,
    func,
    null,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONPATH, distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.drivers import every_action
from ibgu.core.model import ActionName, Cause, Member, Outcome, Rollout
from ibgu.db.reads.base import Base, texts
from ibgu.db.rows import NEWEST_RUN, OF_MEMBER_AND_RUN, OF_ROLLOUT, to_member, to_record
from ibgu.db.schema import claims, cluster_labels, members, rollouts, runs, steps

_ITS_ROLLOUT = and_(rollouts.c.hub == members.c.hub, rollouts.c.uid == members.c.rollout)

_PASSED = text("""
    SELECT cluster FROM unnest(CAST(:clusters AS text[])) AS cluster CROSS JOIN LATERAL (
      SELECT kind, warning FROM events
      WHERE events.hub = :hub AND events.cluster = cluster.cluster
        AND kind IN ('RunIntended', 'RollbackDeadlineChanged') ORDER BY seq DESC LIMIT 1
    ) AS newest WHERE kind = 'RollbackDeadlineChanged' AND warning
""")
"""The deadlines that have passed, which alone warn."""


class LaterMembership(NamedTuple):
    """LaterMembership is another rollout that a cluster is or was a member of."""

    rollout: Rollout
    step: int
    """The newest step that the cluster is in, from 0."""
    outcome: Outcome | None
    """None: it has not ended that step there."""
    acted: bool
    """Whether it has begun an action on the cluster, in any step."""


class KnownLabels(NamedTuple):
    labels: dict[str, str] | None
    """None: too many to be kept."""
    there: bool
    """Whether the ManagedCluster is on the hub."""


class LaterRollout(NamedTuple):
    """LaterRollout is another rollout that has begun an action on clusters of a rollout."""

    rollout: Rollout
    clusters: int
    acting: int
    """The number of them on which it acts now."""


class LaterRollouts(NamedTuple):
    items: tuple[LaterRollout, ...]
    """The newest first."""
    clusters: int
    """Clusters on which at least one has begun an action."""


class LaterReads(Base):
    async def failed_ever(self, uid: str) -> list[Member]:
        """Returns the newest member of each cluster that failed in some step or was cancelled."""
        lost = members.alias()
        ever = select(lost.c.cluster).where(
            lost.c.hub == self.hub,
            lost.c.rollout == uid,
            lost.c.outcome.in_([Outcome.FAILED.value, Outcome.CANCELLED.value]),
        )
        return await self._newest_where(uid, members.c.cluster.in_(ever))

    async def newest_members(self, uid: str) -> list[Member]:
        """Returns the newest member of each cluster."""
        return await self._newest_where(uid)

    async def _newest_where(self, uid: str, *only: ColumnElement[bool]) -> list[Member]:
        statement = (
            select(*OF_MEMBER_AND_RUN)
            .outerjoin(runs, NEWEST_RUN)
            .where(members.c.hub == self.hub, members.c.rollout == uid, *only)
            .order_by(members.c.step, members.c.position)
        )
        async with self._at_one_moment() as db:
            found = [to_member(row) for row in await db.execute(statement)]
        return list({member.cluster: member for member in found}.values())

    async def taken_later(
        self, rollout: Rollout, clusters: Collection[str]
    ) -> dict[str, list[LaterMembership]]:
        """Returns the later rollouts of each cluster, deleted ones included, the newest last."""
        statement = (
            select(
                *(members.c.cluster, members.c.rollout, members.c.step, members.c.outcome),
                *(members.c.started_at, members.c.completed),
            )
            .join(rollouts, _ITS_ROLLOUT)
            .where(members.c.hub == self.hub, members.c.cluster == any_(texts(clusters)))
            .where(self._after(rollout))
            .order_by(rollouts.c.created_at, rollouts.c.uid, members.c.step)
        )
        return await self._taken(statement, _has_acted)

    async def acted_later(
        self, uid: str, cluster: str | None = None, limit: int = 20
    ) -> LaterRollouts:
        """Returns which later rollouts have begun an action on clusters of this one, or on one
        cluster, deleted ones included. Of many later rollouts the newest `limit` count: the rest of
        a hub's history takes too long to read."""
        own = select(rollouts.c.created_at, rollouts.c.uid).where(
            rollouts.c.hub == self.hub, rollouts.c.uid == uid
        )
        async with self._at_one_moment() as db:
            found_own = (await db.execute(own)).one_or_none()
            if found_own is None:  # Retention has deleted it since it was found.
                return LaterRollouts((), 0)
            age = tuple(found_own)
            newest = rollouts.c.created_at.desc(), rollouts.c.uid.desc()
            recent = select(rollouts.c.uid).where(self._after_age(age)).order_by(*newest)
            later = list(await db.scalars(recent.limit(limit)))
            # Most rollouts whose status is asked for are the newest: nothing else is read for them.
            counted = (await db.execute(self._acted(uid, cluster, later))).all() if later else []
            by_uid = await self._records(db, {row.rollout for row in counted if row.rollout})
        found = [
            LaterRollout(by_uid[row.rollout], row.clusters, row.acting)
            for row in counted
            if row.rollout
        ]
        found.sort(key=lambda each: each.rollout.age, reverse=True)
        total = next((row.clusters for row in counted if row.rollout is None), 0)
        return LaterRollouts(tuple(found), total)

    def _acted(self, uid: str, cluster: str | None, later: Collection[str]) -> Select[Any]:
        """Selects the clusters of each later rollout, and without a rollout those of all."""
        own = members.alias()
        its = select(own.c.cluster).where(own.c.hub == self.hub, own.c.rollout == uid)
        acting = func.bool_or(members.c.outcome.is_(None))
        pairs = (
            select(members.c.cluster, members.c.rollout, acting.label("acting"))
            .where(members.c.hub == self.hub, members.c.rollout == any_(texts(later)))
            .where(members.c.cluster.in_(its) if cluster is None else members.c.cluster == cluster)
            .where(_ACTED)
            .group_by(members.c.cluster, members.c.rollout)
            .cte("pairs")
        )
        return select(
            pairs.c.rollout,
            func.count(pairs.c.cluster.distinct()).label("clusters"),
            func.count().filter(pairs.c.acting).label("acting"),
        ).group_by(func.rollup(pairs.c.rollout))

    async def claimed_elsewhere(
        self, uid: str, clusters: Collection[str]
    ) -> dict[str, list[LaterMembership]]:
        """Returns the rollout that has claimed each cluster, unless it is the one with this
        uid."""
        outcome = null().label("outcome")
        statement = select(claims.c.cluster, claims.c.rollout, claims.c.step, outcome).where(
            claims.c.hub == self.hub,
            claims.c.cluster == any_(texts(clusters)),
            claims.c.rollout != uid,
        )
        return await self._taken(statement, lambda _: True)

    async def _taken(
        self, statement: Select[Any], has_acted: Callable[[Row[Any]], bool]
    ) -> dict[str, list[LaterMembership]]:
        async with self._at_one_moment() as db:
            rows = (await db.execute(statement)).all()
            by_uid = await self._records(db, {row.rollout for row in rows})
        newest = {(row.cluster, row.rollout): row for row in rows}
        acted = {(row.cluster, row.rollout) for row in rows if has_acted(row)}
        found: dict[str, list[LaterMembership]] = {}
        for (cluster, uid), row in newest.items():
            outcome = None if row.outcome is None else Outcome(row.outcome)
            taken = LaterMembership(by_uid[uid], row.step, outcome, (cluster, uid) in acted)
            found.setdefault(cluster, []).append(taken)
        return found

    async def _records(self, db: AsyncConnection, uids: Collection[str]) -> dict[str, Rollout]:
        statement = select(*OF_ROLLOUT).where(
            rollouts.c.hub == self.hub, rollouts.c.uid == any_(texts(uids))
        )
        found = [to_record(row, Rollout) for row in (await db.execute(statement)).mappings()]
        return {rollout.uid: rollout for rollout in found}

    async def barred(self, rollout: Rollout) -> frozenset[str]:
        """Returns the uids of the clusters that newer rollouts have taken over, deleted ones
        included (R6.3)."""
        its_step = and_(
            steps.c.hub == members.c.hub,
            steps.c.rollout == members.c.rollout,
            steps.c.index == members.c.step,
        )
        its_rollout = and_(rollouts.c.hub == steps.c.hub, rollouts.c.uid == steps.c.rollout)
        statement = (
            select(members.c.cluster_uid)
            .distinct()
            .join(steps, its_step)
            .join(rollouts, its_rollout)
            .where(
                self._after(rollout),
                rollouts.c.object_kind == rollout.kind,
                steps.c.actions[1].in_(every_action(lambda action: action.cancels)),
            )
            .where(steps.c.across_namespaces | (rollouts.c.namespace == rollout.namespace))
        )
        async with self._at_one_moment() as db:
            return frozenset(await db.scalars(statement))

    async def last_taken(
        self, clusters: Collection[str], actions: Collection[ActionName]
    ) -> dict[str, tuple[ActionName, Rollout]]:
        """Returns the last of these actions that each cluster took, and its rollout, deleted ones
        included."""
        newest = (
            select(runs.c.cluster, runs.c.action, runs.c.rollout)
            .ext(distinct_on(runs.c.cluster))
            .where(runs.c.hub == self.hub, runs.c.cluster == any_(texts(clusters)))
            .where(runs.c.accepted_at.is_not(None), runs.c.action.in_(actions))
            .order_by(runs.c.cluster, runs.c.intended_at.desc())
        )
        async with self._at_one_moment() as db:
            taken = (await db.execute(newest)).all()
            by_uid = await self._records(db, {row.rollout for row in taken})
        return {row.cluster: (row.action, by_uid[row.rollout]) for row in taken}

    async def rollback_deadlines(
        self, clusters: Collection[str]
    ) -> tuple[dict[str, datetime], list[str]]:
        """Returns until when clusters can be rolled back, and those whose deadline has passed, as
        far as the journal knows."""
        still_open = select(members.c.cluster, func.min(members.c.rollback_until)).where(
            members.c.hub == self.hub,
            members.c.cluster == any_(texts(clusters)),
            members.c.rollback_until.is_not(None),
        )
        asked = {"hub": self.hub, "clusters": list(clusters)}
        async with self._at_one_moment() as db:
            rows = (await db.execute(still_open.group_by(members.c.cluster))).all()
            return dict(map(tuple, rows)), list(await db.scalars(_PASSED, asked))

    async def labels(self, clusters: Collection[str]) -> dict[str, KnownLabels]:
        """Returns labels as the leader saw them last, without clusters that it has not recorded."""
        statement = select(
            cluster_labels.c.cluster, cluster_labels.c.labels, cluster_labels.c.there
        ).where(cluster_labels.c.hub == self.hub, cluster_labels.c.cluster == any_(texts(clusters)))
        async with self._at_one_moment() as db:
            rows = await db.execute(statement)
            return {row.cluster: KnownLabels(row.labels, row.there) for row in rows}

    async def upgrade_labels(
        self, uid: str, names: Sequence[str]
    ) -> frozenset[tuple[Cause | None, frozenset[str]]] | None:
        """Returns which of the labels the rollout's clusters have, with their causes: each
        combination once, without clusters that are gone. None: the labels of one are unknown."""
        its_labels = and_(
            cluster_labels.c.hub == members.c.hub, cluster_labels.c.cluster == members.c.cluster
        )
        labels = cluster_labels.c.labels
        statement = (
            select(
                members.c.cause, cluster_labels.c.there, *(labels.has_key(each) for each in names)
            )
            .outerjoin(cluster_labels, its_labels)
            .where(members.c.hub == self.hub, members.c.rollout == uid)
            .distinct()
        )
        async with self._at_one_moment() as db:
            rows = (await db.execute(statement)).all()
        found = set()
        for cause, there, *has in rows:
            if there is None or (there and None in has):
                return None
            if there:
                present = (name for name, one in zip(names, has, strict=True) if one)
                found.add((Cause(cause) if cause else None, frozenset(present)))
        return frozenset(found)

    def _after(self, rollout: Rollout) -> ColumnElement[bool]:
        return self._after_age(rollout.age)

    def _after_age(self, other: tuple[datetime, str]) -> ColumnElement[bool]:
        age = tuple_(rollouts.c.created_at, rollouts.c.uid)
        return and_(rollouts.c.hub == self.hub, age > other)


_ACTED = or_(
    members.c.started_at.is_not(None),
    func.jsonb_path_exists(members.c.completed, cast("$[*] ? (!(@.skipped == true))", JSONPATH)),
)
"""What `_has_acted` says of a row."""


def _has_acted(member: Row[Any]) -> bool:
    """Returns whether the member has had a slot, or has an action completed that it was asked
    for."""
    return member.started_at is not None or not all(
        done.get("skipped") for done in member.completed
    )
