"""Reads what has become of failed clusters: their newest member, newer rollouts, their labels."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, any_, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on

from ibgu.core.model import Action, Member, Outcome, Rollout, RolloutState
from ibgu.db.reads.base import Base, texts
from ibgu.db.rows import NEWEST_RUN, OF_MEMBER_AND_RUN, OF_ROLLOUT, to_member, to_record
from ibgu.db.schema import cluster_labels, members, rollouts, runs, steps

_CANCELS = [action.value for action in Action if action.cancels]


class Taken(NamedTuple):
    """Taken is a newer rollout that a cluster is or was a member of."""

    namespace: str
    name: str


class KnownLabels(NamedTuple):
    labels: dict[str, str] | None
    """None: too many to be kept."""
    there: bool
    """Whether the ManagedCluster is on the hub."""


class LaterReads(Base):
    async def failed_ever(self, uid: str) -> list[Member]:
        """Returns the newest member of each cluster that failed in some step or was cancelled."""
        lost = members.alias()
        ever = select(lost.c.cluster).where(
            lost.c.hub == self.hub,
            lost.c.rollout == uid,
            lost.c.outcome.in_([Outcome.FAILED.value, Outcome.CANCELLED.value]),
        )
        statement = (
            select(*OF_MEMBER_AND_RUN)
            .outerjoin(runs, NEWEST_RUN)
            .where(members.c.hub == self.hub, members.c.rollout == uid)
            .where(members.c.cluster.in_(ever))
            .order_by(members.c.step, members.c.position)
        )
        async with self._at_one_moment() as db:
            found = [to_member(row) for row in await db.execute(statement)]
        return list({member.cluster: member for member in found}.values())

    async def newer(self, rollout: Rollout) -> list[Rollout]:
        """Returns rollouts of all namespaces that came after this one and are on the hub."""
        statement = select(*OF_ROLLOUT).where(
            self._after(rollout), rollouts.c.state != RolloutState.DELETED.value
        )
        async with self._at_one_moment() as db:
            return [to_record(row, Rollout) for row in (await db.execute(statement)).mappings()]

    async def taken_later(self, rollout: Rollout, clusters: Collection[str]) -> dict[str, Taken]:
        """Returns the newest later rollout of each cluster, deleted ones included."""
        its_rollout = and_(rollouts.c.hub == members.c.hub, rollouts.c.uid == members.c.rollout)
        statement = (
            select(members.c.cluster, rollouts.c.namespace, rollouts.c.name)
            .join(rollouts, its_rollout)
            .where(members.c.hub == self.hub, members.c.cluster == any_(texts(clusters)))
            .where(self._after(rollout))
            .order_by(rollouts.c.created_at, rollouts.c.uid)
        )
        async with self._at_one_moment() as db:
            rows = await db.execute(statement)
            return {row.cluster: Taken(row.namespace, row.name) for row in rows}

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
            .where(self._after(rollout), steps.c.actions[1].in_(_CANCELS))
            .where(steps.c.across_namespaces | (rollouts.c.namespace == rollout.namespace))
        )
        async with self._at_one_moment() as db:
            return frozenset(await db.scalars(statement))

    async def last_taken(self, clusters: Collection[str]) -> dict[str, tuple[Action, Rollout]]:
        """Returns the last action that each cluster took, and its rollout, deleted ones
        included."""
        newest = (
            select(runs.c.cluster, runs.c.action, runs.c.rollout)
            .ext(distinct_on(runs.c.cluster))
            .where(runs.c.hub == self.hub, runs.c.cluster == any_(texts(clusters)))
            .where(runs.c.accepted_at.is_not(None))
            .order_by(runs.c.cluster, runs.c.intended_at.desc())
        )
        async with self._at_one_moment() as db:
            taken = (await db.execute(newest)).all()
            wanted = texts({row.rollout for row in taken})
            of = select(*OF_ROLLOUT).where(
                rollouts.c.hub == self.hub, rollouts.c.uid == any_(wanted)
            )
            found = [to_record(row, Rollout) for row in (await db.execute(of)).mappings()]
        by_uid = {rollout.uid: rollout for rollout in found}
        return {row.cluster: (Action(row.action), by_uid[row.rollout]) for row in taken}

    async def labels(self, clusters: Collection[str]) -> dict[str, KnownLabels]:
        """Returns labels as the leader saw them last, without clusters that it has not recorded."""
        statement = select(
            cluster_labels.c.cluster, cluster_labels.c.labels, cluster_labels.c.there
        ).where(cluster_labels.c.hub == self.hub, cluster_labels.c.cluster == any_(texts(clusters)))
        async with self._at_one_moment() as db:
            rows = await db.execute(statement)
            return {row.cluster: KnownLabels(row.labels, row.there) for row in rows}

    def _after(self, rollout: Rollout) -> ColumnElement[bool]:
        age = tuple_(rollouts.c.created_at, rollouts.c.uid)
        return and_(rollouts.c.hub == self.hub, age > rollout.age)
