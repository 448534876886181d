"""R10: a member fails as soon as its cluster reports the failure."""

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.observe.ibu_view import IbuCondition
from ibgu.core.engine.timing.times import DETAILS_TIME
from ibgu.core.model import Cause, OnMember, Outcome
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu


@pytest.mark.parametrize(
    ("plan", "stage", "cause", "words"),
    [
        ("Prep", Stage.PREP, Cause.PREP_FAILED, "Prep broke"),
        ("Prep Upgrade", Stage.UPGRADE, Cause.UPGRADE_FAILED, "Upgrade broke"),
        ("Rollback", Stage.ROLLBACK, Cause.ROLLBACK_FAILED, "Rollback broke"),
        ("Abort", Stage.IDLE, Cause.ABORT_FAILED, "failed to clean up"),
        ("FinalizeUpgrade", Stage.IDLE, Cause.FINALIZE_FAILED, "failed to clean up"),
    ],
)
def test_the_clusters_own_failure_ends_the_run_at_once(
    plan: str, stage: Stage, cause: Cause, words: str
) -> None:
    engine = InMemoryEngine("site-1")
    spoke = engine.spokes["site-1"]
    if not plan.startswith("Prep"):
        spoke.to("Prep")
    if plan in ("Rollback", "FinalizeUpgrade"):
        spoke.to("Upgrade")
        engine.labels["site-1"]["lcm.openshift.io/ibgu-upgrade-completed"] = ""
    spoke.faults[stage] = "fail"
    uid = engine.apply(ibgu("a", plan))
    engine.wait(minutes=5)
    member = engine.member(uid, 0, "site-1")
    assert (member.outcome, member.cause, member.message) == (Outcome.FAILED, cause, words)
    assert member.failed_action == plan.split()[-1]
    failed = f"lcm.openshift.io/ibgu-{plan.split()[-1].lower()}-failed"
    assert failed in engine.labels["site-1"]


def test_an_automatic_rollback_is_a_failed_upgrade() -> None:
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "rollback"
    uid = engine.apply(ibgu("a", "Prep Upgrade"))
    engine.wait(minutes=30)
    assert engine.member(uid, 0, "site-1").cause is Cause.UPGRADE_FAILED


def test_the_details_may_be_filled_in_later() -> None:
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].faults[Stage.PREP] = "fail"
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=5)
    ibu = engine.works[uid, "site-1"].view().feedback
    assert ibu is not None
    told = IbuCondition("False", "Failed", "precache job failed to complete")
    work = replace(engine.works[uid, "site-1"].view(), feedback=replace(ibu, prep_in_progress=told))
    (filled,) = [d for d in engine.ask(uid, "site-1", stage=work) if isinstance(d, OnMember)]
    assert filled.member.message == "precache job failed to complete"
    assert filled.member.run is not None
    assert filled.member.run.message == "precache job failed to complete"
    assert filled.member.outcome is Outcome.FAILED
    engine.now += DETAILS_TIME
    late = [d for d in engine.ask(uid, "site-1", stage=work) if isinstance(d, OnMember)]
    assert late == [], "each is an event, and the cluster may find new words for ever"
