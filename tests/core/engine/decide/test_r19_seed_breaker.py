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
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, count + 1)))
    for n, spoke in enumerate(engine.spokes.values(), 1):
        spoke.to("Prep", (image, "4.18.1"))
        engine.labels[spoke.name]["lcm.openshift.io/ibgu-prep-completed"] = ""
        spoke.faults[Stage.UPGRADE] = "fail" if n in bad else ""
    engine.seeds = breaker(**limits)
    return engine


def upgrade(
    engine: InMemoryEngine, name: str, image: str = SEED_BY_DIGEST, steps: str = "Upgrade"
) -> str:
    return engine.apply(seeded(ibgu(name, "Upgrade", concurrency=1, timeout=2000), image))


def prep(engine: InMemoryEngine, name: str, image: str = SEED_BY_DIGEST) -> str:
    """Another rollout, for a cluster that is new."""
    engine.join(f"site-{len(engine.spokes) + 1}")
    return engine.apply(seeded(ibgu(name, "Prep", concurrency=1), image))


def hold(engine: InMemoryEngine, uid: str) -> ReasonKind | None:
    found = engine.tracked(uid).steps[0].step.hold
    return found.kind if found else None


def failed(engine: InMemoryEngine, uid: str) -> int:
    return engine.tracked(uid).steps[0].counts[Outcome.FAILED]


def test_a_seed_that_fails_here_and_there_is_stopped() -> None:
    """Four of ten pass the step's own circuit breaker, which waits for failures in a row."""
    engine = prepared(20, {2, 4, 6, 8, 10, 12}, percent=40)
    uid = upgrade(engine, "a")
    engine.wait(hours=12)
    assert hold(engine, uid) is ReasonKind.SEED_BREAKER
    assert engine.tracked(uid).steps[0].ended == 10
    found = engine.tracked(uid).steps[0].step.hold
    assert found is not None
    assert found.message == (
        "5 of 10 upgrades failed within 1 d, in all rollouts with the seed image du-416; "
        "annotate the rollout with ibgu.dev/resume to go on"
    )
    assert engine.told(Kind.STEP_HELD) == engine.warnings()


def test_the_next_rollout_with_the_image_does_not_start() -> None:
    """The same image from a mirror is the same seed; another image is not."""
    engine = prepared(6, {1, 2}, same_cause=2)
    first = upgrade(engine, "a")
    engine.wait(hours=3)
    assert (failed(engine, first), hold(engine, first)) == (2, ReasonKind.SEED_BREAKER)
    next_one = prep(engine, "b", MIRROR)
    engine.wait(minutes=5)
    assert hold(engine, next_one) is ReasonKind.SEED_BREAKER


def test_another_image_goes_on() -> None:
    engine = prepared(6, {1, 2}, OTHER, same_cause=2)
    engine.seeds = SeedState()
    uid = upgrade(engine, "a", OTHER)
    engine.wait(hours=1)
    second = prep(engine, "b")
    engine.seeds = breaker(same_cause=2)
    engine.wait(minutes=5)
    assert failed(engine, uid) == 2
    assert hold(engine, second) is None


def test_a_deleted_rollout_still_counts() -> None:
    engine = prepared(6, {1, 2}, same_cause=2)
    upgrade(engine, "a")
    engine.wait(hours=3)
    engine.delete("uid-a")
    engine.wait(minutes=5)
    uid = prep(engine, "b")
    engine.wait(minutes=5)
    assert hold(engine, uid) is ReasonKind.SEED_BREAKER


def test_a_resume_lets_its_own_rollout_go_on() -> None:
    """Failures that the person has seen no longer count there; in the other rollout they do."""
    engine = prepared(8, {1, 2, 5, 6}, same_cause=2)
    uid = upgrade(engine, "a")
    engine.wait(hours=3)
    engine.annotate(uid, resume="1")
    engine.wait(hours=5)
    assert (failed(engine, uid), hold(engine, uid)) == (4, ReasonKind.SEED_BREAKER)
    engine.annotate(uid, resume="2")
    engine.wait(hours=5)
    assert engine.tracked(uid).rollout.completed_at is not None


@pytest.mark.parametrize("act", ["nothing", "deleted", "skipped"])
def test_the_image_stays_stopped_when_its_window_is_over(act: str) -> None:
    """Time alone makes no seed good, nor does what becomes of the rollout that has failed."""
    engine = prepared(6, {1, 2}, same_cause=2, window_minutes=60)
    first = upgrade(engine, "a")
    engine.wait(hours=3)
    if act == "deleted":
        engine.delete(first)
    elif act == "skipped":
        engine.annotate(first, skip="waiting")
    engine.drive(timedelta(days=6))
    second = prep(engine, "b")
    engine.wait(hours=2)
    assert hold(engine, second) is ReasonKind.SEED_BREAKER


