"""Reads what `Journal.load` returns, and what a start asks besides."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from msgspec import convert
from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    Text,
    all_,
    and_,
    any_,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.drivers import every_action, traits
from ibgu.core.model import Member, PendingPatch, Rollout, RolloutState, Step
from ibgu.core.recover import Versions
from ibgu.db.journal.changeset import Loaded
from ibgu.db.journal.past_ends import past_ends
from ibgu.db.journal.starts import starts
from ibgu.db.rows import (
    NEWEST_RUN,
    OF_MEMBER_AND_RUN,
    OF_PENDING_PATCH,
    OF_ROLLOUT,
    OF_RUN,
    OF_STEP,
    readable,
    sound,
    to_member,
    to_record,
    to_run,
)
from ibgu.db.schema import (
    claims,
    forgotten_runs,
    hubs,
    members,
    pending_patches,
    rollouts,
    runs,
    steps,
)
from ibgu.db.schema.types import Moment

NewestToAct = dict[tuple[str, str], str]
"""Maps clusters and kinds of rollouts to the uid of the newest rollout that acted there."""
_PART = 1_000


def cancels() -> list[str]:
    """Returns the actions with which a step takes clusters from older rollouts."""
    return every_action(lambda action: action.cancels)


async def load(
    db: AsyncConnection,
    hub: str,
    wanted: Collection[str] = (),
    shown: Collection[str] = (),
    *,
    only: Collection[str] | None = None,
) -> Loaded:
    """Reads everything as of one moment, if `db` is in a transaction that sees one.

    `wanted`: uids of rollouts to include, whatever they have left to do; `shown`: the runs that
    works on the hub carry; `only`: uids of the rollouts to read, None reads all.
    """
    found = [
        (rollout, row["busy"] or rollout.uid in wanted)
        for row in await _rows(db, _rollouts(hub, only))
        for rollout in [sound(to_record(row, Rollout))]
    ]
    busy = [rollout for rollout, is_busy in found if is_busy]
    idle = [rollout for rollout, is_busy in found if not is_busy]
    maybe = {rollout.uid for rollout in idle if busy and rollout.age > busy[0].age}
    kept = {rollout.uid for rollout in busy}
    found_steps = await _load_steps(db, hub, kept | maybe)
    kept |= {step.rollout for step in found_steps if traits(step.first).cancels}
    loaded = await _load_members(db, hub, kept, kept & maybe)
    past = await past_ends(db, hub, idle)
    its_steps = tuple(step for step in found_steps if step.rollout in kept)
    return Loaded(
        rollouts=tuple(rollout for rollout, _ in found if rollout.uid in kept),
        steps=its_steps,
        members=loaded,
        pending_patches=await _load_pending_patches(db, hub, only),
        foreign_runs=await foreign_runs(db, hub, set(shown) - newest_runs(loaded)),
        handled=frozenset(rollout.uid for rollout in idle),
        started=await starts(db, hub, its_steps, loaded),
        seed_ends=past.seed_ends,
        failures=past.failures,
        release_changes=past.release_changes,
        versions=await versions(db, hub),
    )


async def search(db: AsyncConnection, hub: str, uids: Collection[str]) -> None:
    """Reads all that `load` might read of these rollouts, and keeps none of it."""
    for row in await _rows(db, _rollouts(hub, uids)):
        sound(to_record(row, Rollout))
    await _load_steps(db, hub, uids)
    await _load_members(db, hub, uids, ())
    for row in await _rows(db, _runs(hub, uids)):
        to_run(row)
    for row in await _rows(db, _patches(hub, uids)):
        to_record(row, PendingPatch)


def _runs(hub: str, uids: Collection[str]) -> Select[Any]:
    """Selects older runs too: `starts` reads some of them."""
    return select(*OF_RUN).where(runs.c.hub == hub, runs.c.rollout == any_(_texts(uids)))


def newest_runs(loaded: Iterable[Member]) -> set[str]:
    return {member.run.id for member in loaded if member.run is not None}


async def versions(db: AsyncConnection, hub: str) -> Versions:
    found = await db.scalar(select(hubs.c.versions).where(hubs.c.id == hub))
    return convert(found or {}, Versions)


def _among(uid: ColumnElement[str], only: Collection[str] | None) -> ColumnElement[bool]:
    return true() if only is None else uid == any_(_texts(only))


def _rollouts(hub: str, only: Collection[str] | None) -> Select[Any]:
    mine = and_(members.c.hub == rollouts.c.hub, members.c.rollout == rollouts.c.uid)
    unfinished = or_(
        members.c.state != "finished", members.c.watched, members.c.paused_since.is_not(None)
    )
    held = and_(claims.c.hub == rollouts.c.hub, claims.c.rollout == rollouts.c.uid)
    busy = or_(
        rollouts.c.state != RolloutState.DELETED.value,
        rollouts.c.adopting_since.is_not(None),
        exists().where(mine, unfinished),
        exists().where(held),
    )
    return (
        select(*OF_ROLLOUT, busy.label("busy"))
        .where(rollouts.c.hub == hub, _among(rollouts.c.uid, only))
        .order_by(rollouts.c.created_at, rollouts.c.uid)
    )


def _steps(hub: str, uids: Collection[str]) -> Select[Any]:
    return (
        select(*OF_STEP)
        .where(steps.c.hub == hub, steps.c.rollout == any_(_texts(uids)))
        .order_by(steps.c.rollout, steps.c.index)
    )


def _members(hub: str, uids: Collection[str], cancels_only: Collection[str]) -> Select[Any]:
    its_step = and_(
        steps.c.hub == members.c.hub,
        steps.c.rollout == members.c.rollout,
        steps.c.index == members.c.step,
    )
    wanted = or_(
        members.c.rollout != all_(_texts(cancels_only)),
        steps.c.actions[1] == any_(_texts(cancels())),
    )
    return (
        select(*OF_MEMBER_AND_RUN)
        .join(steps, its_step)
        .outerjoin(runs, NEWEST_RUN)
        .where(members.c.hub == hub, members.c.rollout == any_(_texts(uids)), wanted)
        .order_by(members.c.rollout, members.c.step, members.c.position)
    )


async def _load_members(
    db: AsyncConnection, hub: str, uids: Collection[str], cancels_only: Collection[str]
) -> tuple[Member, ...]:
    """Reads members in parts: reading a hundred thousand at once would block the process."""
    rows = await db.stream(_members(hub, uids, cancels_only))
    return tuple([sound(to_member(row)) async for part in rows.partitions(_PART) for row in part])


async def _load_steps(db: AsyncConnection, hub: str, uids: Collection[str]) -> list[Step]:
    """Reads the steps. Raises ValueError if a rollout lacks one, or a step has no action."""
    found = [sound(to_record(row, Step)) for row in await _rows(db, _steps(hub, uids))]
    count: Counter[str] = Counter()
    for step in found:
        if step.index != count[step.rollout] or not step.actions:
            raise ValueError(f"step {count[step.rollout] + 1} is missing, or has no action")
        count[step.rollout] += 1
    return found


async def _load_pending_patches(
    db: AsyncConnection, hub: str, only: Collection[str] | None
) -> tuple[PendingPatch, ...]:
    """Reads the patches. With `only`, those of other rollouts too, as far as they can be read: a
    cluster has one patch, and the next change of the cluster adds to it."""
    rows = await _rows(db, _patches(hub, None))
    if only is None:
        return tuple(to_record(row, PendingPatch) for row in rows)
    kept = frozenset(only)
    theirs = (to_record(row, PendingPatch) for row in rows if row["rollout"] in kept)
    others = readable((row for row in rows if row["rollout"] not in kept), PendingPatch)
    return (*theirs, *others)


def _patches(hub: str, only: Collection[str] | None) -> Select[Any]:
    theirs = _among(pending_patches.c.rollout, only)
    return select(*OF_PENDING_PATCH).where(pending_patches.c.hub == hub, theirs)


async def foreign_runs(db: AsyncConnection, hub: str, shown: Collection[str]) -> frozenset[str]:
    """Returns the ids that no run of this hub ever had. Clusters may show any text as one."""
    asked = [run for run in shown if "\0" not in run]
    mine = union_all(
        *(
            select(table.c.id).where(table.c.hub == hub, table.c.id == any_(_texts(asked)))
            for table in (runs, forgotten_runs)
        )
    )
    known = (await db.scalars(mine)).all() if asked else ()
    return frozenset(shown) - frozenset(known)


async def newest_to_act(db: AsyncConnection, hub: str) -> NewestToAct:
    """Returns the rollout of each kind that was the last to begin a run on the cluster, or to find
    an action done there. It need not be the one that was made last: an older one may have gone on
    later. It may be one that `load` leaves out."""
    acted = or_(members.c.run.is_not(None), func.jsonb_array_length(members.c.completed) > 0)
    done_at = members.c.completed[-1]["at"].astext.cast(Moment)
    statement = (
        select(members.c.cluster, rollouts.c.object_kind, rollouts.c.uid)
        .ext(distinct_on(members.c.cluster, rollouts.c.object_kind))
        .join(
            rollouts,
            (rollouts.c.hub == members.c.hub) & (rollouts.c.uid == members.c.rollout),
        )
        .outerjoin(runs, (runs.c.hub == members.c.hub) & (runs.c.id == members.c.run))
        .where(members.c.hub == hub, acted)
        .order_by(
            members.c.cluster,
            rollouts.c.object_kind,
            func.greatest(runs.c.intended_at, done_at).desc().nulls_last(),
            rollouts.c.created_at.desc(),
            rollouts.c.uid.desc(),
        )
    )
    return {(row.cluster, row.object_kind): row.uid for row in await db.execute(statement)}


def _texts(values: Collection[str]) -> ColumnElement[Any]:
    return literal(list(values), ARRAY(Text))


async def _rows(db: AsyncConnection, statement: Select[Any]) -> Sequence[RowMapping]:
    found: Sequence[RowMapping] = (await db.execute(statement)).mappings().all()
    return found
