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
    twin = InMemoryEngine(
        *(f"site-{n:02}" if n > count else f"site-{n}" for n in range(1, count + waiting + 1))
    )
    Invariants(twin)
    for n, spoke in enumerate(twin.spokes.values(), 1):
        if n <= QUICK:
            spoke.faults[Stage.UPGRADE] = "fail"
        elif n <= count:
            spoke.faults[Stage.PREP] = "slow"
    return twin, twin.apply(ibgu("a", "Prep Upgrade", concurrency=count, timeout=timeout))


def kept(twin: InMemoryEngine, uid: str) -> list[Member]:
    return [twin.member(uid, 0, name) for name in SLOW_ONES]


def upgraded(twin: InMemoryEngine) -> list[str]:
    return [n for n in SLOW_ONES if (Stage.UPGRADE in [s for _, s in twin.spokes[n].executed])]


def test_the_circuit_breaker_stops_the_upgrade_after_a_prep() -> None:
    twin, uid = fleet()
    twin.wait(hours=3)
    assert upgraded(twin) == []
    for member in kept(twin, uid):
        assert (member.state, member.reason.kind) == (
            MemberState.IN_FLIGHT,
            ReasonKind.CIRCUIT_BREAKER,
        )
        assert "ibgu.dev/resume" in member.reason.message
        assert [done.action for done in member.completed] == ["Prep"]
        assert word_of(member, None) is DisplayState.HELD
    hold = twin.tracked(uid).steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.CIRCUIT_BREAKER
    assert len(twin.told(Kind.STEP_HELD)) == 1


@pytest.mark.parametrize("wish", ["resume", "circuit_breaker"])
def test_a_person_lets_them_go_on_with_new_time(wish: str) -> None:
    """However long that takes: the clock stands, and limits that passed meanwhile fail nobody."""
    twin, uid = fleet()
    twin.drive(timedelta(days=3))
    assert twin.tracked(uid).steps[0].step.stopped_since is not None
    twin.annotate(uid, **{wish: "off"})
    twin.wait(hours=1)
    assert upgraded(twin) == SLOW_ONES
    assert all(member.outcome is Outcome.SUCCEEDED for member in kept(twin, uid))
    assert twin.tracked(uid).rollout.completed_at is not None


def test_members_behind_the_circuit_breaker_keep_their_slots() -> None:
    """A member whose limit has passed behind the circuit breaker does not count as hanging."""
    twin, uid = fleet(waiting=3)
    twin.drive(timedelta(days=1))
    twin.annotate(uid, resume="1")
    twin.wait(hours=2)
    assert twin.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == SLOW + 3
    assert twin.tracked(uid).steps[0].counts[Outcome.FAILED] == QUICK


def test_a_deadline_that_passes_beside_one_on_its_way_ends_them() -> None:
    """The clock runs as long as anybody is on the way."""
    twin, uid = fleet(timeout=180)
    twin.spokes[SLOW_ONES[0]].faults[Stage.PREP] = "hang"
    twin.wait(hours=4)
    assert {member.cause for member in kept(twin, uid)} == {Cause.TIMED_OUT}
    assert "have all failed" in kept(twin, uid)[1].message


def test_the_rollout_can_be_deleted_meanwhile() -> None:
    twin, uid = fleet()
    twin.wait(hours=2)
    twin.delete(uid)
    twin.wait(minutes=1)
    assert upgraded(twin) == []
    assert twin.fleet.claims == {}


def test_the_circuit_breaker_still_holds_behind_a_changed_payload() -> None:
    """One hold at a time is the step's; a resume after the first shows the other."""
    twin = fleet_with_payload()
    twin.wait(seconds=30)
    twin.payload = PayloadState(digest="other")
    twin.touch_everything()
    twin.wait(hours=2)
    hold = twin.tracked("uid-a").steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.PAYLOAD_CHANGED
    assert {member.reason.kind for member in kept(twin, "uid-a")} == {ReasonKind.CIRCUIT_BREAKER}
    twin.annotate("uid-a", resume="1")
    twin.wait(minutes=1)
    hold = twin.tracked("uid-a").steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.CIRCUIT_BREAKER
    assert upgraded(twin) == []


