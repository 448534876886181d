"""The load of a starting controller: what it gets, and what it is spared."""

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import ActionEnd
from ibgu.core.engine.state.failures import FailedMember
from ibgu.core.engine.state.seed_ends import REMEMBERED
from ibgu.core.model import (
    Cause,
    CompletedAction,
    Member,
    Outcome,
    RolloutState,
    RunResult,
    Step,
    names,
)
from ibgu.core.model.kinds import IbuSpec, RolloutSpec, SeedImageRef
from ibgu.db import Journal
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
from tests.members import changed_member

Leading = Callable[..., Coroutine[Any, Any, Journal]]


async def finished(journal: Journal, uid: str, age: int, *actions: Action) -> list[Step]:
    """A deleted rollout of two steps, the first of `actions`, each with one finished member."""
    gone = rollout(uid, age=age, state=RolloutState.DELETED)
    steps = [step(gone, 0, *actions), step(gone, 1)]
    done = [ended(started(member(one, "a"), slot=1, run=f"{uid}-{one.index}")) for one in steps]
    await journal.commit(opening(gone, *steps, waiting=done))
    return steps


async def test_everything_in_order(journal: Journal) -> None:
    newer, older = rollout("r1", age=1), rollout("r2", age=2)
    for one in (newer, older):
        first, second = step(one), step(one, 1)
        changeset = opening(
            one, second, first, waiting=[member(second, "a"), *members(first, "b", "a")]
        )
        await journal.commit(changeset)
    loaded = await journal.load()
    assert loaded.rollouts == (older, newer)
    assert [one.key for one in loaded.steps] == [("r1", 0), ("r1", 1), ("r2", 0), ("r2", 1)]
    assert [one.key[1:] for one in loaded.members] == [(0, "b"), (0, "a"), (1, "a")] * 2
    assert loaded.handled == frozenset()


async def test_a_deleted_rollout_with_nothing_left_is_left_out(journal: Journal) -> None:
    await finished(journal, "gone", 1, Action.PREP)
    loaded = await journal.load(shown=["gone-1", "other"])
    assert (loaded.rollouts, loaded.steps, loaded.members) == ((), (), ())
    assert loaded.handled == {"gone"}
    assert loaded.foreign_runs == {"other"}, "every run of a rollout that is over stays known"


async def test_a_rollout_that_is_left_out_was_still_the_newest_to_act(journal: Journal) -> None:
    older, waits = rollout("r1", age=3), rollout("r3", age=1)
    step_of = step(older, 0, Action.PREP)
    done = ended(started(member(step_of, "a"), slot=1, run="r1-0"))
    await journal.commit(opening(older, step_of, waiting=[done]))
    await finished(journal, "r2", 2, Action.PREP)
    next_step = step(waits, 0, Action.PREP)
    await journal.commit(opening(waits, next_step, waiting=[member(next_step, "a")]))
    assert "r2" not in {each.uid for each in (await journal.load()).rollouts}
    assert await journal.newest_to_act() == {("a", names.IBGU): "r2"}


async def test_an_older_rollout_that_went_on_later_was_the_last_to_act(journal: Journal) -> None:
    """The clean-up removed the labels of the newer one: a restored hub must not get them back."""
    older = rollout("r1", age=3)
    first, second = step(older, 0, Action.PREP), step(older, 1, Action.FINALIZE_UPGRADE)
    done = ended(started(member(first, "a"), slot=1, run="r1-0"))
    await journal.commit(opening(older, first, waiting=[done]))
    await finished(journal, "r2", 2, Action.PREP)
    late = ended(started(member(second, "a"), slot=1, run="r1-1"))
    assert late.run
    later = replace(late, run=replace(late.run, intended_at=NOW + timedelta(hours=1)))
    await journal.commit(opening(older, second, waiting=[later]))
    assert await journal.newest_to_act() == {("a", names.IBGU): "r1"}


