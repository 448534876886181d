"""R45: clusters that no plan takes further go on by a second IBGU of a person's."""

import pytest

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.model import Cause, Finished, InFlight, Kind, OnRollout, Outcome, ReasonKind
from ibgu.core.model.kinds import LabelRequirement, LabelSelector
from ibgu.core.views.change.fitness import RolloutCluster, unfit_to_roll_back
from ibgu.core.views.change.retry import failure
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.restores import backup, restore_hub
from tests.oracle.logs import certify, log_of, told

FAILED_UPGRADES = LabelSelector(
    match_expressions=[LabelRequirement(Action.UPGRADE.failed_label, "Exists")]
)


def failed_upgrade(fault: str) -> tuple[InMemoryEngine, str]:
    """A fleet of two, of which one has failed its Upgrade: `stay`, on the new release."""
    engine = InMemoryEngine("site-1", "site-2")
    Invariants(engine)
    engine.spokes["site-1"].faults[Stage.UPGRADE] = fault
    uid = engine.apply(ibgu("first", "Prep", "Upgrade", age=10))
    engine.wait(hours=5)
    return engine, uid


def test_a_failure_behind_the_pivot_has_a_cause_of_its_own() -> None:
    engine, uid = failed_upgrade("stay")
    member = engine.member(uid, 1, "site-1")
    assert member.cause is Cause.UPGRADE_FAILED_AFTER_PIVOT
    assert engine.labels["site-1"].keys() >= {Action.UPGRADE.failed_label}


def test_a_step_that_cleans_up_does_not_hide_what_failed_before_it() -> None:
    """The way on was lost: `ibgu rollback --failed` refused the cluster, as its AbortOnFailure had
    failed."""
    engine = InMemoryEngine("site-1", "site-2")
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "stay"
    uid = engine.apply(ibgu("first", "Prep", "Upgrade", "AbortOnFailure", age=10))
    engine.wait(hours=5)
    member = engine.member(uid, 2, "site-1")
    assert isinstance(member, Finished)
    assert (member.failed_action, member.cause) == (
        Action.ABORT_ON_FAILURE,
        Cause.UPGRADE_FAILED_AFTER_PIVOT,
    )
    found = RolloutCluster(member, engine.labels["site-1"])
    assert unfit_to_roll_back(found, failed=True) is None
    assert failure(member, engine.labels["site-1"]).unproven.startswith("must be rolled back first")
    assert told(certify(log_of(engine))) == []