def fleet_with_payload() -> InMemoryEngine:
    """One more waits for a slot, so that a change of the content holds somebody."""
    twin, _ = fleet(waiting=1)
    twin.payload = PayloadState(digest="digest")
    return twin


def test_a_rollback_and_its_finalize_are_not_kept_apart() -> None:
    """Only what reboots into another version waits."""
    twin = InMemoryEngine(*(f"site-{n}" for n in range(1, 9)))
    for n, spoke in enumerate(twin.spokes.values(), 1):
        spoke.to("Prep")
        spoke.to("Upgrade")
        twin.labels[spoke.name]["lcm.openshift.io/ibgu-upgrade-completed"] = ""
        spoke.faults[Stage.ROLLBACK] = "fail" if n < 6 else "slow"
    uid = twin.apply(ibgu("a", "Rollback FinalizeRollback", concurrency=8, timeout=2000))
    twin.wait(hours=20)
    assert twin.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == 3


def dark(twin: InMemoryEngine, name: str, *, yes: bool = True) -> None:
    twin.spokes[name].dark = yes
    twin.touch_cluster(name)


def test_a_held_member_that_becomes_unreachable_does_not_start_the_clock() -> None:
    """All of them would otherwise fail at the deadline, and nobody has done anything."""
    twin, uid = fleet()
    twin.wait(hours=3)
    for _ in range(3):
        dark(twin, SLOW_ONES[0])
        twin.wait(minutes=5)
        dark(twin, SLOW_ONES[0], yes=False)
        twin.wait(minutes=5)
    assert len(twin.told(Kind.CLOCK_STOPPED)) == 1
    assert twin.told(Kind.CLOCK_STARTED) == []
    dark(twin, SLOW_ONES[0])
    twin.drive(timedelta(days=3))
    assert not any(member.finished for member in kept(twin, uid))


def test_an_unreachable_member_gets_a_new_limit_at_the_resume() -> None:
    """A cluster that waits for a slot would take its, in the middle of its Upgrade."""
    twin, uid = fleet(waiting=QUICK + 1)
    late = f"site-{QUICK + SLOW + 1:02}"
    dark(twin, late)
    twin.drive(timedelta(days=1))
    dark(twin, SLOW_ONES[0])
    twin.settle()
    twin.annotate(uid, resume="1")
    twin.wait(seconds=10)
    limit = kept(twin, uid)[0].limit
    assert limit is not None
    assert limit > twin.now
    dark(twin, SLOW_ONES[0], yes=False)
    dark(twin, late, yes=False)
    twin.wait(hours=2)
    assert all(member.outcome is Outcome.SUCCEEDED for member in kept(twin, uid))


def test_switching_off_the_breaker_does_not_end_a_restore() -> None:
    twin, uid = fleet()
    twin.wait(hours=3)
    saved = backup(twin)
    restore_hub(twin, saved)
    twin.wait(minutes=5)
    twin.annotate(uid, circuit_breaker="off")
    twin.wait(minutes=5)
    assert upgraded(twin) == []
    twin.annotate(uid, resume="1")
    twin.wait(hours=1)
    assert upgraded(twin) == SLOW_ONES


def test_a_restart_forgets_none_of_it() -> None:
    twin, uid = fleet()
    twin.wait(hours=3)
    twin.restart()
    twin.drive(timedelta(days=2))
    assert {member.reason.kind for member in kept(twin, uid)} == {ReasonKind.CIRCUIT_BREAKER}
    twin.annotate(uid, resume="1")
    twin.wait(hours=1)
    assert upgraded(twin) == SLOW_ONES
