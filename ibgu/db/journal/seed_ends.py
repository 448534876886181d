"""Reads how Upgrades of rollouts that are no longer kept in memory ended, for the circuit breakers
of seed images."""

from collections.abc import Collection

from sqlalchemy import Text, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.drivers import every_action
from ibgu.core.engine.state import ActionEnd
from ibgu.core.engine.state.seed_ends import REMEMBERED
from ibgu.core.engine.state.step import seed_end_of
from ibgu.core.model import Rollout
from ibgu.core.model.seed_image import digest
from ibgu.db.rows import NEWEST_RUN, OF_MEMBER_AND_RUN, to_member
from ibgu.db.schema import members, runs, steps

SeedEnd = tuple[str, ActionEnd]
_PART = 1_000


async def seed_ends(
    db: AsyncConnection, hub: str, rollouts: Collection[Rollout]
) -> tuple[SeedEnd, ...]:
    """Returns the digest of the image and the end of each Upgrade that was sent to its cluster, up
    to `REMEMBERED` before the newest one, without asking a clock."""
    images = {
        each.uid: digest(each.spec.release.image) for each in rollouts if each.spec.update is None
    }
    wanted = [uid for uid, image in images.items() if image]
    if not wanted:
        return ()
    upgrades = every_action(lambda action: action.upgrades)
    theirs = (
        members.c.hub == hub,
        members.c.rollout == any_(literal(wanted, ARRAY(Text))),
        members.c.hub == steps.c.hub,
        members.c.rollout == steps.c.rollout,
        members.c.step == steps.c.index,
        steps.c.actions.op("&&")(literal(upgrades, ARRAY(Text))),
    )
    newest = select(func.max(members.c.ended_at)).where(*theirs).correlate(None).scalar_subquery()
    statement = (
        select(*OF_MEMBER_AND_RUN)
        .join(steps, theirs[2] & theirs[3] & theirs[4])
        .outerjoin(runs, NEWEST_RUN)
        .where(*theirs, members.c.ended_at > newest - REMEMBERED)
        .order_by(members.c.ended_at)
    )
    rows = await db.stream(statement)
    found = [to_member(row) async for part in rows.partitions(_PART) for row in part]
    ends = ((images[member.rollout], seed_end_of(member)) for member in found)
    return tuple((image, end) for image, end in ends if end is not None)
