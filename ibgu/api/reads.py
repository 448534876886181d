"""What the API reads beyond `ibgu.db.reads`."""

from msgspec import Struct
from sqlalchemy import Text, func, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from ibgu.core.model import Action, Cause, MemberState, Outcome
from ibgu.db.reads import Reads
from ibgu.db.rows import to_record
from ibgu.db.schema import members, rollouts

NAMED = 10
"""How many clusters a group of failures names."""

_FAILED = [Outcome.FAILED.value, Outcome.CANCELLED.value]


class FailedRow(Struct, frozen=True):
    """Members of a step that failed, or were cancelled, with the same words."""

    step: int
    action: Action | None
    outcome: Outcome
    cause: Cause | None
    message: str
    count: int
    clusters: tuple[str, ...]
    """The first ones, in the step's order."""


class ApiReads(Reads):
    async def namespaces(self) -> tuple[str, ...]:
        """Those that have, or had, a rollout."""
        statement = select(rollouts.c.namespace).where(rollouts.c.hub == self.hub).distinct()
        async with self._at_one_moment() as db:
            return tuple(await db.scalars(statement))

    async def failed(self, uid: str, step: int | None = None) -> tuple[FailedRow, ...]:
        """By the cluster's own words: what they mean is known to the core only."""
        group = (
            members.c.step,
            members.c.failed_action,
            members.c.outcome,
            members.c.cause,
            members.c.message,
        )
        clusters = func.array_agg(
            aggregate_order_by(members.c.cluster, members.c.position), type_=ARRAY(Text)
        )
        statement = (
            select(
                *group,
                members.c.failed_action.label("action"),
                func.count().label("count"),
                clusters[1:NAMED].label("clusters"),
            )
            .where(
                members.c.hub == self.hub,
                members.c.rollout == uid,
                members.c.state == MemberState.FINISHED.value,
                members.c.outcome.in_(_FAILED),
            )
            .group_by(*group)
            .order_by(members.c.step, func.min(members.c.position))
        )
        if step is not None:
            statement = statement.where(members.c.step == step)
        async with self._at_one_moment() as db:
            rows = (await db.execute(statement)).mappings()
            return tuple(to_record(row, FailedRow) for row in rows)
