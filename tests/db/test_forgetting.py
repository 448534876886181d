"""Rollouts whose IBGU is gone for long go, and nothing that anybody needs goes with them."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Change, Kind, OnPendingPatch, PendingPatch, Rollout, RolloutState
from ibgu.db import Changeset, Journal, LeadershipLost
from ibgu.db.journal.deletion import DeletedHistory
from ibgu.db.labels import LabelStore, seen
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
    rows,
    started,
    starting,
    step,
)

Leading = Callable[..., Coroutine[Any, Any, Journal]]
LATER = NOW + timedelta(days=401)
KEPT = NOW + timedelta(days=1)
"""What was deleted before this is old."""
TABLES = ("rollouts", "steps", "members", "runs")


def gone(uid: str, **changes: Any) -> Rollout:
    return rollout(uid, **{"state": RolloutState.DELETED, "deleted_at": NOW, **changes})


async def over(
    journal: Journal, of: Rollout, *clusters: str, action: Action = Action.PREP, **changes: Any
) -> None:
    """A rollout of two steps that is over on these clusters."""
    steps = [step(of, 0, action), step(of, 1)]
    done = [
        replace(ended(started(member(one, name, at), 1, f"{of.uid}-{one.index}-{name}")), **changes)
        for one in steps
        for at, name in enumerate(clusters or ("a",))
    ]
    await journal.commit(opening(of, *steps, waiting=done))


async def without_events(journal: Journal) -> None:
    while await journal.forget(LATER):
        pass


async def forgotten(journal: Journal, *kept: str, most: int = 200) -> DeletedHistory:
    """Forgets until nothing is left to forget; returns the sums."""
    total = DeletedHistory()
    while (went := await journal.forget_rollouts(KEPT, kept, most)) != DeletedHistory():
        total = DeletedHistory(
            total.rollouts + went.rollouts, total.members + went.members, total.runs + went.runs
        )
    return total


async def left(db: AsyncEngine) -> set[str]:
    """The uids that any table has; each has all of them or none."""
    found = {
        table: {uid for (uid,) in await rows(db, f"SELECT {column} FROM {table}")}
        for table, column in (("rollouts", "uid"), ("steps", "rollout"), ("members", "rollout"))
    }
    assert found["steps"] == found["members"] == found["rollouts"]
    assert await rows(db, "SELECT FROM forgotten_rollouts") == []
    return found["rollouts"]


async def test_a_forgotten_rollout_is_deleted_with_members_and_runs(
    journal: Journal, db: AsyncEngine
) -> None:
    await over(journal, gone("old"), "a", "b")
    await over(journal, gone("new", deleted_at=LATER), "a")
    await without_events(journal)
    assert await forgotten(journal) == DeletedHistory(rollouts=1, members=4, runs=4)
    assert await left(db) == {"new"}
    assert {run for (run,) in await rows(db, "SELECT rollout FROM runs")} == {"new"}
    assert (await journal.load()).handled == {"new"}


async def test_a_run_of_it_that_a_cluster_shows_is_still_nobody_elses(
    journal: Journal, leading: Leading
) -> None:
    """An old etcd that shows the run again would otherwise look like someone's hand (R9.7)."""
    await over(journal, gone("old"), "a")
    await without_events(journal)
    await forgotten(journal)
    assert await journal.foreign_runs(["old-0-a", "old-1-a", "x"]) == {"x"}
    assert (await journal.load(shown=["old-0-a", "x"])).foreign_runs == {"x"}
    other = await leading(hub="hub-2")
    assert await other.foreign_runs(["old-0-a"]) == {"old-0-a"}


async def _alive(journal: Journal) -> None:
    await over(journal, rollout("it", state=RolloutState.COMPLETE, completed_at=NOW))


async def _watched(journal: Journal) -> None:
    await over(journal, gone("it"), watched=True)


async def _waiting(journal: Journal) -> None:
    of = gone("it")
    await journal.commit(opening(of, step(of), waiting=members(step(of), "a")))


async def _in_flight(journal: Journal) -> None:
    await _waiting(journal)
    await journal.commit(starting(started(member(step(gone("it")), "a"), 1)))


async def _adopting(journal: Journal) -> None:
    await over(journal, gone("it", adopting_since=NOW))


async def _lately_deleted(journal: Journal) -> None:
    await over(journal, gone("it", deleted_at=KEPT))


async def _with_a_patch(journal: Journal) -> None:
    await over(journal, gone("it"))
    changes = {"x": Change(None, "")}
    pending = PendingPatch(uid="uid-a", cluster="a", rollout="it", labels=changes)
    told = OnPendingPatch(Kind.LABELS_PENDING, pending, "")
    await journal.commit(Changeset(decisions=(told,), at=NOW))


async def _cancelling(journal: Journal) -> None:
    await over(journal, rollout("older", age=9))
    await over(journal, gone("it", age=1), action=Action.ABORT)


@pytest.mark.parametrize(
    "told",
    [
        _alive,
        _watched,
        _waiting,
        _in_flight,
        _adopting,
        _lately_deleted,
        _with_a_patch,
        _cancelling,
    ],
)
async def test_a_rollout_that_is_still_needed_is_kept(
    journal: Journal, db: AsyncEngine, told: Callable[[Journal], Coroutine[Any, Any, None]]
) -> None:
    await told(journal)
    await without_events(journal)
    before = await journal.load()
    assert await forgotten(journal) == DeletedHistory()
    assert "it" in {uid for (uid,) in await rows(db, "SELECT uid FROM rollouts")}
    assert await journal.load() == before


async def test_a_rollout_is_kept_as_long_as_its_events(journal: Journal, db: AsyncEngine) -> None:
    """An event names a rollout that can be read."""
    await over(journal, gone("old"))
    assert await forgotten(journal) == DeletedHistory()
    await without_events(journal)
    assert (await forgotten(journal)).rollouts == 1