def test_no_plan_selects_it_and_a_rollback_that_asks_for_failed_upgrades_does() -> None:
    engine, _ = failed_upgrade("stay")
    plain = engine.apply(ibgu("plain", "Rollback", age=5))
    engine.wait(hours=1)
    assert set(engine.tracked(plain).steps[0].members) == {"site-2"}
    back = engine.apply(ibgu("back", "Rollback", "FinalizeRollback", selectors=[FAILED_UPGRADES]))
    engine.wait(hours=5)
    assert set(engine.tracked(back).steps[0].members) == {"site-1"}
    assert engine.member(back, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert engine.member(back, 1, "site-1").outcome is Outcome.SUCCEEDED
    assert engine.spokes["site-1"].conditions["Idle"].true
    assert engine.labels["site-1"] == {}
    assert told(certify(log_of(engine))) == []


def test_a_cluster_on_its_former_release_is_not_rolled_back() -> None:
    engine, uid = failed_upgrade("rollback")
    assert engine.member(uid, 1, "site-1").cause is Cause.UPGRADE_FAILED
    back = engine.apply(ibgu("back", "Rollback", selectors=[FAILED_UPGRADES]))
    engine.wait(hours=1)
    member = engine.member(back, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.WRONG_STATE)
    assert member.message.endswith("it runs its former release, Abort can follow")
    assert Stage.ROLLBACK not in [stage for _, stage in engine.spokes["site-1"].executed]


def stuck(plan: str, after: tuple[str, ...]) -> tuple[InMemoryEngine, str]:
    """A cluster whose abort or finalize has failed in the first rollout."""
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    spoke = engine.spokes["site-1"]
    for stage in after:
        engine.apply(ibgu(f"to-{stage.lower()}", stage, age=20))
        engine.wait(hours=2)
    spoke.faults[Stage.IDLE] = "fail"
    uid = engine.apply(ibgu("first", plan, age=10))
    engine.wait(hours=5)
    return engine, uid


STUCK = [
    ("Abort", ("Prep",), Cause.ABORT_FAILED),
    ("FinalizeUpgrade", ("Prep", "Upgrade"), Cause.FINALIZE_FAILED),
    ("FinalizeRollback", ("Prep", "Upgrade", "Rollback"), Cause.FINALIZE_FAILED),
]


@pytest.mark.parametrize(("plan", "after", "cause"), STUCK)
def test_a_clean_up_that_a_person_confirms_ends_at_idle(
    plan: str, after: tuple[str, ...], cause: Cause
) -> None:
    engine, first = stuck(plan, after)
    assert engine.member(first, 0, "site-1").cause is cause
    again = engine.apply(ibgu("again", plan, age=5))
    engine.wait(hours=1)
    assert engine.member(again, 0, "site-1").cause is cause
    engine.spokes["site-1"].faults.clear()
    engine.apply(ibgu("cleaned", plan))
    engine.annotate("uid-cleaned", manual_cleanup_done="alice: deleted the backups")
    engine.wait(hours=1)
    member = engine.member("uid-cleaned", 0, "site-1")
    assert (member.outcome, [each.note for each in member.completed]) == (Outcome.SUCCEEDED, [""])
    assert engine.labels["site-1"] == {}
    (said,) = engine.decisions(Kind.CONTROL)
    assert isinstance(said, OnRollout)
    assert said.why == (
        "ibgu.dev/manual-cleanup-done=alice: deleted the backups: "
        "clusters whose abort or finalize has failed clean up again"
    )
    assert told(certify(log_of(engine))) == []


def test_the_log_without_the_confirmation_is_not_certified() -> None:
    engine, _ = stuck("Abort", ("Prep",))
    engine.spokes["site-1"].faults.clear()
    engine.apply(ibgu("cleaned", "Abort"))
    engine.annotate("uid-cleaned", manual_cleanup_done="alice: deleted the backups")
    engine.wait(hours=1)
    log = [event for event in log_of(engine) if event.kind != Kind.CONTROL]
    assert any(
        "starts Abort in a state that it does not fit" in words for words in told(certify(log))
    )


def test_a_clean_up_that_does_not_help_is_followed_to_the_limit() -> None:
    """The Lifecycle Agent tells a failure that repeats itself as it tells the first one."""
    engine, _ = stuck("Abort", ("Prep",))
    engine.apply(ibgu("cleaned", "Abort", timeout=30))
    engine.annotate("uid-cleaned", manual_cleanup_done="alice: deleted the backups")
    engine.wait(minutes=20)
    member = engine.member("uid-cleaned", 0, "site-1")
    assert isinstance(member, InFlight)
    assert (member.reason.kind, member.reason.message) == (
        ReasonKind.RUNNING,
        "failed to clean up",
    )
    engine.wait(minutes=20)
    member = engine.member("uid-cleaned", 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.TIMED_OUT)
    assert member.message.endswith("Last seen: failed to clean up")


def test_an_empty_confirmation_confirms_nothing() -> None:
    engine, _ = stuck("Abort", ("Prep",))
    engine.apply(ibgu("cleaned", "Abort"))
    engine.annotate("uid-cleaned", manual_cleanup_done=" ")
    engine.wait(hours=1)
    assert engine.member("uid-cleaned", 0, "site-1").cause is Cause.ABORT_FAILED
    assert engine.decisions(Kind.CONTROL) == []


@pytest.mark.parametrize("kind", [Kind.RUN_INTENDED, Kind.RUN_ARMING, Kind.RUN_ACCEPTED])
def test_a_controller_that_dies_in_the_middle_goes_on(kind: Kind) -> None:
    engine, _ = stuck("Abort", ("Prep",))
    engine.spokes["site-1"].faults.clear()
    engine.apply(ibgu("cleaned", "Abort"))
    engine.annotate("uid-cleaned", manual_cleanup_done="alice: deleted the backups")
    engine.until(kind)
    engine.restart()
    engine.wait(hours=1)
    assert engine.member("uid-cleaned", 0, "site-1").outcome is Outcome.SUCCEEDED
    assert told(certify(log_of(engine))) == []


def test_after_a_restore_the_confirmation_counts_from_the_resume() -> None:
    """The restore may have brought an old one back."""
    engine, _ = stuck("Abort", ("Prep",))
    engine.spokes["site-1"].faults.clear()
    engine.apply(ibgu("cleaned", "Abort"))
    engine.until_started()
    restore_hub(engine, backup(engine))
    engine.annotate("uid-cleaned", manual_cleanup_done="alice: deleted the backups")
    engine.wait(hours=1)
    assert not engine.tracked("uid-cleaned").rollout.manual_cleanup_done
    engine.annotate("uid-cleaned", resume="1")
    engine.wait(hours=1)
    assert engine.member("uid-cleaned", 0, "site-1").outcome is Outcome.SUCCEEDED
    assert told(certify(log_of(engine))) == []
