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
    twin = InMemoryEngine("site-1")
    Invariants(twin)
    twin.spokes["site-1"].to(Stage.PREP)
    twin.labels["site-1"] = dict(PREPARED)
    twin.apply(ibgu("a", *plan, timeout=timeout))
    return twin


def marks(twin: InMemoryEngine) -> dict[str, str]:
    return twin.annotations["site-1"]


def patches(twin: InMemoryEngine) -> int:
    """Patches of the ManagedCluster that have been pending so far."""
    return len(twin.told(Kind.LABELS_PENDING))


def test_auto_import_is_off_on_the_cluster_before_the_upgrade_is_armed() -> None:
    twin = prepared("Upgrade")
    twin.until(Kind.RUN_INTENDED)
    assert twin.member("uid-a", 0, "site-1").reason.kind is ReasonKind.PREPARING
    assert not twin.told(Kind.RUN_ARMING)
    twin.until(Kind.RUN_ARMING)
    assert marks(twin) == OURS


def test_nothing_is_armed_while_the_hub_does_not_take_it() -> None:
    twin = prepared("Upgrade")
    twin.until(Kind.RUN_INTENDED)
    twin.stalled = twin.now + timedelta(minutes=5)
    twin.wait(minutes=4)
    assert not twin.told(Kind.RUN_ARMING)
    twin.wait(minutes=20)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_in_a_chain_it_rides_on_the_label_of_prep() -> None:
    twin = InMemoryEngine("site-1")
    Invariants(twin)
    twin.apply(ibgu("a", "Prep Upgrade"))
    twin.until(Kind.LABELS_PENDING)
    (pending,) = twin.fleet.pending_patches.values()
    assert set(pending.labels) == {"lcm.openshift.io/ibgu-prep-completed"}
    assert {key: change.wanted for key, change in pending.annotations.items()} == OURS
    twin.until(Kind.RUN_ARMING)
    assert marks(twin) == OURS
    assert patches(twin) == 1
    twin.wait(hours=1)
    assert patches(twin) == 2
    assert marks(twin) == {}


@pytest.mark.parametrize("plan", [("Prep",), ("Prep", "Upgrade")])
def test_a_prep_that_no_upgrade_follows_at_once_does_not_bring_it(plan: tuple[str, ...]) -> None:
    twin = InMemoryEngine("site-1")
    twin.apply(ibgu("a", *plan))
    twin.until(Kind.LABELS_PENDING)
    (pending,) = twin.fleet.pending_patches.values()
    assert pending.annotations == {}


def test_auto_import_is_turned_off_ahead_of_an_upgrade_that_is_next() -> None:
    """The member has no slot yet; the annotation costs none then."""
    twin = InMemoryEngine("site-1", "site-2")
    twin.spokes["site-2"].to(Stage.PREP)
    twin.apply(ibgu("a", "Prep Upgrade", concurrency=1))
    twin.wait(seconds=30)
    assert Kind.ACTION_SKIPPED in twin.kinds("site-2")
    assert twin.member("uid-a", 0, "site-2").slot is None
    assert twin.annotations["site-2"][names.AUTO_IMPORT_BY] == "uid-a"


def test_a_foreign_auto_import_annotation_is_kept() -> None:
    twin = InMemoryEngine("site-1")
    twin.annotations["site-1"] = {names.DISABLE_AUTO_IMPORT: "true"}
    twin.apply(ibgu("a", "Prep Upgrade FinalizeUpgrade"))
    twin.wait(hours=1)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    assert marks(twin) == {names.DISABLE_AUTO_IMPORT: "true"}


def test_a_pending_removal_is_replaced_by_the_next_upgrade() -> None:
    """Another rollout's removal is still pending: what is there is not what will be."""
    twin = prepared("Upgrade")
    theirs = {names.DISABLE_AUTO_IMPORT: "true", names.AUTO_IMPORT_BY: "b"}
    twin.annotations["site-1"] = dict(theirs)
    goes = {key: Change(value, None) for key, value in theirs.items()}
    pending = PendingPatch(uid="uid-site-1", cluster="site-1", rollout="b", annotations=goes)
    twin.fleet.apply(
        OnPendingPatch(Kind.LABELS_PENDING, pending, "the cluster is out of the stage")
    )
    twin.until(Kind.RUN_ARMING)
    assert names.DISABLE_AUTO_IMPORT in marks(twin)
    twin.deliver()
    assert marks(twin) == OURS


def test_auto_import_is_on_again_when_the_upgrade_completes() -> None:
    twin = prepared("Upgrade")
    twin.wait(minutes=20)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    assert marks(twin) == {}


def test_auto_import_is_on_again_after_an_automatic_rollback() -> None:
    twin = prepared("Upgrade")
    twin.spokes["site-1"].faults[Stage.UPGRADE] = "rollback"
    twin.wait(minutes=20)
    assert twin.member("uid-a", 0, "site-1").cause is Cause.UPGRADE_FAILED
    assert marks(twin) == {}


def test_auto_import_stays_off_until_the_cluster_is_out_of_the_stage() -> None:
    twin = prepared("Upgrade", timeout=20)
    twin.spokes["site-1"].faults[Stage.UPGRADE] = "slow"
    twin.wait(hours=2)
    assert twin.member("uid-a", 0, "site-1").cause is Cause.TIMED_OUT
    assert marks(twin) == OURS
    twin.wait(hours=9)
    assert marks(twin) == {}


