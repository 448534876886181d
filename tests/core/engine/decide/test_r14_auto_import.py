"""R14: disable-auto-import is set before Upgrade is armed, and removed on evidence alone."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.timing.times import IMPORT_OFF
from ibgu.core.model import (
    Cause,
    Change,
    Kind,
    OnPendingPatch,
    Outcome,
    PendingPatch,
    ReasonKind,
    names,
)
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.spoke import told

OURS = {names.DISABLE_AUTO_IMPORT: "true", names.AUTO_IMPORT_BY: "uid-a"}
PREPARED = {"lcm.openshift.io/ibgu-prep-completed": ""}


def prepared(*plan: str, timeout: int = 240) -> InMemoryEngine:
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    engine.spokes["site-1"].to(Stage.PREP)
    engine.labels["site-1"] = dict(PREPARED)
    engine.apply(ibgu("a", *plan, timeout=timeout))
    return engine


def marks(engine: InMemoryEngine) -> dict[str, str]:
    return engine.annotations["site-1"]


def patches(engine: InMemoryEngine) -> int:
    """Patches of the ManagedCluster that have been pending so far."""
    return len(engine.told(Kind.LABELS_PENDING))


def test_auto_import_is_off_on_the_cluster_before_the_upgrade_is_armed() -> None:
    engine = prepared("Upgrade")
    engine.until(Kind.RUN_INTENDED)
    assert engine.member("uid-a", 0, "site-1").reason.kind is ReasonKind.PREPARING
    assert not engine.told(Kind.RUN_ARMING)
    engine.until(Kind.RUN_ARMING)
    assert marks(engine) == OURS


def test_nothing_is_armed_while_the_hub_does_not_take_it() -> None:
    engine = prepared("Upgrade")
    engine.until(Kind.RUN_INTENDED)
    engine.stalled = engine.now + timedelta(minutes=5)
    engine.wait(minutes=4)
    assert not engine.told(Kind.RUN_ARMING)
    engine.wait(minutes=20)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_in_a_chain_it_rides_on_the_label_of_prep() -> None:
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    engine.apply(ibgu("a", "Prep Upgrade"))
    engine.until(Kind.LABELS_PENDING)
    (pending,) = engine.fleet.pending_patches.values()
    assert set(pending.labels) == {"lcm.openshift.io/ibgu-prep-completed"}
    assert {key: change.wanted for key, change in pending.annotations.items()} == OURS
    engine.until(Kind.RUN_ARMING)
    assert marks(engine) == OURS
    assert patches(engine) == 1
    engine.wait(hours=1)
    assert patches(engine) == 2
    assert marks(engine) == {}


@pytest.mark.parametrize("plan", [("Prep",), ("Prep", "Upgrade")])
def test_a_prep_that_no_upgrade_follows_at_once_does_not_bring_it(plan: tuple[str, ...]) -> None:
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", *plan))
    engine.until(Kind.LABELS_PENDING)
    (pending,) = engine.fleet.pending_patches.values()
    assert pending.annotations == {}


def test_auto_import_is_turned_off_ahead_of_an_upgrade_that_is_next() -> None:
    """The member has no slot yet; the annotation costs none then."""
    engine = InMemoryEngine("site-1", "site-2")
    engine.spokes["site-2"].to(Stage.PREP)
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=1))
    engine.wait(seconds=30)
    assert Kind.ACTION_SKIPPED in engine.kinds("site-2")
    assert engine.member("uid-a", 0, "site-2").slot is None
    assert engine.annotations["site-2"][names.AUTO_IMPORT_BY] == "uid-a"


def test_a_foreign_auto_import_annotation_is_kept() -> None:
    engine = InMemoryEngine("site-1")
    engine.annotations["site-1"] = {names.DISABLE_AUTO_IMPORT: "true"}
    engine.apply(ibgu("a", "Prep Upgrade FinalizeUpgrade"))
    engine.wait(hours=1)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    assert marks(engine) == {names.DISABLE_AUTO_IMPORT: "true"}


def test_a_pending_removal_is_replaced_by_the_next_upgrade() -> None:
    """Another rollout's removal is still pending: what is there is not what will be."""
    engine = prepared("Upgrade")
    theirs = {names.DISABLE_AUTO_IMPORT: "true", names.AUTO_IMPORT_BY: "b"}
    engine.annotations["site-1"] = dict(theirs)
    goes = {key: Change(value, None) for key, value in theirs.items()}
    pending = PendingPatch(uid="uid-site-1", cluster="site-1", rollout="b", annotations=goes)
    engine.fleet.apply(
        OnPendingPatch(Kind.LABELS_PENDING, pending, "the cluster is out of the stage")
    )
    engine.until(Kind.RUN_ARMING)
    assert names.DISABLE_AUTO_IMPORT in marks(engine)
    engine.deliver()
    assert marks(engine) == OURS


def test_auto_import_is_on_again_when_the_upgrade_completes() -> None:
    engine = prepared("Upgrade")
    engine.wait(minutes=20)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    assert marks(engine) == {}


def test_auto_import_is_on_again_after_an_automatic_rollback() -> None:
    engine = prepared("Upgrade")
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "rollback"
    engine.wait(minutes=20)
    assert engine.member("uid-a", 0, "site-1").cause is Cause.UPGRADE_FAILED
    assert marks(engine) == {}