async def test_upgrades_of_deleted_rollouts_still_count_for_their_seed(journal: Journal) -> None:
    """Those of the last two weeks, which were sent to their cluster."""
    image = f"registry.example.com/du@sha256:{'a' * 64}"
    for uid, named in (("digest", image), ("tag", "registry.example.com/du:4.17")):
        seed = RolloutSpec(ibu_spec=IbuSpec(seed_image_ref=SeedImageRef(image=named)))
        gone = rollout(uid, spec=seed, state=RolloutState.DELETED)
        up = step(gone, 0, Action.UPGRADE)
        done = [
            _upgraded(up, "a", NOW),
            _upgraded(up, "b", NOW - timedelta(hours=1), Cause.UPGRADE_FAILED),
            _upgraded(up, "c", NOW - REMEMBERED, Cause.UPGRADE_FAILED),
            _upgraded(up, "d", NOW, Cause.UPGRADE_FAILED, armed_at=None),
        ]
        await journal.commit(opening(gone, up, waiting=done))
    loaded = await journal.load()
    assert loaded.handled == {"digest", "tag"}
    before = NOW - timedelta(hours=1)
    images = (f"sha256:{'a' * 64}", "registry.example.com/du:4.17")
    assert sorted(loaded.seed_ends, key=itemgetter(0)) == sorted(
        (
            (image, end)
            for image in images
            for end in (ActionEnd(before, "b", Cause.UPGRADE_FAILED), ActionEnd(NOW, "a"))
        ),
        key=itemgetter(0),
    )
    assert set(loaded.failures) == {
        FailedMember(at, cluster, uid, 0, Action.UPGRADE)
        for uid in ("digest", "tag")
        for at, cluster in ((before, "b"), (NOW, "d"))
    }
    assert {uid for uid, _ in loaded.release_changes} == {"uid-a"}
    assert max(loaded.release_changes) == ("uid-a", NOW)


def _upgraded(
    of: Step, cluster: str, at: datetime, cause: Cause | None = None, **changes: Any
) -> Member:
    outcome = Outcome.SUCCEEDED if cause is None else Outcome.FAILED
    found = ended(started(member(of, cluster, "abcd".index(cluster)), slot=1), outcome)
    run = {"action": Action.UPGRADE, "armed_at": NOW - timedelta(days=20), "cause": cause}
    over = with_run(found, **run | {"ended_at": at} | changes)
    if cause is None:
        done = (CompletedAction(Action.UPGRADE, at),)
        return changed_member(over, ended_at=at, completed=done)
    return changed_member(over, ended_at=at, cause=cause, failed_action=Action.UPGRADE)


async def test_a_deleted_rollout_with_open_work_is_loaded(journal: Journal) -> None:
    one = rollout("waits", state=RolloutState.DELETED)
    await journal.commit(opening(one, step(one), waiting=members(step(one), "a")))
    two = rollout("watches", state=RolloutState.DELETED)
    watched = replace(ended(started(member(step(two), "a"), slot=1)), watched=True)
    await journal.commit(opening(two, step(two), waiting=[watched]))
    three = rollout("holds", state=RolloutState.DELETED)
    holding = started(member(step(three), "a"), slot=1)
    await journal.commit(opening(three, step(three), waiting=[member(step(three), "a")]))
    await journal.commit(starting(holding))
    loaded = await journal.load()
    assert {found.uid for found in loaded.rollouts} == {"waits", "watches", "holds"}
    await journal.commit(ending(ended(holding)))
    assert (await journal.load()).handled == {"holds"}


