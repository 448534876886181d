"""Names of clusters in their order, each once, however often it was a member.

An index has each name as often as there were steps over it. So the next name is looked for behind
the last one, name by name, instead of reading all entries of a hub's history.
"""

from collections.abc import Collection
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, any_, exists, literal, select, true

from ibgu.core.kinds import LabelSelector
from ibgu.db.reads.base import texts
from ibgu.db.reads.labelled import matching
from ibgu.db.schema import members, rollouts, steps

_LAST = "~"
"""Comes behind every character that a cluster's name may have."""


class Names(Struct, frozen=True):
    hub: str
    prefix: str
    after: str
    """Only names behind this one; empty: from the first on."""
    limit: int
    label: LabelSelector | None = None

    def of_all(self, namespaces: Collection[str] | None) -> Select[Any]:
        """None: whichever rollout knows it; else one in these namespaces does."""
        found = select(self._next(literal(self.after)).label("cluster"))
        names = found.cte("names", recursive=True)
        following = select(self._next(names.c.cluster)).where(names.c.cluster.is_not(None))
        names = names.union_all(following)
        statement = select(names.c.cluster).where(names.c.cluster.is_not(None))
        if namespaces is None and self.label is None:
            return statement.limit(self.limit)
        if namespaces is not None:
            statement = statement.where(self._known_in(namespaces, names.c.cluster))
        statement = statement.where(*self._labelled(names.c.cluster))
        # A filter may be planned as a join, which has an order of its own.
        return statement.order_by(names.c.cluster).limit(self.limit)

    def of_rollout(self, uid: str) -> Select[Any]:
        member = members.alias()
        its_step = (
            member.c.hub == steps.c.hub,
            member.c.rollout == steps.c.rollout,
            member.c.step == steps.c.index,
        )
        of_step = (
            select(member.c.cluster)
            .where(*its_step, *self._between(member.c.cluster, literal(self.after)))
            .where(*self._labelled(member.c.cluster))
            .order_by(member.c.cluster)
            .limit(self.limit)
            .lateral("of_step")
        )
        return (
            select(of_step.c.cluster)
            .select_from(steps.join(of_step, true()))
            .where(steps.c.hub == self.hub, steps.c.rollout == uid)
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

    def _labelled(self, name: ColumnElement[str]) -> list[ColumnElement[bool]]:
        return [] if self.label is None else [matching(self.hub, name, self.label)]

    def _known_in(
        self, namespaces: Collection[str], name: ColumnElement[str]
    ) -> ColumnElement[bool]:
        its_rollout = (rollouts.c.hub == members.c.hub) & (rollouts.c.uid == members.c.rollout)
        return exists().where(
            members.c.hub == self.hub,
            members.c.cluster == name,
            its_rollout,
            rollouts.c.namespace == any_(texts(namespaces)),
        )
