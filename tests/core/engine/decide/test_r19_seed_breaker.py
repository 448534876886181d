"""R19.4 to R19.6: what fails with a seed image in one rollout does not start in the next one."""

from datetime import timedelta

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import SeedBreaker, SeedState
from ibgu.core.model import Kind, Outcome, ReasonKind
from ibgu.core.model.seed_image import SeedCircuitBreaker
from tests.core.engine.decide.builders import DIGEST, SEED_BY_DIGEST, seeded
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu

MIRROR = f"mirror.example.com/du@{DIGEST}"
OTHER = f"registry.example.com/seeds/du@sha256:{'b' * 64}"
UNKNOWN = SeedState(problem="ibgu may not list SeedImages")


def breaker(**limits: int) -> SeedState:
    return SeedState((SeedBreaker("du-416", SeedCircuitBreaker(**limits)),))


def prepared(
    count: int, bad: set[int], image: str = SEED_BY_DIGEST, **limits: int
) -> InMemoryEngine:
    """Clusters after their Prep; the bad ones fail in their Upgrade."""
    twin = InMemoryEngine(*(f"site-{n}" for n in range(1, count + 1)))
    for n, spoke in enumerate(twin.spokes.values(), 1):
        spoke.to("Prep", (image, "4.18.1"))
        twin.labels[spoke.name]["lcm.openshift.io/ibgu-prep-completed"] = ""
        spoke.faults[Stage.UPGRADE] = "fail" if n in bad else ""
    twin.seeds = breaker(**limits)
    return twin


def upgrade(
    twin: InMemoryEngine, name: str, image: str = SEED_BY_DIGEST, steps: str = "Upgrade"
) -> str:
    return twin.apply(seeded(ibgu(name, "Upgrade", concurrency=1, timeout=2000), image))


def prep(twin: InMemoryEngine, name: str, image: str = SEED_BY_DIGEST) -> str:
    """Another rollout, for a cluster that is new."""
    twin.join(f"site-{len(twin.spokes) + 1}")
    return twin.apply(seeded(ibgu(name, "Prep", concurrency=1), image))


def hold(twin: InMemoryEngine, uid: str) -> ReasonKind | None:
    found = twin.tracked(uid).steps[0].step.hold
    return found.kind if found else None


def failed(twin: InMemoryEngine, uid: str) -> int:
    return twin.tracked(uid).steps[0].counts[Outcome.FAILED]


def test_a_seed_that_fails_here_and_there_is_stopped() -> None:
    """Four of ten pass the step's own circuit breaker, which waits for failures in a row."""
    twin = prepared(20, {2, 4, 6, 8, 10, 12}, percent=40)
    uid = upgrade(twin, "a")
    twin.wait(hours=12)
    assert hold(twin, uid) is ReasonKind.SEED_BREAKER
    assert twin.tracked(uid).steps[0].ended == 10
    found = twin.tracked(uid).steps[0].step.hold
    assert found is not None
    assert found.message == (
        "5 of 10 upgrades failed within 1 d, in all rollouts with the seed image du-416; "
        "annotate the rollout with ibgu.dev/resume to go on"
    )
    assert twin.told(Kind.STEP_HELD) == twin.warnings()


def test_the_next_rollout_with_the_image_does_not_start() -> None:
    """The same image from a mirror is the same seed; another image is not."""
    twin = prepared(6, {1, 2}, same_cause=2)
    first = upgrade(twin, "a")
    twin.wait(hours=3)
    assert (failed(twin, first), hold(twin, first)) == (2, ReasonKind.SEED_BREAKER)
    next_one = prep(twin, "b", MIRROR)
    twin.wait(minutes=5)
    assert hold(twin, next_one) is ReasonKind.SEED_BREAKER


def test_another_image_goes_on() -> None:
    twin = prepared(6, {1, 2}, OTHER, same_cause=2)
    twin.seeds = SeedState()
    uid = upgrade(twin, "a", OTHER)
    twin.wait(hours=1)
    second = prep(twin, "b")
    twin.seeds = breaker(same_cause=2)
    twin.wait(minutes=5)
    assert failed(twin, uid) == 2
    assert hold(twin, second) is None


def test_a_deleted_rollout_still_counts() -> None:
    twin = prepared(6, {1, 2}, same_cause=2)
    upgrade(twin, "a")
    twin.wait(hours=3)
    twin.delete("uid-a")
    twin.wait(minutes=5)
    uid = prep(twin, "b")
    twin.wait(minutes=5)
    assert hold(twin, uid) is ReasonKind.SEED_BREAKER


def test_a_resume_lets_its_own_rollout_go_on() -> None:
    """Failures that the person has seen no longer count there; in the other rollout they do."""
    twin = prepared(8, {1, 2, 5, 6}, same_cause=2)
    uid = upgrade(twin, "a")
    twin.wait(hours=3)
    twin.annotate(uid, resume="1")
    twin.wait(hours=5)
    assert (failed(twin, uid), hold(twin, uid)) == (4, ReasonKind.SEED_BREAKER)
    twin.annotate(uid, resume="2")
    twin.wait(hours=5)
    assert twin.tracked(uid).rollout.completed_at is not None