async def test_a_rollout_that_cancels_an_older_one_is_loaded(journal: Journal) -> None:
    """The older one is there with all steps, but of the members only those of the cancelling one
    (R6.7)."""
    alive = rollout("alive", age=5)
    await journal.commit(opening(alive, step(alive), waiting=members(step(alive), "a")))
    await finished(journal, "older", 9, Action.ABORT)
    cancel = await finished(journal, "cancel", 1, Action.ABORT)
    await finished(journal, "back", 2, Action.ROLLBACK, Action.FINALIZE_ROLLBACK)
    await finished(journal, "no-cancel", 3, Action.PREP)
    loaded = await journal.load()
    assert [found.uid for found in loaded.rollouts] == ["alive", "back", "cancel"]
    assert [one for one in loaded.steps if one.rollout == "cancel"] == cancel
    assert [one.key for one in loaded.members] == [
        ("alive", 0, "a"),
        ("back", 0, "a"),
        ("cancel", 0, "a"),
    ]
    assert loaded.handled == {"older", "cancel", "back", "no-cancel"}


async def test_a_deleted_rollout_that_is_wanted_comes_whole(journal: Journal) -> None:
    """A restored hub may show it again."""
    steps = await finished(journal, "gone", 1, Action.PREP)
    await finished(journal, "other", 2, Action.PREP)
    loaded = await journal.load({"gone", "unknown"})
    assert [found.uid for found in loaded.rollouts] == ["gone"]
    assert list(loaded.steps) == steps
    assert [one.key for one in loaded.members] == [("gone", 0, "a"), ("gone", 1, "a")]
    assert loaded.handled == {"other"}


async def test_runs_that_this_hub_never_had_are_foreign(journal: Journal, leading: Leading) -> None:
    """Clusters show any text; and another hub's run on this one is none of ours."""
    assert await journal.foreign_runs([]) == frozenset()
    await finished(journal, "gone", 1, Action.PREP)
    shown = ["gone-0", "gone-2", "a\0b", "'; --", "x" * 100_000]
    assert await journal.foreign_runs(shown) == set(shown) - {"gone-0"}
    other = await leading(hub="hub-2")
    assert await other.foreign_runs(["gone-0"]) == {"gone-0"}


async def test_events_that_are_forgotten_take_no_run_with_them(journal: Journal) -> None:
    """An old etcd that shows the run again would otherwise look like someone's hand (R9.7)."""
    await finished(journal, "gone", 1, Action.PREP)
    while await journal.forget(NOW + timedelta(days=400)):
        pass
    assert await journal.foreign_runs(["gone-0", "gone-1"]) == frozenset()


async def test_the_starts_of_the_last_minute_that_has_any(journal: Journal) -> None:
    """A restart keeps the rate limit by them, whether their runs are open, over, withdrawn or
    chained."""
    one = rollout()
    first, abort = step(one, 0, Action.PREP, Action.UPGRADE), step(one, 1, Action.ABORT)
    chain, again, last, old = members(first, "chained", "again", "last", "old")
    other = member(abort, "other")
    await journal.commit(opening(one, first, abort, waiting=[chain, again, last, old, other]))
    await begun(journal, old, 61)
    await begun(journal, chain, 59, RunResult.SUCCEEDED)
    await begun(journal, chain, 20, attempt=2)
    await begun(journal, again, 40, RunResult.WITHDRAWN)
    await begun(journal, again, 10, attempt=2)
    await begun(journal, other, 5)
    await journal.commit(starting(started(last, 1)))
    ago = [(uid, (NOW - at).total_seconds()) for uid, at in (await journal.load()).started]
    assert ago == [("r1", 59.0), ("r1", 40.0), ("r1", 10.0), ("r1", 0.0)]


async def begun(
    journal: Journal,
    waiting: Member,
    ago: int,
    result: RunResult = RunResult.FAILED,
    *,
    attempt: int = 1,
) -> None:
    """A run, so many seconds ago, that has ended like this."""
    new = started(waiting, 1, f"{waiting.cluster}-{attempt}")
    new = with_run(new, attempt=attempt, intended_at=NOW - timedelta(seconds=ago))
    await journal.commit(starting(new))
    await journal.commit(ending(with_run(ended(new), result=result)))


async def test_without_runs_there_are_no_starts(journal: Journal) -> None:
    assert (await journal.load()).started == ()
