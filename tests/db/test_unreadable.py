"""A row that can't be read leaves out its rollout, and nothing else."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import Holder
from ibgu.core.engine.state.failures import failure_of
from ibgu.core.model import (
    Cause,
    Change,
    Kind,
    OnPendingPatch,
    Outcome,
    PendingPatch,
    RolloutState,
    RunResult,
)
from ibgu.db import Changeset, Journal, UnreadableJournal
from ibgu.db.health import health
from ibgu.db.reads import Reads
from tests.db.conftest import HUB
from tests.db.records import (
    NOW,
    ended,
    ending,
    member,
    members,
    opening,
    rollout,
    started,
    starting,
    step,
    with_run,
)

BAD = rollout("bad", age=2)
FAR, INFINITE = "'9999-12-31 23:59:59-15'", "'infinity'"
ROWS = {
    "a field of another version": "UPDATE rollouts SET hold = '{\"who\": 1}' WHERE uid = 'bad'",
    "no spec": "UPDATE rollouts SET spec = '7' WHERE uid = 'bad'",
    "a year that Python lacks": f"UPDATE rollouts SET created_at = {FAR} WHERE uid = 'bad'",
    "an endless time": f"UPDATE rollouts SET started_at = {INFINITE} WHERE uid = 'bad'",
    "a step's action": "UPDATE steps SET actions = '{Dance}' WHERE rollout = 'bad'",
    "a step without actions": "UPDATE steps SET actions = '{}' WHERE rollout = 'bad'",
    "a timeout that Python lacks": (
        "UPDATE steps SET timeout = interval '9999999 years' WHERE rollout = 'bad'"
    ),
    "a step that is missing": "UPDATE steps SET index = 5 WHERE rollout = 'bad' AND index = 1",
    "a member's reason": "UPDATE members SET reason = '{}' WHERE rollout = 'bad'",
    "a member's limit": f"UPDATE members SET limit_at = {FAR} WHERE rollout = 'bad'",
    "a number for no float": "UPDATE members SET completed = '[1e400]' WHERE rollout = 'bad'",
    "a completed action": (
        """UPDATE members SET completed = '[{"action": "Dance", "at": "2026-01-01T00:00:00Z"}]' """
        "WHERE rollout = 'bad'"
    ),
    "a failed action": (
        "UPDATE members SET state = 'finished', outcome = 'failed', ended_at = now(), "
        "failed_action = 'Dance' WHERE rollout = 'bad' AND cluster = 'shared'"
    ),
    "a run's action": "UPDATE runs SET action = 'Dance' WHERE rollout = 'bad'",
    "a run that is missing": "UPDATE members SET run = 'gone' WHERE rollout = 'bad'",
    "a run's time": f"UPDATE runs SET armed_at = {FAR} WHERE rollout = 'bad'",
    "a pending patch": "UPDATE pending_patches SET labels = '[]' WHERE rollout = 'bad'",
}


async def corrupt(db: AsyncEngine, statement: str) -> None:
    async with db.begin() as connection:
        await connection.execute(text(statement))


@pytest.fixture
async def three(journal: Journal) -> Journal:
    """Rollouts "older", "bad" and "newer", each with one member in flight on a cluster of its own
    and one that waits on `shared`; and a deleted one without anything left to do."""
    for one in (rollout("older", age=3), BAD, rollout("newer", age=1)):
        first, second = step(one), step(one, 1)
        mine, shared = members(first, one.uid, "shared")
        await journal.commit(opening(one, first, second, waiting=[mine, shared]))
        await journal.commit(starting(started(mine, slot=1)))
        patch = PendingPatch(
            uid=f"uid-{one.uid}", cluster=one.uid, rollout=one.uid, labels={"a": Change(None, "b")}
        )
        pending = OnPendingPatch(Kind.LABELS_PENDING, patch, "")
        await journal.commit(Changeset(decisions=(pending,), at=NOW))
    gone = rollout("gone", age=9, state=RolloutState.DELETED)
    done = ended(started(member(step(gone), "x"), slot=1))
    await journal.commit(opening(gone, step(gone), waiting=[done]))
    return journal


@pytest.mark.parametrize("statement", ROWS.values(), ids=ROWS)
async def test_all_others_are_loaded_whole(three: Journal, db: AsyncEngine, statement: str) -> None:
    before = await three.load()
    await corrupt(db, statement)
    loaded = await three.load(shown=["run-bad-bad", "never"])
    assert [found.uid for found in loaded.rollouts] == ["older", "newer"]
    kept = {"older", "newer"}
    assert loaded.steps == tuple(one for one in before.steps if one.rollout in kept)
    assert loaded.members == tuple(one for one in before.members if one.rollout in kept)
    patched = {each.rollout for each in loaded.pending_patches}
    assert patched == (kept if statement == ROWS["a pending patch"] else kept | {"bad"})
    assert loaded.handled == {"gone"}
    assert loaded.foreign_runs == {"never"}
    (bad,) = loaded.unreadable
    assert (bad.uid, bad.full_name) == ("bad", "default/ibgu-bad")
    assert bad.claims == {"uid-bad": Holder("bad", 0, "bad")}
    assert bad.clusters == {"bad", "shared"}
    assert bad.error
    assert await three.unreadable(["bad", "older", "nobody"]) == {"bad"}


async def test_a_load_ahead_leaves_out_an_unreadable_rollout(
    three: Journal, db: AsyncEngine
) -> None:
    await corrupt(db, ROWS["no spec"])
    await three.load_ahead()
    loaded = await three.load()
    assert [each.uid for each in loaded.unreadable] == ["bad"]
    assert [found.uid for found in loaded.rollouts] == ["older", "newer"]


async def test_failures_of_an_unreadable_rollout_still_count(
    journal: Journal, db: AsyncEngine
) -> None:
    """The budgets of the whole hub would allow too many otherwise (R50.9)."""
    first = step(BAD)
    cause = Cause.PREP_FAILED
    waiting = members(first, "failed", "succeeded", "late", "gone", "endless", "imported")
    ends = [
        ended(started(each, slot=slot), Outcome.FAILED, failed_action=Action.PREP, cause=cause)
        for slot, each in enumerate(waiting, start=1)
    ]
    ends[1] = ended(started(waiting[1], slot=2))
    await journal.commit(opening(BAD, first, waiting=ends))
    for cluster, change in (
        ("late", "late = 'completed'"),
        ("gone", "cause = 'ClusterGone'"),
        ("imported", "cause = NULL"),
        ("endless", "ended_at = 'infinity'"),
    ):
        await corrupt(db, f"UPDATE members SET {change} WHERE cluster = '{cluster}'")
    await corrupt(db, ROWS["no spec"])
    loaded = await journal.load()
    assert [each.uid for each in loaded.unreadable] == ["bad"]
    assert sorted(each.cluster for each in loaded.failures) == ["failed", "imported"]
    assert failure_of(ends[0]) in loaded.failures


@pytest.mark.parametrize("since", [NOW, None])
async def test_an_unreadable_rollout_still_cancels_older_ones(
    journal: Journal, db: AsyncEngine, since: object
) -> None:
    """Where its age is lost, no rollout may take the clusters: it may be the newest one."""
    cancel = rollout("bad", age=2)
    first = step(cancel, 0, Action.ABORT)
    await journal.commit(opening(cancel, first, waiting=[member(first, "a")]))
    await corrupt(db, ROWS["no spec"])
    if since is None:
        await corrupt(db, ROWS["a year that Python lacks"])
    (bad,) = (await journal.load()).unreadable
    if since is None:
        assert (bad.claims, bad.cancellers) == ({"uid-a": Holder("bad", 0, "a")}, {})
    else:
        assert bad.claims == {}
        (canceller,) = bad.cancellers.values()
        assert canceller.cancels(rollout("older", age=3))
        assert not canceller.cancels(rollout("newer", age=1))
        assert not canceller.cancels(rollout("other", age=3, kind="FirmwareRollout"))


async def test_an_unreadable_row_of_no_rollout_stops_the_start(
    three: Journal, db: AsyncEngine
) -> None:
    await corrupt(db, """UPDATE hubs SET versions = '{"lists": 1}'""")
    with pytest.raises(UnreadableJournal, match=r"belong to no single rollout.*restore the data"):
        await three.load()


async def test_more_than_a_hundred_are_hardly_the_rollouts_fault(
    journal: Journal, db: AsyncEngine
) -> None:
    for number in range(102):
        await journal.commit(opening(rollout(f"r{number}")))
    await corrupt(db, "UPDATE rollouts SET spec = '7' WHERE uid <> 'r7'")
    with pytest.raises(UnreadableJournal, match=r"more than 100 rollouts.*run the version"):
        await journal.load()
    await corrupt(db, "UPDATE rollouts SET spec = '{}' WHERE uid > 'r2'")
    assert len((await journal.load()).unreadable) == 15


async def test_an_error_that_quotes_somebody_is_harmless(three: Journal, db: AsyncEngine) -> None:
    action = "\u202edrop" + "x" * 1000
    await corrupt(db, f"UPDATE steps SET actions = '{{{action}}}' WHERE rollout = 'bad'")
    (bad,) = (await three.load()).unreadable
    assert "\u202e" not in bad.error
    assert len(bad.error) <= 200


async def test_the_doctor_names_it(three: Journal, db: AsyncEngine, database_url: str) -> None:
    assert (await health(database_url)).unreadable == ()
    await corrupt(db, ROWS["no spec"])
    (found,) = (await health(database_url)).unreadable
    assert found.startswith("default/ibgu-bad (uid bad): ValidationError")
    await corrupt(db, """UPDATE hubs SET versions = '{"lists": 1}'""")
    (found,) = (await health(database_url)).unreadable
    assert "belong to no single rollout" in found


@pytest.mark.parametrize("what", ["a field of another version", "a step's action"])
async def test_lists_show_the_others(db: AsyncEngine, three: Journal, what: str) -> None:
    reads = Reads(db, HUB)
    await corrupt(db, ROWS[what])
    shown = {row.rollout.uid: row for row in (await reads.rollouts()).items}
    assert {"older", "newer", "gone"} <= set(shown)
    assert shown["newer"].current is not None
    assert "bad" not in shown or shown["bad"].current is None


async def test_an_older_run_leaves_out_its_rollout(three: Journal, db: AsyncEngine) -> None:
    """An older run is read to count the starts of the last minute, and nowhere else."""
    bad = (await three.load()).members
    (again,) = (each for each in bad if (each.rollout, each.cluster) == ("bad", "bad"))
    withdrawn = with_run(ended(again), result=RunResult.WITHDRAWN)
    await three.commit(ending(withdrawn))
    new = with_run(started(again, slot=1, run="run-bad-2"), attempt=2)
    await three.commit(starting(new))
    await corrupt(db, f"UPDATE runs SET armed_at = {FAR} WHERE id = 'run-bad-bad'")
    loaded = await three.load()
    assert [each.uid for each in loaded.unreadable] == ["bad"]
    assert [found.uid for found in loaded.rollouts] == ["older", "newer"]
