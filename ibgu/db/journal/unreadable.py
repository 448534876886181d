"""Finds the rollouts whose records can't be read, so that all others can be loaded.

Records may have been written by another version of ibgu or by hand. Whatever is wrong with a
rollout's rows, reading them in SQL by names and numbers still works: so its claims and its
failures are known, and nothing acts on the rest. Where Postgres finds a page of its files damaged,
that is not so: the page may have held claims of any rollout, and nothing is loaded.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from msgspec.structs import replace
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.drivers import every_action
from ibgu.core.engine.state import CancellingStep, Holder, UnreadableRollout
from ibgu.core.engine.state.failures import NOT_TRIED, FailedMember
from ibgu.core.model.bounds import YEARS
from ibgu.core.text.harmless import one_line
from ibgu.db.errors import UnreadableJournal, error_text, is_damaged, is_unavailable, sqlstate
from ibgu.db.journal.changeset import Loaded
from ibgu.db.journal.load import cancels, load, search

MAX_RECORDS = 100
"""The most rollouts that are left out. If more can't be read, the reason is hardly in them."""
MAX_TEXT = 200
"""Characters of an error; it may quote what someone else has written."""
_UIDS = text("""
    SELECT uid FROM rollouts WHERE hub = :hub
    UNION SELECT rollout FROM pending_patches WHERE hub = :hub
""")
_NAMES = text("""
    SELECT uid, namespace, name, object_kind,
      CASE WHEN extract(year FROM created_at) BETWEEN :first AND :last THEN created_at END
        AS created
    FROM rollouts WHERE hub = :hub AND uid = ANY (CAST(:uids AS text[]))
""")
_CLAIMED = text("""
    SELECT rollout, step, cluster, cluster_uid FROM claims
    WHERE hub = :hub AND rollout = ANY (CAST(:uids AS text[]))
""")
_FAILED = text("""
    SELECT rollout, step, cluster, ended_at AS at, failed_action AS action FROM members
    WHERE hub = :hub AND rollout = ANY (CAST(:uids AS text[]))
      AND outcome = 'failed' AND late = '' AND run IS NOT NULL
      AND (cause IS NULL OR cause <> ALL (CAST(:not_tried AS text[])))
      AND failed_action = ANY (CAST(:forward AS text[]))
      AND extract(year FROM ended_at) BETWEEN :first AND :last
""")
_MEMBERS = text("""
    SELECT DISTINCT rollout, cluster FROM members
    WHERE hub = :hub AND rollout = ANY (CAST(:uids AS text[]))
""")
_CANCELLED = text("""
    SELECT members.rollout, members.step, members.cluster, members.cluster_uid, across_namespaces
    FROM members JOIN steps
      ON (steps.hub, steps.rollout, steps.index) = (members.hub, members.rollout, members.step)
    WHERE members.hub = :hub AND members.rollout = ANY (CAST(:uids AS text[]))
      AND steps.actions[1] = ANY (CAST(:cancels AS text[]))
""")


async def load_readable(
    db: AsyncConnection, hub: str, wanted: Collection[str] = (), shown: Collection[str] = ()
) -> Loaded:
    """Loads like `load`, without the rollouts whose records can't be read. Raises
    UnreadableJournal if what can't be read belongs to none."""
    with _damage_reported():
        return await _load_readable(db, hub, wanted, shown)


async def _load_readable(
    db: AsyncConnection, hub: str, wanted: Collection[str], shown: Collection[str]
) -> Loaded:
    try:
        return await load(db, hub, wanted, shown)
    except Exception as error:
        if not _of_a_record(error):
            raise
    bad = await find_unreadable(db, hub)
    readable = [uid for uid in await _all(db, hub) if uid not in bad]
    try:
        loaded = await load(db, hub, wanted, shown, only=readable)
    except Exception as error:
        if not _of_a_record(error):
            raise
        raise UnreadableJournal(f"{_UNATTRIBUTED} ({_error_text(error)}): {_REMEDY}") from error
    failures = (*loaded.failures, *await _failures(db, hub, bad))
    return replace(loaded, unreadable=await _claims(db, hub, bad), failures=failures)


async def find_unreadable(
    db: AsyncConnection, hub: str, among: Collection[str] | None = None
) -> dict[str, str]:
    """Returns the rollouts, by uid, whose records can't be read, each with the error. `among`: None
    looks at all. Raises UnreadableJournal if they are too many."""
    uids = sorted(among) if among is not None else await _all(db, hub)
    found: dict[str, str] = {}
    with _damage_reported():
        await _search(db, hub, uids, found)
    return found


