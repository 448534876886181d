"""Results of seed images over all rollouts."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import (
    Cause,
    CompletedAction,
    Kind,
    Member,
    MemberState,
    OnMember,
    OnRollout,
    Outcome,
    Reason,
    ReasonKind,
    Rollout,
    Step,
    StepState,
)
from ibgu.core.model.kinds import IbuSpec, RolloutSpec, SeedImageRef
from ibgu.db import Journal
from ibgu.db.reads import CountCache, Reads
from ibgu.db.reads.seeds import MAX_MEMBERS
from ibgu.db.reads.tallies import MAX_SEEDS
from ibgu.db.views import SeedFailureRow
from tests.api.fleet import open_step, tell
from tests.db.records import NOW, member, rollout, step

SHA = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32


@pytest.fixture
def reads(db: AsyncEngine) -> Reads:
    return Reads(db, "hub-1")


def of_image(uid: str, image: str, version: str = "4.17.3", **more: Any) -> Rollout:
    seed = SeedImageRef(image=image, version=version)
    return rollout(uid, spec=RolloutSpec(ibu_spec=IbuSpec(seed_image_ref=seed)), **more)


def over(of: Step, cluster: str, position: int, outcome: Outcome, **more: Any) -> Member:
    given = {"state": MemberState.FINISHED, "outcome": outcome, "ended_at": NOW}
    return member(of, cluster, position, **given | more)


def done(of: Step, cluster: str, position: int, *actions: Action, note: str = "") -> Member:
    completed = tuple(CompletedAction(each, NOW, note) for each in actions)
    return over(of, cluster, position, Outcome.SUCCEEDED, completed=completed)


def lost(
    of: Step, cluster: str, position: int, action: Action, message: str, **more: Any
) -> Member:
    cause = Cause.PREP_FAILED if action is Action.PREP else Cause.UPGRADE_FAILED
    given = {"failed_action": action, "cause": cause, "message": message}
    return over(of, cluster, position, Outcome.FAILED, **given | more)


async def seen(journal: Journal, found: Rollout) -> Rollout:
    await tell(journal, OnRollout(Kind.ROLLOUT_SEEN, found, "seen"))
    return found


async def put(journal: Journal, *members: Member) -> None:
    await tell(journal, *(OnMember(Kind.WAITS, each, "") for each in members))


async def test_clusters_count_once_however_many_rollouts_and_mirrors(
    journal: Journal, reads: Reads
) -> None:
    first = await seen(journal, of_image("r1", f"quay.io/du@{SHA}"))
    one = await open_step(journal, step(first, 0, Action.PREP, Action.UPGRADE, total=4))
    await put(
        journal,
        done(one, "a", 0, Action.PREP, Action.UPGRADE),
        lost(one, "b", 1, Action.UPGRADE, "Rollback due to LCA Init Monitor timeout"),
        lost(one, "c", 2, Action.PREP, "no space"),
        done(one, "d", 3, Action.PREP),
    )
    again = await seen(journal, of_image("r2", f"mirror.example/du@{SHA}", age=1))
    two = await open_step(journal, step(again, 0, Action.PREP, Action.UPGRADE, total=2))
    later = NOW + timedelta(hours=1)
    await put(
        journal,
        done(two, "b", 0, Action.PREP, Action.UPGRADE),
        lost(two, "c", 1, Action.PREP, "no route", ended_at=later),
    )
    (found,) = await reads.seeds()
    assert (found.seed, found.rollouts, found.counted) == (SHA, 2, 2)
    assert found.releases == ("4.17.3",)
    assert found.images == (f"mirror.example/du@{SHA}", f"quay.io/du@{SHA}")
    assert (found.upgraded, found.rolled_back) == (2, 0)
    assert found.failures == (SeedFailureRow(Action.PREP, Cause.PREP_FAILED, "no route", 1),)


async def test_a_cluster_to_which_the_image_never_came_is_no_failure_of_it(
    journal: Journal, reads: Reads
) -> None:
    first = await seen(journal, of_image("r1", f"quay.io/du@{SHA}"))
    one = await open_step(journal, step(first, 0, Action.PREP, Action.UPGRADE, total=4))
    await put(
        journal,
        lost(one, "a", 0, Action.PREP, "no time was left", cause=Cause.NEVER_STARTED),
        lost(one, "b", 1, Action.UPGRADE, "the ManagedCluster is gone", cause=Cause.GONE),
        lost(one, "c", 2, Action.UPGRADE, "no backup", cause=Cause.BACKUP_FAILED),
        lost(one, "d", 3, Action.PREP, "no space", cause=None),
    )
    (found,) = await reads.seeds()
    assert found.failures == (SeedFailureRow(Action.PREP, None, "no space", 1),)


async def test_rollbacks_and_late_upgrades_are_counted(journal: Journal, reads: Reads) -> None:
    first = await seen(journal, of_image("r1", f"quay.io/du@{SHA}"))
    up = await open_step(journal, step(first, 0, Action.UPGRADE, total=3))
    back = await open_step(journal, step(first, 1, Action.ROLLBACK, total=1))
    late = CompletedAction(Action.UPGRADE, NOW, "completed late, after 47 min")
    await put(
        journal,
        done(up, "a", 0, Action.UPGRADE),
        lost(up, "b", 1, Action.UPGRADE, "timed out", late="completed late, after 47 min"),
        over(up, "c", 2, Outcome.FAILED, completed=(late,), late=late.note),
        done(back, "a", 0, Action.ROLLBACK),
    )
    (found,) = await reads.seeds()
    assert (found.upgraded, found.rolled_back, found.failures) == (3, 1, ())


async def test_rollouts_that_the_images_circuit_breaker_holds_are_counted(
    journal: Journal, reads: Reads
) -> None:
    """One that is over is not held, and another hold is not the image's."""
    held = Reason(ReasonKind.SEED_BREAKER, NOW, "2 upgrades failed")
    holds: dict[str, dict[str, Any]] = {
        "r1": {"hold": held},
        "r2": {"hold": held},
        "r3": {"hold": replace(held, kind=ReasonKind.CIRCUIT_BREAKER)},
        "r4": {"hold": held, "state": StepState.FINISHED},
        "r5": {},
    }
    for uid, changes in holds.items():
        found = await seen(journal, of_image(uid, f"quay.io/du@{SHA}"))
        await open_step(journal, replace(step(found, 0, Action.UPGRADE), **changes))
    (row,) = await reads.seeds()
    assert (row.rollouts, row.held) == (5, 2)