async def test_a_rollout_in_use_by_the_leader_is_kept(journal: Journal, db: AsyncEngine) -> None:
    """A work on the hub that could not be removed, for example."""
    await over(journal, gone("old"))
    await over(journal, gone("other"))
    await without_events(journal)
    assert (await forgotten(journal, "old")).rollouts == 1
    assert await left(db) == {"old"}


async def test_a_cancelling_rollout_is_forgotten_with_the_cancelled_one(
    journal: Journal, db: AsyncEngine
) -> None:
    await over(journal, gone("older", age=9))
    await over(journal, gone("cancels", age=1), action=Action.ABORT)
    await without_events(journal)
    assert (await forgotten(journal)).rollouts == 2
    assert await left(db) == set()


async def test_between_two_batches_every_view_has_all_of_it_or_nothing(
    journal: Journal, db: AsyncEngine
) -> None:
    names = [f"c{number}" for number in range(7)]
    await over(journal, gone("old"), *names)
    await over(journal, rollout("alive"), *names)
    await without_events(journal)
    reads = Reads(db, HUB)
    assert await reads.rollout_by_uid("old") is not None
    batches = 0
    while (await journal.forget_rollouts(KEPT, most=4)) != DeletedHistory():
        batches += 1
        assert await reads.rollout_by_uid("old") is None
        assert await reads.rollout("default", "ibgu-old") is None
        assert [row.rollout.uid for row in (await reads.rollouts()).items] == ["alive"]
        for name in names:
            for visit in (await reads.visits(name)).items:
                found = visit.member.member
                its = f"{found.rollout}-{found.step}-{name}"
                assert [run.id for run in visit.runs] == [its]
        loaded = await journal.load()
        assert [found.uid for found in loaded.rollouts] == ["alive"]
        assert await journal.foreign_runs(
            [f"old-{n}-{name}" for n in (0, 1) for name in names]
        ) == (frozenset())
    assert batches == 4
    assert await left(db) == {"alive"}


async def test_a_deposed_leader_forgets_nothing(
    journal: Journal, leading: Leading, db: AsyncEngine
) -> None:
    await over(journal, gone("old"))
    await without_events(journal)
    successor = await leading("ibgu-1")
    with pytest.raises(LeadershipLost, match="no rollout was forgotten"):
        await journal.forget_rollouts(KEPT)
    assert await left(db) == {"old"}
    assert (await forgotten(successor)).rollouts == 1


async def test_another_hubs_stay(journal: Journal, leading: Leading, db: AsyncEngine) -> None:
    west = await leading(hub="west")
    await over(west, gone("theirs"))
    await without_events(west)
    await over(journal, gone("mine"))
    await without_events(journal)
    assert (await forgotten(journal)).rollouts == 1
    assert await left(db) == {"theirs"}


async def test_labels_of_a_cluster_that_is_gone_go_with_its_last_member(
    journal: Journal, db: AsyncEngine
) -> None:
    await over(journal, gone("old"), "away", "here")
    await without_events(journal)
    labels = LabelStore(db, HUB)
    await labels.put([seen("away", {"a": "1"}), seen("here", {"a": "1"})], 1)
    await labels.drop(["away"], 1)
    await forgotten(journal, "old")
    statement = "SELECT cluster FROM cluster_labels ORDER BY 1"
    assert await rows(db, statement) == [("away",), ("here",)]
    await forgotten(journal)
    assert await rows(db, statement) == [("here",)]


async def test_turns_go_on_meanwhile(journal: Journal, db: AsyncEngine) -> None:
    await over(journal, gone("old"), *(f"c{number}" for number in range(60)))
    await without_events(journal)
    of = rollout("alive")
    first = step(of, 0, max_concurrency=40)
    await journal.commit(opening(of, first, waiting=members(first, *map(str, range(40)))))

    async def work() -> None:
        for number in range(40):
            running = started(member(first, str(number), number), number + 1)
            assert not await journal.commit(starting(running))
            assert not await journal.commit(ending(ended(running)))

    _, went = await asyncio.gather(work(), forgotten(journal, most=5))
    assert went == DeletedHistory(rollouts=1, members=120, runs=120)
    assert await left(db) == {"alive"}


@pytest.mark.parametrize("seed", range(12))
async def test_a_leader_that_starts_then_knows_what_it_knew_before(
    journal: Journal, db: AsyncEngine, seed: int
) -> None:
    """Whatever the rollouts are like: only what was handled, and is now unknown, differs."""
    rng = Random(seed)
    ways = ["alive", "watched", "adopting", "lately deleted", *["forgettable"] * 4]
    shown = []
    for number in range(8):
        uid, way = f"r{number}", rng.choice(ways)
        age, action = rng.randrange(100), rng.choice([Action.PREP, Action.ABORT, Action.ROLLBACK])
        names = [f"{uid}-{n}" for n in range(rng.randrange(1, 4))]
        shown += [f"{uid}-{index}-{name}" for index in (0, 1) for name in names]
        of = gone(uid, age=age)
        if way == "alive":
            of = replace(of, state=RolloutState.COMPLETE, deleted_at=None)
        elif way == "adopting":
            of = replace(of, adopting_since=NOW)
        elif way == "lately deleted":
            of = replace(of, deleted_at=LATER)
        await over(journal, of, *names, action=action, watched=way == "watched")
    await without_events(journal)
    before, most = await journal.load(shown=shown), rng.randrange(1, 5)
    await forgotten(journal, most=most)
    after = await journal.load(shown=shown)
    assert after.handled <= before.handled
    assert replace(after, handled=before.handled) == before
    await left(db)
