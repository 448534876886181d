"""R19 inside a step: no Upgrade follows its Prep while the circuit breaker holds it."""

from datetime import timedelta

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Cause, Kind, Member, MemberState, Outcome, ReasonKind
from ibgu.core.views.display import DisplayState, word_of
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.restores import backup, restore_hub

QUICK, SLOW = 6, 4
SLOW_ONES = [f"site-{n}" for n in range(QUICK + 1, QUICK + SLOW + 1)]


def fleet(waiting: int = 0, timeout: int = 600) -> tuple[InMemoryEngine, str]:
    """All have their slots in `[Prep Upgrade]` but `waiting`; the Upgrade of the quick ones fails,
    that of the others, whose Prep takes an hour, would not."""
    count = QUICK + SLOW
    engine = InMemoryEngine(
        *(f"site-{n:02}" if n > count else f"site-{n}" for n in range(1, count + waiting + 1))
    )
    Invariants(engine)
    for n, spoke in enumerate(engine.spokes.values(), 1):
        if n <= QUICK:
            spoke.faults[Stage.UPGRADE] = "fail"
        elif n <= count:
            spoke.faults[Stage.PREP] = "slow"
    return engine, engine.apply(ibgu("a", "Prep Upgrade", concurrency=count, timeout=timeout))


def kept(engine: InMemoryEngine, uid: str) -> list[Member]:
    return [engine.member(uid, 0, name) for name in SLOW_ONES]


def upgraded(engine: InMemoryEngine) -> list[str]:
    return [n for n in SLOW_ONES if (Stage.UPGRADE in [s for _, s in engine.spokes[n].executed])]


def test_the_circuit_breaker_stops_the_upgrade_after_a_prep() -> None:
    engine, uid = fleet()
    engine.wait(hours=3)
    assert upgraded(engine) == []
    for member in kept(engine, uid):
        assert (member.state, member.reason.kind) == (
            MemberState.IN_FLIGHT,
            ReasonKind.CIRCUIT_BREAKER,
        )
        assert "ibgu.dev/resume" in member.reason.message
        assert [done.action for done in member.completed] == ["Prep"]
        assert word_of(member, None) is DisplayState.HELD
    hold = engine.tracked(uid).steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.CIRCUIT_BREAKER
    assert len(engine.told(Kind.STEP_HELD)) == 1


@pytest.mark.parametrize("wish", ["resume", "circuit_breaker"])
def test_a_person_lets_them_go_on_with_new_time(wish: str) -> None:
    """However long that takes: the clock stands, and limits that passed meanwhile fail nobody."""
    engine, uid = fleet()
    engine.drive(timedelta(days=3))
    assert engine.tracked(uid).steps[0].step.stopped_since is not None
    engine.annotate(uid, **{wish: "off"})
    engine.wait(hours=1)
    assert upgraded(engine) == SLOW_ONES
    assert all(member.outcome is Outcome.SUCCEEDED for member in kept(engine, uid))
    assert engine.tracked(uid).rollout.completed_at is not None


def test_members_behind_the_circuit_breaker_keep_their_slots() -> None:
    """A member whose limit has passed behind the circuit breaker does not count as hanging."""
    engine, uid = fleet(waiting=3)
    engine.drive(timedelta(days=1))
    engine.annotate(uid, resume="1")
    engine.wait(hours=2)
    assert engine.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == SLOW + 3
    assert engine.tracked(uid).steps[0].counts[Outcome.FAILED] == QUICK


def test_a_deadline_that_passes_beside_one_on_its_way_ends_them() -> None:
    """The clock runs as long as anybody is on the way."""
    engine, uid = fleet(timeout=180)
    engine.spokes[SLOW_ONES[0]].faults[Stage.PREP] = "hang"
    engine.wait(hours=4)
    assert {member.cause for member in kept(engine, uid)} == {Cause.TIMED_OUT}
    assert "have all failed" in kept(engine, uid)[1].message


def test_the_rollout_can_be_deleted_meanwhile() -> None:
    engine, uid = fleet()
    engine.wait(hours=2)
    engine.delete(uid)
    engine.wait(minutes=1)
    assert upgraded(engine) == []
    assert engine.fleet.claims == {}


def test_the_circuit_breaker_still_holds_behind_a_changed_payload() -> None:
    """One hold at a time is the step's; a resume after the first shows the other."""
    engine = fleet_with_payload()
    engine.wait(seconds=30)
    engine.payload = PayloadState(digest="other")
    engine.touch_everything()
    engine.wait(hours=2)
    hold = engine.tracked("uid-a").steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.PAYLOAD_CHANGED
    assert {member.reason.kind for member in kept(engine, "uid-a")} == {ReasonKind.CIRCUIT_BREAKER}
    engine.annotate("uid-a", resume="1")
    engine.wait(minutes=1)
    hold = engine.tracked("uid-a").steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.CIRCUIT_BREAKER
    assert upgraded(engine) == []


