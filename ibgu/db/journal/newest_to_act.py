"""Reads which rollout was the newest to act on each cluster, whether `load` reads it or not."""

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.db.schema import members, rollouts

NewestToAct = dict[tuple[str, str], str]
"""Maps clusters and kinds of rollouts to the uid of the newest rollout that acted there."""


async def newest_to_act(db: AsyncConnection, hub: str) -> NewestToAct:
    """Returns the newest rollout of each kind that had a run on the cluster, or that found an
    action done there."""
    acted = or_(members.c.run.is_not(None), func.jsonb_array_length(members.c.completed) > 0)
    statement = (
        select(members.c.cluster, rollouts.c.object_kind, rollouts.c.uid)
        .ext(distinct_on(members.c.cluster, rollouts.c.object_kind))
        .join(
            rollouts,
            (rollouts.c.hub == members.c.hub) & (rollouts.c.uid == members.c.rollout),
        )
        .where(members.c.hub == hub, acted)
        .order_by(
            members.c.cluster,
            rollouts.c.object_kind,
            rollouts.c.created_at.desc(),
            rollouts.c.uid.desc(),
        )
    )
    return {(row.cluster, row.object_kind): row.uid for row in await db.execute(statement)}