async def test_a_failure_after_the_upgrade_is_not_counted(journal: Journal, reads: Reads) -> None:
    first = await seen(journal, of_image("r1", f"quay.io/du@{SHA}"))
    end = await open_step(journal, step(first, 0, Action.FINALIZE_UPGRADE, total=2))
    await put(
        journal,
        lost(end, "a", 0, Action.FINALIZE_UPGRADE, "busy"),
        done(end, "b", 1, Action.UPGRADE, note="was already on 4.17.3"),
    )
    (found,) = await reads.seeds()
    assert (found.upgraded, found.failures) == (0, ())


async def test_failures_are_counted_by_message_the_most_frequent_first(
    journal: Journal, reads: Reads
) -> None:
    first = await seen(journal, of_image("r1", f"quay.io/du@{SHA}"))
    one = await open_step(journal, step(first, 0, Action.PREP, total=3))
    await put(
        journal,
        lost(one, "a", 0, Action.PREP, "x"),
        lost(one, "b", 1, Action.PREP, "y"),
        lost(one, "c", 2, Action.PREP, "y"),
    )
    (found,) = await reads.seeds()
    assert [(each.message, each.count) for each in found.failures] == [("y", 2), ("x", 1)]


async def test_images_are_separate_and_of_readable_namespaces_only(
    journal: Journal, reads: Reads
) -> None:
    await seen(journal, of_image("r1", f"quay.io/du@{SHA}", namespace="edge"))
    await seen(journal, of_image("r2", f"quay.io/du@{OTHER}", namespace="core", age=1))
    await seen(journal, of_image("r3", "quay.io/du:4.17.3", namespace="core", age=2))
    await seen(journal, of_image("r4", "", namespace="core", age=3))
    await seen(journal, rollout("r5", namespace="core", age=4, spec=RolloutSpec()))
    everywhere = {each.seed for each in await reads.seeds()}
    assert everywhere == {SHA, OTHER, "quay.io/du:4.17.3"}
    assert {each.seed for each in await reads.seeds(namespaces=["edge"])} == {SHA}
    assert await reads.seeds(namespaces=[]) == ()
    (only,) = await reads.seeds(seed=OTHER)
    assert (only.seed, only.upgraded, only.rollouts) == (OTHER, 0, 1)