def fleet_with_payload() -> InMemoryEngine:
    """One more waits for a slot, so that a change of the content holds somebody."""
    engine, _ = fleet(waiting=1)
    engine.payload = PayloadState(digest="digest")
    return engine


def test_a_rollback_and_its_finalize_are_not_kept_apart() -> None:
    """Only what reboots into another version waits."""
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, 9)))
    for n, spoke in enumerate(engine.spokes.values(), 1):
        spoke.to("Prep")
        spoke.to("Upgrade")
        engine.labels[spoke.name]["lcm.openshift.io/ibgu-upgrade-completed"] = ""
        spoke.faults[Stage.ROLLBACK] = "fail" if n < 6 else "slow"
    uid = engine.apply(ibgu("a", "Rollback FinalizeRollback", concurrency=8, timeout=2000))
    engine.wait(hours=20)
    assert engine.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == 3


def dark(engine: InMemoryEngine, name: str, *, yes: bool = True) -> None:
    engine.spokes[name].dark = yes
    engine.touch_cluster(name)


def test_a_held_member_that_becomes_unreachable_does_not_start_the_clock() -> None:
    """All of them would otherwise fail at the deadline, and nobody has done anything."""
    engine, uid = fleet()
    engine.wait(hours=3)
    for _ in range(3):
        dark(engine, SLOW_ONES[0])
        engine.wait(minutes=5)
        dark(engine, SLOW_ONES[0], yes=False)
        engine.wait(minutes=5)
    assert len(engine.told(Kind.CLOCK_STOPPED)) == 1
    assert engine.told(Kind.CLOCK_STARTED) == []
    dark(engine, SLOW_ONES[0])
    engine.drive(timedelta(days=3))
    assert not any(member.finished for member in kept(engine, uid))


def test_an_unreachable_member_gets_a_new_limit_at_the_resume() -> None:
    """A cluster that waits for a slot would take its, in the middle of its Upgrade."""
    engine, uid = fleet(waiting=QUICK + 1)
    late = f"site-{QUICK + SLOW + 1:02}"
    dark(engine, late)
    engine.drive(timedelta(days=1))
    dark(engine, SLOW_ONES[0])
    engine.settle()
    engine.annotate(uid, resume="1")
    engine.wait(seconds=10)
    limit = kept(engine, uid)[0].limit
    assert limit is not None
    assert limit > engine.now
    dark(engine, SLOW_ONES[0], yes=False)
    dark(engine, late, yes=False)
    engine.wait(hours=2)
    assert all(member.outcome is Outcome.SUCCEEDED for member in kept(engine, uid))


def test_switching_off_the_breaker_does_not_end_a_restore() -> None:
    engine, uid = fleet()
    engine.wait(hours=3)
    saved = backup(engine)
    restore_hub(engine, saved)
    engine.wait(minutes=5)
    engine.annotate(uid, circuit_breaker="off")
    engine.wait(minutes=5)
    assert upgraded(engine) == []
    engine.annotate(uid, resume="1")
    engine.wait(hours=1)
    assert upgraded(engine) == SLOW_ONES


def test_a_restart_forgets_none_of_it() -> None:
    engine, uid = fleet()
    engine.wait(hours=3)
    engine.restart()
    engine.drive(timedelta(days=2))
    assert {member.reason.kind for member in kept(engine, uid)} == {ReasonKind.CIRCUIT_BREAKER}
    engine.annotate(uid, resume="1")
    engine.wait(hours=1)
    assert upgraded(engine) == SLOW_ONES


def test_a_member_that_has_lost_its_slot_goes_on_after_the_resume() -> None:
    """The cluster was dark before it took its Upgrade, which was withdrawn."""
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, 8)))
    Invariants(engine)
    for n in range(1, 6):
        engine.spokes[f"site-{n}"].faults[Stage.UPGRADE] = "fail"
    uid = engine.apply(ibgu("a", "Prep Upgrade", concurrency=7, timeout=6000))
    engine.until(Kind.STEP_STARTED)
    while not ((run := engine.member(uid, 0, "site-6").run) and run.action == "Upgrade"):
        engine.step()
    lost = engine.spokes["site-6"]
    lost.dark = True
    engine.touch_cluster("site-6")
    engine.wait(minutes=30)
    lost.dark = False
    engine.touch_cluster("site-6")
    engine.wait(minutes=30)
    member = engine.member(uid, 0, "site-6")
    assert (member.state, member.reason.kind) == (MemberState.WAITING, ReasonKind.CIRCUIT_BREAKER)
    engine.annotate(uid, resume="1")
    engine.wait(hours=2)
    assert engine.member(uid, 0, "site-6").outcome is Outcome.SUCCEEDED
