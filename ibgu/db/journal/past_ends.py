"""Reads how actions ended in rollouts that are no longer kept in memory: for the circuit breakers
of images, the failure budgets of policies, and backups from before another release."""

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Text, any_, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.drivers import every_action
from ibgu.core.engine.state import ActionEnd
from ibgu.core.engine.state.action_ends import release_changed_at, seed_end_of
from ibgu.core.engine.state.failures import FailedMember, failure_of
from ibgu.core.engine.state.seed_ends import REMEMBERED
from ibgu.core.model import Outcome, Rollout
from ibgu.core.model.seed_image import identity
from ibgu.db.rows import NEWEST_RUN, OF_MEMBER_AND_RUN, to_member
from ibgu.db.schema import members, runs, steps

SeedEnd = tuple[str, ActionEnd]
_PART = 1_000


class PastEnds(Struct, frozen=True):
    seed_ends: tuple[SeedEnd, ...] = ()
    """What tells the image apart, and the end of each Upgrade to it that was sent to its
    cluster."""
    failures: tuple[FailedMember, ...] = ()
    release_changes: tuple[tuple[str, datetime], ...] = ()
    """The ManagedCluster's uid, and when an action may have taken it to another release, or
    back."""


async def past_ends(db: AsyncConnection, hub: str, rollouts: Collection[Rollout]) -> PastEnds:
    """Returns what ended up to `REMEMBERED` before the newest end, without asking a clock."""
    images = {each.uid: identity(each.spec.release.image) for each in rollouts}
    if not images:
        return PastEnds()
    reboots = every_action(lambda action: action.reboots)
    theirs = (
        members.c.hub == hub,
        members.c.rollout == any_(literal(list(images), ARRAY(Text))),
        members.c.hub == steps.c.hub,
        members.c.rollout == steps.c.rollout,
        members.c.step == steps.c.index,
        or_(
            steps.c.actions.op("&&")(literal(reboots, ARRAY(Text))),
            members.c.outcome == Outcome.FAILED.value,
        ),
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
    return PastEnds(
        tuple((image, end) for image, end in ends if image and end is not None),
        tuple(failed for member in found if (failed := failure_of(member)) is not None),
        tuple((member.uid, at) for member in found if (at := release_changed_at(member))),
    )
