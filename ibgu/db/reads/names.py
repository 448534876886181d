"""Reads names of clusters in order, each once, however often it was a member.

An index has each name once per step over it. So the next name is searched behind the last one, name
by name, instead of reading all entries of a hub's history.
"""

from collections.abc import Collection
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, any_, exists, literal, select, true

from ibgu.core.model.kinds import LabelSelector
from ibgu.db.reads.base import texts
from ibgu.db.reads.labelled import labelled, matching
from ibgu.db.schema import cluster_labels, members, rollouts, steps

_LAST = "~"
"""Sorts after every character that a cluster's name may have."""


class Names(Struct, frozen=True):
    hub: str
    prefix: str
    after: str
    """The name after which the page begins; empty: from the first."""
    limit: int
    label: LabelSelector | None = None

    def of_all(self) -> Select[Any]:
        """Selects the names that any rollout knows."""
        if self.label is not None:
            return self._of_labels(self.label)
        found = select(self._next(literal(self.after)).label("cluster"))
        names = found.cte("names", recursive=True)
        following = select(self._next(names.c.cluster)).where(names.c.cluster.is_not(None))
        names = names.union_all(following)
        statement = select(names.c.cluster).where(names.c.cluster.is_not(None))
        return statement.limit(self.limit)

    def of_rollout(self, uid: str) -> Select[Any]:
        return self._of_steps(steps.c.rollout == uid)

    def of_namespaces(self, namespaces: Collection[str]) -> Select[Any]:
        """Selects the names that a rollout in one of the namespaces knows. Going from name to name
        would read the whole fleet for a small namespace."""
        theirs = rollouts.c.namespace == any_(texts(namespaces))
        if self.label is not None:
            return self._of_labels(self.label, theirs)
        its_rollout = (rollouts.c.hub == steps.c.hub) & (rollouts.c.uid == steps.c.rollout)
        return self._of_steps(exists().where(its_rollout, theirs))

    def _of_steps(self, wanted: ColumnElement[bool]) -> Select[Any]:
        """Selects the first page out of a page of each step, in the order of its index."""
        member = members.alias()
        its_step = (
            member.c.hub == steps.c.hub,
            member.c.rollout == steps.c.rollout,
            member.c.step == steps.c.index,
        )
        labelled = [] if self.label is None else [self._labelled(member.c.cluster)]
        of_step = (
            select(member.c.cluster)
            .where(*its_step, *self._between(member.c.cluster, literal(self.after)))
            .where(*labelled)
            .order_by(member.c.cluster)
            .limit(self.limit)
            .lateral("of_step")
        )
        return (
            select(of_step.c.cluster)
            .select_from(steps.join(of_step, true()))
            .where(steps.c.hub == self.hub, wanted)
            .distinct()
            .order_by(of_step.c.cluster)
            .limit(self.limit)
        )

    def _next(self, after: ColumnElement[str]) -> Any:
        member = members.alias()
        return (
            select(member.c.cluster)
            .where(member.c.hub == self.hub, *self._between(member.c.cluster, after))
            .order_by(member.c.cluster)
            .limit(1)
            .scalar_subquery()
        )

    def _between(
        self, name: ColumnElement[str], after: ColumnElement[str]
    ) -> list[ColumnElement[bool]]:
        if not self.prefix:
            return [name > after]
        return [name > after, name >= self.prefix, name < self.prefix + _LAST]

    def _labelled(self, name: ColumnElement[str]) -> ColumnElement[bool]:
        assert self.label is not None
        return matching(self.hub, name, self.label)

    def _of_labels(
        self, label: LabelSelector, theirs: ColumnElement[bool] | None = None
    ) -> Select[Any]:
        """Selects the clusters with the labels, looked up one by one rather than walking through
        all others. LIMIT keeps Postgres from planning the look-up as a join with everything that
        ever was."""
        between = self._between(cluster_labels.c.cluster, literal(self.after))
        # OFFSET: the clusters are found and sorted first, then looked up until the page is full.
        found = labelled(self.hub, label).where(*between).order_by(cluster_labels.c.cluster)
        name = found.offset(0).subquery("found").c.cluster
        known = select(literal(1)).where(members.c.hub == self.hub, members.c.cluster == name)
        if theirs is not None:
            its_rollout = (rollouts.c.hub == members.c.hub) & (rollouts.c.uid == members.c.rollout)
            known = known.where(its_rollout, theirs)
        is_known = known.limit(1).scalar_subquery().is_not(None)
        return select(name).where(is_known).order_by(name).limit(self.limit)