async def _search(
    db: AsyncConnection, hub: str, uids: Sequence[str], found: dict[str, str]
) -> None:
    """Halves the rollouts until those that can't be read are alone."""
    try:
        await search(db, hub, uids)
    except Exception as error:
        if not _of_a_record(error):
            raise
        if len(uids) == 1:
            found[uids[0]] = _error_text(error)
        if len(found) > MAX_RECORDS:
            reason = _error_text(error)
            words = f"the records of more than {MAX_RECORDS} rollouts can't be read ({reason})"
            raise UnreadableJournal(f"{words}: {_REMEDY}") from error
    else:
        return
    if len(uids) > 1:
        middle = len(uids) // 2
        await _search(db, hub, uids[:middle], found)
        await _search(db, hub, uids[middle:], found)


async def _all(db: AsyncConnection, hub: str) -> list[str]:
    return list(await db.scalars(_UIDS, {"hub": hub}))


async def _claims(
    db: AsyncConnection, hub: str, bad: dict[str, str]
) -> tuple[UnreadableRollout, ...]:
    asked = {"hub": hub, "uids": list(bad)}
    years = {"first": YEARS[0], "last": YEARS[-1]}
    names = {row.uid: row for row in await db.execute(_NAMES, asked | years)}
    claims: dict[str, dict[str, Holder]] = {uid: {} for uid in bad}
    for row in await db.execute(_CLAIMED, asked):
        claims[row.rollout][row.cluster_uid] = Holder(row.rollout, row.step, row.cluster)
    cancellers: dict[str, dict[str, CancellingStep]] = {uid: {} for uid in bad}
    for row in await db.execute(_CANCELLED, asked | {"cancels": cancels()}):
        of = names[row.rollout]
        if of.created is None:  # whom it cancels is not known: no rollout may take the cluster
            holder = Holder(row.rollout, row.step, row.cluster)
            claims[row.rollout].setdefault(row.cluster_uid, holder)
            continue
        age, full_name = (of.created, of.uid), f"{of.namespace}/{of.name}"
        canceller = CancellingStep(
            *(age, of.uid, full_name, of.namespace),
            across_namespaces=row.across_namespaces,
            kind=of.object_kind,
        )
        cancellers[row.rollout][row.cluster_uid] = canceller
    clusters: dict[str, set[str]] = {uid: set() for uid in bad}
    for row in await db.execute(_MEMBERS, asked):
        clusters[row.rollout].add(row.cluster)
    return tuple(
        UnreadableRollout(
            uid=uid,
            namespace=names[uid].namespace if uid in names else "",
            name=names[uid].name if uid in names else uid,
            error=error,
            claims=claims[uid],
            cancellers=cancellers[uid],
            clusters=frozenset(clusters[uid]),
        )
        for uid, error in bad.items()
    )


async def _failures(db: AsyncConnection, hub: str, uids: Collection[str]) -> list[FailedMember]:
    """Returns which clusters have failed in these rollouts, as `failure_of` tells of others."""
    asked = {
        "hub": hub,
        "uids": list(uids),
        "not_tried": [cause.value for cause in NOT_TRIED],
        "forward": every_action(lambda action: not action.leads_back),
        "first": YEARS[0],
        "last": YEARS[-1],
    }
    return [FailedMember(**row) for row in (await db.execute(_FAILED, asked)).mappings()]


def _of_a_record(error: Exception) -> bool:
    """Returns whether the error came from what was read, not from reading."""
    others = (DBAPIError, MemoryError, UnreadableJournal)
    return not (is_unavailable(error) or sqlstate(error) or isinstance(error, others))


@contextmanager
def _damage_reported() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not is_damaged(error):
            raise
        words = f"the journal's database is damaged ({one_line(error_text(error))[:MAX_TEXT]})"
        raise UnreadableJournal(f"{words}: {_RESTORE}") from error


def _error_text(error: Exception) -> str:
    return one_line(f"{type(error).__name__}: {error}")[:MAX_TEXT]


_UNATTRIBUTED = "records in the journal can't be read, and belong to no single rollout"
_RESTORE = "restore the database from a backup (docs/recovery.md)"
_REMEDY = f"run the version of ibgu that wrote them, or {_RESTORE}"
