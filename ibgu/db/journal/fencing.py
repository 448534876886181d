"""Fences writes by the hub's epoch and the number of its turns."""

from typing import Any

from msgspec import Struct
from sqlalchemy import and_, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.db.errors import LeadershipLost, ReloadNeeded, SchemaMismatch
from ibgu.db.revision import problem, revision_of
from ibgu.db.schema import CHANNEL, VERSION, hubs, leaders

BEGIN_TURN = f"""
    UPDATE hubs SET turns = :turn, last_seq = last_seq + :event_count
    WHERE id = :hub AND epoch = :epoch AND turns = CAST(:turn AS bigint) - 1
    RETURNING last_seq - :event_count AS before,
      CASE WHEN :event_count > 0 THEN pg_notify('{CHANNEL}', id || ':' || last_seq)::text END
"""
"""The first part of a turn's statement, named `begun`: proves the epoch, and numbers the turn and
its `event_count` events, which follow number `before`. The row stays locked until the turn is
written. Therefore the order of numbers is the order of commit, a newer leader begins after the turn
or only once it has ended, and a turn that arrives late or twice finds its number taken."""
BEGUN = "EXISTS (SELECT FROM begun)"
"""Every other part of the statement depends on this, so that it runs later, and only if the turn
began."""
_LAST = text("SELECT epoch, turns, leader, led_since FROM hubs WHERE id = :hub FOR SHARE")
"""The lock waits for a transaction whose response was lost and that is still ending."""


class JournalHead(Struct, frozen=True):
    """JournalHead holds the numbers of a hub's newest turn and newest event."""

    changeset: int
    seq: int


async def not_begun(
    db: AsyncConnection, hub: str, epoch: int, changeset: int
) -> LeadershipLost | ReloadNeeded:
    """Raises the reason why the turn found no row to begin with.

    A leader's turns are consecutive, unless a turn that was given up arrived late, or Postgres lost
    some: a standby that took over had not received them all. The load finds out what was done
    because of them.
    """
    row = (await db.execute(_LAST, {"hub": hub})).first()
    if row is None or row.epoch != epoch:
        return await _deposed(db, hub, epoch)
    if row.turns >= changeset:
        found = f"turn {changeset} of hub {hub} is written already: one that was given up came late"
    else:
        found = (
            f"the journal of hub {hub} was restored: turn {changeset - 1} was written, and turn "
            f"{row.turns + 1} would be the next"
        )
    return ReloadNeeded(f"{found}; load the journal before the next commit")


async def note(db: AsyncConnection, hub: str, epoch: int, versions: dict[str, Any]) -> None:
    """Replaces the hub's versions; only its leader may."""
    mine = and_(hubs.c.id == hub, hubs.c.epoch == epoch)
    found = await db.execute(update(hubs).where(mine).values(versions=versions))
    if not found.rowcount:
        raise await _deposed(db, hub, epoch)


async def landed(db: AsyncConnection, hub: str, epoch: int, changeset: int) -> bool:
    """Returns whether that turn of ours was committed."""
    row = (await db.execute(_LAST, {"hub": hub})).one()
    if row.epoch != epoch:
        raise await _deposed(db, hub, epoch)
    return bool(row.turns >= changeset)


async def newest(db: AsyncConnection, hub: str) -> JournalHead | None:
    """Returns the newest numbers; None if no controller has ever led there."""
    found = await db.execute(select(hubs.c.turns, hubs.c.last_seq).where(hubs.c.id == hub))
    row = found.first()
    return None if row is None else JournalHead(row.turns, row.last_seq)


async def ascend(db: AsyncConnection, hub: str, name: str, holder: str) -> int:
    """Begins a new epoch of the hub, led by `holder`, and creates the hub's row if there is
    none."""
    if wrong := problem(await revision_of(db)):
        raise SchemaMismatch(wrong)
    statement = insert(hubs).values(
        id=hub,
        name=name,
        epoch=1,
        leader=holder,
        led_since=func.clock_timestamp(),
        schema_floor=VERSION,
    )
    fresh = statement.excluded
    changed: dict[str, Any] = {
        "epoch": hubs.c.epoch + 1,
        "name": func.coalesce(func.nullif(fresh.name, ""), hubs.c.name),
        "leader": fresh.leader,
        "led_since": fresh.led_since,
        "schema_floor": VERSION,
    }
    found = await db.execute(
        statement.on_conflict_do_update(
            index_elements=["id"], set_=changed, where=hubs.c.schema_floor <= VERSION
        ).returning(hubs.c.epoch, hubs.c.led_since, hubs.c.last_seq)
    )
    if row := found.first():
        await db.execute(
            insert(leaders).values(
                hub=hub,
                epoch=row.epoch,
                holder=holder,
                since=row.led_since,
                after_seq=row.last_seq,
            )
        )
        return int(row.epoch)
    floor = await db.scalar(select(hubs.c.schema_floor).where(hubs.c.id == hub))
    raise SchemaMismatch(
        f"hub {hub} was led by an ibgu of schema {floor}, newer than {VERSION} that this version "
        "knows: run the newer ibgu"
    )


async def _deposed(db: AsyncConnection, hub: str, epoch: int) -> LeadershipLost:
    if not epoch:
        return LeadershipLost(
            f"this controller has not taken the lead of hub {hub}; nothing was written"
        )
    row = (await db.execute(_LAST, {"hub": hub})).first()
    if row is None:
        return LeadershipLost(f"hub {hub} is not in the journal any more; nothing was written")
    return LeadershipLost(
        f"epoch {epoch} of hub {hub} is over: {row.leader} leads in epoch {row.epoch} since "
        f"{row.led_since:%Y-%m-%d %H:%M:%S} UTC; nothing was written"
    )