def test_auto_import_stays_off_until_the_cluster_is_out_of_the_stage() -> None:
    engine = prepared("Upgrade", timeout=20)
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "slow"
    engine.wait(hours=2)
    assert engine.member("uid-a", 0, "site-1").cause is Cause.TIMED_OUT
    assert marks(engine) == OURS
    engine.wait(hours=9)
    assert marks(engine) == {}


def test_a_failed_upgrade_in_the_new_release_is_no_evidence_before_the_rollback() -> None:
    """The cluster can only be rolled back, which reboots once more."""
    engine = prepared("Upgrade")
    spoke = engine.spokes["site-1"]
    spoke.faults[Stage.UPGRADE] = "fail"
    engine.until(Kind.RUN_ACCEPTED)
    spoke.pivoted = True
    engine.wait(hours=1)
    assert engine.member("uid-a", 0, "site-1").cause is Cause.UPGRADE_FAILED_AFTER_PIVOT
    assert marks(engine) == OURS
    spoke.ask(Stage.ROLLBACK, "", spoke.seed)
    engine.wait(hours=1)
    assert marks(engine) == {}


def test_our_own_abort_brings_the_evidence() -> None:
    engine = prepared("Prep", "Upgrade", "AbortOnFailure", timeout=30)
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "hang"
    engine.wait(minutes=29)
    assert marks(engine) == OURS
    engine.wait(hours=1)
    assert engine.member("uid-a", 2, "site-1").outcome is Outcome.SUCCEEDED
    assert marks(engine) == {}


def test_a_day_without_evidence_is_one_warning_and_no_removal() -> None:
    engine = prepared("Upgrade", timeout=20)
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "hang"
    engine.wait(minutes=30)
    ended = engine.member("uid-a", 0, "site-1").ended_at
    assert ended is not None
    engine.drive(ended + IMPORT_OFF - engine.now - timedelta(minutes=1))
    assert not any("automatic import" in why for why in engine.warnings())
    engine.wait(hours=24)
    engine.touch_everything()
    engine.wait(hours=24)
    warnings = [why for why in engine.warnings() if "automatic import" in why]
    assert len(warnings) == 1
    assert names.DISABLE_AUTO_IMPORT in warnings[0]
    assert engine.told(Kind.AUTO_IMPORT_OFF) == warnings
    assert marks(engine) == OURS
    assert "automatic import stays off" in engine.member("uid-a", 0, "site-1").message


def test_a_dark_cluster_gives_no_evidence() -> None:
    """The cluster's feedback is from before it went dark."""
    engine = prepared("Upgrade", timeout=20)
    spoke = engine.spokes["site-1"]
    spoke.faults[Stage.UPGRADE] = "hang"
    engine.wait(minutes=30)
    spoke.conditions["Idle"] = told("True", "Idle")
    engine.agents()
    spoke.dark = True
    engine.settle()
    assert marks(engine) == OURS
    spoke.dark = False
    engine.touch_cluster("site-1")
    engine.settle()
    assert marks(engine) == {}


def _cancelled(engine: InMemoryEngine) -> None:
    engine.apply(ibgu("b", "Abort", age=-1))


def _deleted(engine: InMemoryEngine) -> None:
    engine.delete("uid-a")


def _too_late(engine: InMemoryEngine) -> None:
    engine.wait(hours=5)


@pytest.mark.parametrize("ends", [_cancelled, _deleted, _too_late])
def test_auto_import_is_on_again_if_the_upgrade_was_never_armed(
    ends: Callable[[InMemoryEngine], None],
) -> None:
    engine = prepared("Upgrade")
    engine.until(Kind.LABELS_PENDING)
    engine.deliver()
    assert marks(engine) == OURS
    engine.spokes["site-1"].dark = True
    ends(engine)
    engine.wait(hours=1)
    assert engine.member("uid-a", 0, "site-1").finished
    assert not engine.told(Kind.RUN_ARMING)
    assert marks(engine) == {}


def test_auto_import_is_on_again_when_a_chain_ends_between_prep_and_upgrade() -> None:
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    uid = engine.apply(ibgu("a", "Prep Upgrade", age=10))
    engine.until(Kind.LABELS_PENDING)
    engine.apply(ibgu("b", "Abort"))
    engine.wait(hours=1)
    assert engine.member(uid, 0, "site-1").cause is Cause.PREEMPTED
    assert Stage.UPGRADE not in [stage for _, stage in engine.spokes["site-1"].executed]
    assert marks(engine) == {}


def test_a_withdrawn_upgrade_that_never_starts_again_is_watched() -> None:
    """The Upgrade may be on the cluster after all: only evidence takes the annotation away."""
    engine = prepared("Upgrade", timeout=60)
    engine.until(Kind.RUN_ARMING)
    spoke = engine.spokes["site-1"]
    spoke.dark = True
    engine.touch_cluster("site-1")
    engine.wait(hours=2)
    member = engine.member("uid-a", 0, "site-1")
    assert member.cause is Cause.NEVER_STARTED
    assert member.watched
    assert marks(engine) == OURS


def test_a_lost_cluster_has_nothing_pending() -> None:
    engine = prepared("Upgrade")
    engine.until(Kind.RUN_ACCEPTED)
    del engine.spokes["site-1"]
    engine.touch_cluster("site-1")
    engine.wait(hours=1)
    assert engine.member("uid-a", 0, "site-1").cause is Cause.GONE
    assert not engine.fleet.pending_patches