@pytest.mark.parametrize("act", ["nothing", "deleted", "skipped"])
def test_the_image_stays_stopped_when_its_window_is_over(act: str) -> None:
    """Time alone makes no seed good, nor does what becomes of the rollout that has failed."""
    twin = prepared(6, {1, 2}, same_cause=2, window_minutes=60)
    first = upgrade(twin, "a")
    twin.wait(hours=3)
    if act == "deleted":
        twin.delete(first)
    elif act == "skipped":
        twin.annotate(first, skip="waiting")
    twin.drive(timedelta(days=6))
    second = prep(twin, "b")
    twin.wait(hours=2)
    assert hold(twin, second) is ReasonKind.SEED_BREAKER


def test_the_steps_own_circuit_breaker_does_not_hide_it() -> None:
    twin = prepared(9, {1, 2, 3, 4, 5}, same_cause=5, window_minutes=600)
    first = upgrade(twin, "a")
    twin.drive(timedelta(days=2))
    assert hold(twin, first) is ReasonKind.CIRCUIT_BREAKER
    second = prep(twin, "b")
    twin.wait(hours=1)
    assert hold(twin, second) is ReasonKind.SEED_BREAKER
    twin.annotate(first, resume="1")
    twin.wait(hours=1)
    assert hold(twin, first) is ReasonKind.SEED_BREAKER


def test_a_resume_counts_for_all_steps_whatever_is_applied_later() -> None:
    twin = prepared(6, {1, 2}, same_cause=2)
    upgrade(twin, "a")
    twin.wait(hours=3)
    twin.join("site-7")
    both = twin.apply(seeded(ibgu("b", "Prep", "Upgrade", concurrency=1, timeout=2000)))
    twin.wait(hours=1)
    twin.annotate(both, resume="1")
    twin.wait(minutes=5)
    other = prep(twin, "c")
    twin.wait(hours=3)
    assert hold(twin, other) is ReasonKind.SEED_BREAKER
    assert twin.tracked(both).rollout.completed_at is not None


def test_a_resumed_rollout_is_not_held_by_an_earlier_hold_elsewhere() -> None:
    twin = prepared(6, {1, 2}, same_cause=2, window_minutes=60)
    upgrade(twin, "a")
    twin.wait(hours=3)
    second = prep(twin, "b")
    twin.wait(hours=1)
    twin.annotate(second, resume="1")
    twin.wait(hours=1)
    assert hold(twin, second) is None
    assert hold(twin, "uid-a") is ReasonKind.SEED_BREAKER


def test_a_member_between_prep_and_upgrade_waits() -> None:
    """The member keeps its slot, and goes on after the resume."""
    twin = InMemoryEngine("site-1", "site-2", "site-3")
    twin.seeds = breaker(same_cause=2)
    for name in ("site-1", "site-2"):
        twin.spokes[name].faults[Stage.UPGRADE] = "fail"
    twin.spokes["site-3"].faults[Stage.PREP] = "slow"
    uid = twin.apply(seeded(ibgu("a", "Prep Upgrade", concurrency=3, timeout=2000)))
    twin.wait(hours=8)
    waiting = twin.member(uid, 0, "site-3")
    assert waiting.reason.kind is ReasonKind.SEED_BREAKER
    assert waiting.slot is not None
    twin.annotate(uid, resume="1")
    twin.wait(hours=3)
    assert twin.member(uid, 0, "site-3").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("plan", ["Rollback", "Abort", "FinalizeUpgrade"])
def test_ways_back_and_ends_are_never_held(plan: str) -> None:
    twin = prepared(6, {1, 2}, same_cause=2)
    upgrade(twin, "a")
    twin.wait(hours=3)
    for gate_reads in (twin.seeds, UNKNOWN):
        twin.seeds = gate_reads
        uid = twin.apply(seeded(ibgu(f"b-{plan.lower()}", plan)))
        twin.wait(minutes=5)
        assert hold(twin, uid) is None


def test_a_hold_for_another_reason_is_no_hold_of_the_seed() -> None:
    twin = prepared(6, {1, 2, 3, 4, 5}, same_cause=99)
    upgrade(twin, "a")
    twin.wait(hours=5)
    assert hold(twin, "uid-a") is ReasonKind.CIRCUIT_BREAKER
    second, third = prep(twin, "b"), prep(twin, "c", OTHER)
    twin.wait(minutes=5)
    assert hold(twin, second) is hold(twin, third) is None


def test_nothing_starts_while_the_catalogue_is_unknown() -> None:
    twin = prepared(2, set())
    twin.seeds = UNKNOWN
    uid = upgrade(twin, "a")
    twin.wait(hours=1)
    assert hold(twin, uid) is ReasonKind.SEEDS_UNKNOWN
    twin.seeds = SeedState()
    twin.touch_everything()
    twin.wait(hours=3)
    assert twin.tracked(uid).rollout.completed_at is not None


def test_after_a_restart_the_same_is_held() -> None:
    twin = prepared(6, {1, 2}, same_cause=2)
    uid = upgrade(twin, "a")
    twin.wait(hours=3)
    twin.restart()
    second = prep(twin, "b")
    twin.wait(minutes=5)
    assert hold(twin, uid) is hold(twin, second) is ReasonKind.SEED_BREAKER