def test_the_steps_own_circuit_breaker_does_not_hide_it() -> None:
    engine = prepared(9, {1, 2, 3, 4, 5}, same_cause=5, window_minutes=600)
    first = upgrade(engine, "a")
    engine.drive(timedelta(days=2))
    assert hold(engine, first) is ReasonKind.CIRCUIT_BREAKER
    second = prep(engine, "b")
    engine.wait(hours=1)
    assert hold(engine, second) is ReasonKind.SEED_BREAKER
    engine.annotate(first, resume="1")
    engine.wait(hours=1)
    assert hold(engine, first) is ReasonKind.SEED_BREAKER


def test_a_resume_counts_for_all_steps_whatever_is_applied_later() -> None:
    engine = prepared(6, {1, 2}, same_cause=2)
    upgrade(engine, "a")
    engine.wait(hours=3)
    engine.join("site-7")
    both = engine.apply(seeded(ibgu("b", "Prep", "Upgrade", concurrency=1, timeout=2000)))
    engine.wait(hours=1)
    engine.annotate(both, resume="1")
    engine.wait(minutes=5)
    other = prep(engine, "c")
    engine.wait(hours=3)
    assert hold(engine, other) is ReasonKind.SEED_BREAKER
    assert engine.tracked(both).rollout.completed_at is not None


def test_a_resumed_rollout_is_not_held_by_an_earlier_hold_elsewhere() -> None:
    engine = prepared(6, {1, 2}, same_cause=2, window_minutes=60)
    upgrade(engine, "a")
    engine.wait(hours=3)
    second = prep(engine, "b")
    engine.wait(hours=1)
    engine.annotate(second, resume="1")
    engine.wait(hours=1)
    assert hold(engine, second) is None
    assert hold(engine, "uid-a") is ReasonKind.SEED_BREAKER


def test_a_member_between_prep_and_upgrade_waits() -> None:
    """The member keeps its slot, and goes on after the resume."""
    engine = InMemoryEngine("site-1", "site-2", "site-3")
    engine.seeds = breaker(same_cause=2)
    for name in ("site-1", "site-2"):
        engine.spokes[name].faults[Stage.UPGRADE] = "fail"
    engine.spokes["site-3"].faults[Stage.PREP] = "slow"
    uid = engine.apply(seeded(ibgu("a", "Prep Upgrade", concurrency=3, timeout=2000)))
    engine.wait(hours=8)
    waiting = engine.member(uid, 0, "site-3")
    assert waiting.reason.kind is ReasonKind.SEED_BREAKER
    assert waiting.slot is not None
    engine.annotate(uid, resume="1")
    engine.wait(hours=3)
    assert engine.member(uid, 0, "site-3").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("plan", ["Rollback", "Abort", "FinalizeUpgrade"])
def test_ways_back_and_ends_are_never_held(plan: str) -> None:
    engine = prepared(6, {1, 2}, same_cause=2)
    upgrade(engine, "a")
    engine.wait(hours=3)
    for gate_reads in (engine.seeds, UNKNOWN):
        engine.seeds = gate_reads
        uid = engine.apply(seeded(ibgu(f"b-{plan.lower()}", plan)))
        engine.wait(minutes=5)
        assert hold(engine, uid) is None


def test_a_hold_for_another_reason_is_no_hold_of_the_seed() -> None:
    engine = prepared(6, {1, 2, 3, 4, 5}, same_cause=99)
    upgrade(engine, "a")
    engine.wait(hours=5)
    assert hold(engine, "uid-a") is ReasonKind.CIRCUIT_BREAKER
    second, third = prep(engine, "b"), prep(engine, "c", OTHER)
    engine.wait(minutes=5)
    assert hold(engine, second) is hold(engine, third) is None


def test_nothing_starts_while_the_catalogue_is_unknown() -> None:
    engine = prepared(2, set())
    engine.seeds = UNKNOWN
    uid = upgrade(engine, "a")
    engine.wait(hours=1)
    assert hold(engine, uid) is ReasonKind.SEEDS_UNKNOWN
    engine.seeds = SeedState()
    engine.touch_everything()
    engine.wait(hours=3)
    assert engine.tracked(uid).rollout.completed_at is not None


def test_after_a_restart_the_same_is_held() -> None:
    engine = prepared(6, {1, 2}, same_cause=2)
    uid = upgrade(engine, "a")
    engine.wait(hours=3)
    engine.restart()
    second = prep(engine, "b")
    engine.wait(minutes=5)
    assert hold(engine, uid) is hold(engine, second) is ReasonKind.SEED_BREAKER
