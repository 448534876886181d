"""R45: clusters that no plan takes further go on by a second IBGU of a person's."""

import pytest

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.model import Cause, InFlight, Kind, OnRollout, Outcome, ReasonKind
from ibgu.core.model.kinds import LabelRequirement, LabelSelector
from tests.core.assurance.certify.logs import certify, log_of, told
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.restores import backup, restore_hub

FAILED_UPGRADES = LabelSelector(
    match_expressions=[LabelRequirement(Action.UPGRADE.failed_label, "Exists")]
)


def failed_upgrade(fault: str) -> tuple[InMemoryEngine, str]:
    """A fleet of two, of which one has failed its Upgrade: `stay`, on the new release."""
    twin = InMemoryEngine("site-1", "site-2")
    Invariants(twin)
    twin.spokes["site-1"].faults[Stage.UPGRADE] = fault
    uid = twin.apply(ibgu("first", "Prep", "Upgrade", age=10))
    twin.wait(hours=5)
    return twin, uid


def test_a_failure_behind_the_pivot_has_a_cause_of_its_own() -> None:
    twin, uid = failed_upgrade("stay")
    member = twin.member(uid, 1, "site-1")
    assert member.cause is Cause.UPGRADE_FAILED_AFTER_PIVOT
    assert twin.labels["site-1"].keys() >= {Action.UPGRADE.failed_label}


