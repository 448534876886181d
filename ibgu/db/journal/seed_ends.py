"""Reads how Upgrades of rollouts that are no longer kept in memory ended, for the circuit breakers
of seed images."""

from collections.abc import Collection

from sqlalchemy import Text, any_, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.drivers import every_action
from ibgu.core.engine.state import ActionEnd
from ibgu.core.engine.state.seed_ends import LONGEST_WINDOW
from ibgu.core.model import Cause, Rollout, RunResult
from ibgu.core.model.seed_image import digest
from ibgu.db.schema import runs

SeedEnd = tuple[str, ActionEnd]
_FAILED = [RunResult.FAILED.value, RunResult.REFUSED.value, RunResult.LIMIT.value]


async def seed_ends(
    db: AsyncConnection, hub: str, rollouts: Collection[Rollout]
) -> tuple[SeedEnd, ...]:
    """Returns the digest of the image and the end of each Upgrade that was sent to its cluster, up
    to `LONGEST_WINDOW` before the newest one, without asking a clock."""
    images = {each.uid: digest(each.spec.release.image) for each in rollouts}
    wanted = [uid for uid, image in images.items() if image]
    upgrades = every_action(lambda action: action.reboots and not action.leads_back)
    theirs = (
        runs.c.hub == hub,
        runs.c.rollout == any_(literal(wanted, ARRAY(Text))),
        runs.c.action == any_(literal(upgrades, ARRAY(Text))),
        runs.c.armed_at.is_not(None),
        or_(
            runs.c.result == RunResult.SUCCEEDED.value,
            runs.c.result == any_(literal(_FAILED, ARRAY(Text))),
        ),
    )
    if not wanted:
        return ()
    newest = select(func.max(runs.c.ended_at)).where(*theirs).scalar_subquery()
    statement = (
        select(runs.c.rollout, runs.c.cluster, runs.c.ended_at, runs.c.result, runs.c.cause)
        .where(*theirs, runs.c.ended_at > newest - LONGEST_WINDOW)
        .order_by(runs.c.ended_at)
    )
    return tuple(
        (
            images[row["rollout"]],
            ActionEnd(
                row["ended_at"], row["cluster"], Cause(row["cause"]) if row["cause"] else None
            ),
        )
        for row in (await db.execute(statement)).mappings()
    )