async def test_only_the_newest_rollouts_of_a_large_fleet_are_counted(
    journal: Journal, reads: Reads
) -> None:
    """A newest rollout is counted, however large it is."""
    sizes = {"r1": MAX_MEMBERS // 2, "r2": MAX_MEMBERS // 2, "r3": 1}
    for age, (uid, total) in enumerate(sizes.items()):
        found = await seen(journal, of_image(uid, f"quay.io/du@{SHA}", age=age))
        up = await open_step(journal, step(found, 0, Action.UPGRADE, total=total))
        await put(journal, done(up, uid, 0, Action.UPGRADE))
    (cut,) = await reads.seeds()
    assert (cut.rollouts, cut.counted, cut.upgraded) == (3, 2, 2)
    large = await seen(journal, of_image("r4", f"quay.io/du@{OTHER}"))
    up = await open_step(journal, step(large, 0, Action.UPGRADE, total=2 * MAX_MEMBERS))
    await put(journal, done(up, "a", 0, Action.UPGRADE))
    (whole,) = await reads.seeds(seed=OTHER)
    assert (whole.rollouts, whole.counted, whole.upgraded) == (1, 1, 1)


async def test_an_image_is_counted_again_after_an_event_of_its_rollouts(
    journal: Journal, reads: Reads, db: AsyncEngine
) -> None:
    found = await seen(journal, of_image("r1", f"quay.io/du@{SHA}"))
    up = await open_step(journal, step(found, 0, Action.UPGRADE, total=2))
    await put(journal, done(up, "a", 0, Action.UPGRADE))
    assert [each.upgraded for each in await reads.seeds()] == [1]
    async with db.begin() as changing:
        await changing.execute(text("UPDATE members SET completed = '[]'"))
    assert [each.upgraded for each in await reads.seeds()] == [1], "nothing has happened"
    await put(journal, done(up, "b", 1, Action.UPGRADE), done(up, "c", 2, Action.UPGRADE))
    await tell(journal, OnRollout(Kind.ROLLOUT_STARTED, found, "an event"))
    assert [each.upgraded for each in await reads.seeds()] == [2]


def test_a_cache_of_seed_images_drops_the_one_counted_first() -> None:
    cache = CountCache()
    for number in range(MAX_SEEDS + 1):
        cache.learn_seed((str(number), ()), ((number, NOW),), (number, 0, ()))
    assert cache.seed(("0", ()), ((0, NOW),)) is None
    assert cache.seed(("1", ()), ((1, NOW),)) == (1, 0, ())
    assert cache.seed(("1", ()), ((2, NOW),)) is None


async def test_another_hub_has_seeds_of_its_own(journal: Journal, db: AsyncEngine) -> None:
    await seen(journal, of_image("r1", f"quay.io/du@{SHA}"))
    assert await Reads(db, "hub-2").seeds() == ()


async def test_a_cluster_that_is_aborted_is_not_rolled_back(journal: Journal, reads: Reads) -> None:
    first = await seen(journal, of_image("r1", f"quay.io/du@{SHA}"))
    up = await open_step(journal, step(first, 0, Action.UPGRADE, total=1))
    abort = await open_step(journal, step(first, 1, Action.ABORT_ON_FAILURE, total=1))
    await put(
        journal,
        lost(up, "a", 0, Action.UPGRADE, "timed out"),
        done(abort, "a", 0, Action.ABORT_ON_FAILURE),
    )
    (found,) = await reads.seeds()
    assert found.rolled_back == 0
    assert [each.count for each in found.failures] == [1]