def test_a_failed_upgrade_in_the_new_release_is_no_evidence_before_the_rollback() -> None:
    """The cluster can only be rolled back, which reboots once more."""
    twin = prepared("Upgrade")
    spoke = twin.spokes["site-1"]
    spoke.faults[Stage.UPGRADE] = "fail"
    twin.until(Kind.RUN_ACCEPTED)
    spoke.pivoted = True
    twin.wait(hours=1)
    assert twin.member("uid-a", 0, "site-1").cause is Cause.UPGRADE_FAILED_AFTER_PIVOT
    assert marks(twin) == OURS
    spoke.ask(Stage.ROLLBACK, "", spoke.seed)
    twin.wait(hours=1)
    assert marks(twin) == {}


def test_our_own_abort_brings_the_evidence() -> None:
    twin = prepared("Prep", "Upgrade", "AbortOnFailure", timeout=30)
    twin.spokes["site-1"].faults[Stage.UPGRADE] = "hang"
    twin.wait(minutes=29)
    assert marks(twin) == OURS
    twin.wait(hours=1)
    assert twin.member("uid-a", 2, "site-1").outcome is Outcome.SUCCEEDED
    assert marks(twin) == {}


def test_a_day_without_evidence_is_one_warning_and_no_removal() -> None:
    twin = prepared("Upgrade", timeout=20)
    twin.spokes["site-1"].faults[Stage.UPGRADE] = "hang"
    twin.wait(minutes=30)
    ended = twin.member("uid-a", 0, "site-1").ended_at
    assert ended is not None
    twin.drive(ended + IMPORT_OFF - twin.now - timedelta(minutes=1))
    assert not any("automatic import" in why for why in twin.warnings())
    twin.wait(hours=24)
    twin.touch_everything()
    twin.wait(hours=24)
    warnings = [why for why in twin.warnings() if "automatic import" in why]
    assert len(warnings) == 1
    assert names.DISABLE_AUTO_IMPORT in warnings[0]
    assert twin.told(Kind.AUTO_IMPORT_OFF) == warnings
    assert marks(twin) == OURS
    assert "automatic import stays off" in twin.member("uid-a", 0, "site-1").message


def test_a_dark_cluster_gives_no_evidence() -> None:
    """The cluster's feedback is from before it went dark."""
    twin = prepared("Upgrade", timeout=20)
    spoke = twin.spokes["site-1"]
    spoke.faults[Stage.UPGRADE] = "hang"
    twin.wait(minutes=30)
    spoke.conditions["Idle"] = told("True", "Idle")
    twin.agents()
    spoke.dark = True
    twin.settle()
    assert marks(twin) == OURS
    spoke.dark = False
    twin.touch_cluster("site-1")
    twin.settle()
    assert marks(twin) == {}


def _cancelled(twin: InMemoryEngine) -> None:
    twin.apply(ibgu("b", "Abort", age=-1))


def _deleted(twin: InMemoryEngine) -> None:
    twin.delete("uid-a")


def _too_late(twin: InMemoryEngine) -> None:
    twin.wait(hours=5)


@pytest.mark.parametrize("ends", [_cancelled, _deleted, _too_late])
def test_auto_import_is_on_again_if_the_upgrade_was_never_armed(
    ends: Callable[[InMemoryEngine], None],
) -> None:
    twin = prepared("Upgrade")
    twin.until(Kind.LABELS_PENDING)
    twin.deliver()
    assert marks(twin) == OURS
    twin.spokes["site-1"].dark = True
    ends(twin)
    twin.wait(hours=1)
    assert twin.member("uid-a", 0, "site-1").finished
    assert not twin.told(Kind.RUN_ARMING)
    assert marks(twin) == {}


def test_auto_import_is_on_again_when_a_chain_ends_between_prep_and_upgrade() -> None:
    twin = InMemoryEngine("site-1")
    Invariants(twin)
    uid = twin.apply(ibgu("a", "Prep Upgrade", age=10))
    twin.until(Kind.LABELS_PENDING)
    twin.apply(ibgu("b", "Abort"))
    twin.wait(hours=1)
    assert twin.member(uid, 0, "site-1").cause is Cause.PREEMPTED
    assert Stage.UPGRADE not in [stage for _, stage in twin.spokes["site-1"].executed]
    assert marks(twin) == {}


def test_a_withdrawn_upgrade_that_never_starts_again_is_watched() -> None:
    """The Upgrade may be on the cluster after all: only evidence takes the annotation away."""
    twin = prepared("Upgrade", timeout=60)
    twin.until(Kind.RUN_ARMING)
    spoke = twin.spokes["site-1"]
    spoke.dark = True
    twin.touch_cluster("site-1")
    twin.wait(hours=2)
    member = twin.member("uid-a", 0, "site-1")
    assert member.cause is Cause.NEVER_STARTED
    assert member.watched
    assert marks(twin) == OURS


def test_a_lost_cluster_has_nothing_pending() -> None:
    twin = prepared("Upgrade")
    twin.until(Kind.RUN_ACCEPTED)
    del twin.spokes["site-1"]
    twin.touch_cluster("site-1")
    twin.wait(hours=1)
    assert twin.member("uid-a", 0, "site-1").cause is Cause.GONE
    assert not twin.fleet.pending_patches