def test_no_plan_selects_it_and_a_rollback_that_asks_for_failed_upgrades_does() -> None:
    twin, _ = failed_upgrade("stay")
    plain = twin.apply(ibgu("plain", "Rollback", age=5))
    twin.wait(hours=1)
    assert set(twin.tracked(plain).steps[0].members) == {"site-2"}
    back = twin.apply(ibgu("back", "Rollback", "FinalizeRollback", selectors=[FAILED_UPGRADES]))
    twin.wait(hours=5)
    assert set(twin.tracked(back).steps[0].members) == {"site-1"}
    assert twin.member(back, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert twin.member(back, 1, "site-1").outcome is Outcome.SUCCEEDED
    assert twin.spokes["site-1"].conditions["Idle"].true
    assert twin.labels["site-1"] == {}
    assert told(certify(log_of(twin))) == []


def test_a_cluster_on_its_former_release_is_not_rolled_back() -> None:
    twin, uid = failed_upgrade("rollback")
    assert twin.member(uid, 1, "site-1").cause is Cause.UPGRADE_FAILED
    back = twin.apply(ibgu("back", "Rollback", selectors=[FAILED_UPGRADES]))
    twin.wait(hours=1)
    member = twin.member(back, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.WRONG_STATE)
    assert member.message.endswith("it runs its former release, Abort can follow")
    assert Stage.ROLLBACK not in [stage for _, stage in twin.spokes["site-1"].executed]


def stuck(plan: str, after: tuple[str, ...]) -> tuple[InMemoryEngine, str]:
    """A cluster whose abort or finalize has failed in the first rollout."""
    twin = InMemoryEngine("site-1")
    Invariants(twin)
    spoke = twin.spokes["site-1"]
    for stage in after:
        twin.apply(ibgu(f"to-{stage.lower()}", stage, age=20))
        twin.wait(hours=2)
    spoke.faults[Stage.IDLE] = "fail"
    uid = twin.apply(ibgu("first", plan, age=10))
    twin.wait(hours=5)
    return twin, uid


STUCK = [
    ("Abort", ("Prep",), Cause.ABORT_FAILED),
    ("FinalizeUpgrade", ("Prep", "Upgrade"), Cause.FINALIZE_FAILED),
    ("FinalizeRollback", ("Prep", "Upgrade", "Rollback"), Cause.FINALIZE_FAILED),
]


@pytest.mark.parametrize(("plan", "after", "cause"), STUCK)
def test_a_clean_up_that_a_person_confirms_ends_at_idle(
    plan: str, after: tuple[str, ...], cause: Cause
) -> None:
    twin, first = stuck(plan, after)
    assert twin.member(first, 0, "site-1").cause is cause
    again = twin.apply(ibgu("again", plan, age=5))
    twin.wait(hours=1)
    assert twin.member(again, 0, "site-1").cause is cause
    twin.spokes["site-1"].faults.clear()
    twin.apply(ibgu("cleaned", plan))
    twin.annotate("uid-cleaned", manual_cleanup_done="alice: deleted the backups")
    twin.wait(hours=1)
    member = twin.member("uid-cleaned", 0, "site-1")
    assert (member.outcome, [each.note for each in member.completed]) == (Outcome.SUCCEEDED, [""])
    assert twin.labels["site-1"] == {}
    (said,) = twin.decisions(Kind.CONTROL)
    assert isinstance(said, OnRollout)
    assert said.why == (
        "ibgu.dev/manual-cleanup-done=alice: deleted the backups: "
        "clusters whose abort or finalize has failed clean up again"
    )
    assert told(certify(log_of(twin))) == []


def test_the_log_without_the_confirmation_is_not_certified() -> None:
    twin, _ = stuck("Abort", ("Prep",))
    twin.spokes["site-1"].faults.clear()
    twin.apply(ibgu("cleaned", "Abort"))
    twin.annotate("uid-cleaned", manual_cleanup_done="alice: deleted the backups")
    twin.wait(hours=1)
    log = [event for event in log_of(twin) if event.kind != Kind.CONTROL]
    assert any(
        "starts Abort in a state that it does not fit" in words for words in told(certify(log))
    )


def test_a_clean_up_that_does_not_help_is_followed_to_the_limit() -> None:
    """The Lifecycle Agent tells a failure that repeats itself as it tells the first one."""
    twin, _ = stuck("Abort", ("Prep",))
    twin.apply(ibgu("cleaned", "Abort", timeout=30))
    twin.annotate("uid-cleaned", manual_cleanup_done="alice: deleted the backups")
    twin.wait(minutes=20)
    member = twin.member("uid-cleaned", 0, "site-1")
    assert isinstance(member, InFlight)
    assert (member.reason.kind, member.reason.message) == (
        ReasonKind.RUNNING,
        "failed to clean up",
    )
    twin.wait(minutes=20)
    member = twin.member("uid-cleaned", 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.TIMED_OUT)
    assert member.message.endswith("Last seen: failed to clean up")


def test_an_empty_confirmation_confirms_nothing() -> None:
    twin, _ = stuck("Abort", ("Prep",))
    twin.apply(ibgu("cleaned", "Abort"))
    twin.annotate("uid-cleaned", manual_cleanup_done=" ")
    twin.wait(hours=1)
    assert twin.member("uid-cleaned", 0, "site-1").cause is Cause.ABORT_FAILED
    assert twin.decisions(Kind.CONTROL) == []


@pytest.mark.parametrize("kind", [Kind.RUN_INTENDED, Kind.RUN_ARMING, Kind.RUN_ACCEPTED])
def test_a_controller_that_dies_in_the_middle_goes_on(kind: Kind) -> None:
    twin, _ = stuck("Abort", ("Prep",))
    twin.spokes["site-1"].faults.clear()
    twin.apply(ibgu("cleaned", "Abort"))
    twin.annotate("uid-cleaned", manual_cleanup_done="alice: deleted the backups")
    twin.until(kind)
    twin.restart()
    twin.wait(hours=1)
    assert twin.member("uid-cleaned", 0, "site-1").outcome is Outcome.SUCCEEDED
    assert told(certify(log_of(twin))) == []


def test_after_a_restore_the_confirmation_counts_from_the_resume() -> None:
    """The restore may have brought an old one back."""
    twin, _ = stuck("Abort", ("Prep",))
    twin.spokes["site-1"].faults.clear()
    twin.apply(ibgu("cleaned", "Abort"))
    twin.until_started()
    restore_hub(twin, backup(twin))
    twin.annotate("uid-cleaned", manual_cleanup_done="alice: deleted the backups")
    twin.wait(hours=1)
    assert not twin.tracked("uid-cleaned").rollout.manual_cleanup_done
    twin.annotate("uid-cleaned", resume="1")
    twin.wait(hours=1)
    assert twin.member("uid-cleaned", 0, "site-1").outcome is Outcome.SUCCEEDED
    assert told(certify(log_of(twin))) == []
