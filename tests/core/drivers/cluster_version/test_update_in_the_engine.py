"""Whole rollouts of FleetUpdates in the engine, on clusters with a cluster-version operator."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.cluster_version.states import GRACE
from ibgu.core.model import Cause, Ended, Kind, Outcome, ReasonKind, RolloutState, names
from ibgu.core.model.kinds import RolloutObject, RolloutSpec
from tests.core.drivers.cluster_version.version_node import LOOKS, UNSIGNED, VersionNode
from tests.core.drivers.cluster_version.version_samples import OTHER, UPDATE
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.oracle.logs import certify, log_of, told
from tests.oracle.update_proofs import UPDATE_PROOFS

UID = "uid-z"
ALL = ("Check Mirror", "Update", "RetractOnFailure")


def fleet_update(*steps: str, concurrency: int = 2, name: str = "z") -> RolloutObject:
    found = ibgu(name, *steps, concurrency=concurrency)
    spec = RolloutSpec(
        cluster_label_selectors=found.spec.cluster_label_selectors,
        plan=found.spec.plan,
        update=UPDATE,
    )
    return replace(found, kind=names.FLEET_UPDATE, spec=spec)


@pytest.fixture
def engine() -> Iterator[InMemoryEngine]:
    engine = InMemoryEngine("site-1", "site-2", "site-3", driver=CLUSTER_VERSION, node=VersionNode)
    invariants = Invariants(engine)
    yield engine
    invariants.at_rest()
    proofs = {names.FLEET_UPDATE: UPDATE_PROOFS}
    assert told(certify(log_of(engine), proofs=proofs)) == []


def node(engine: InMemoryEngine, name: str) -> VersionNode:
    found: object = engine.spokes[name]
    assert isinstance(found, VersionNode)
    return found


def stages(engine: InMemoryEngine, name: str) -> list[str]:
    return [stage for _, stage in node(engine, name).executed]


def test_clusters_are_checked_mirrored_and_updated(engine: InMemoryEngine) -> None:
    """One stalls for a while, and all are unreachable in the middle. The Update waits until the
    nodes have the mirrors, and is over when they have the release."""
    node(engine, "site-2").stalls = True
    engine.apply(fleet_update(*ALL))
    engine.until(Kind.STEP_FINISHED)
    assert set(engine.labels["site-1"]) == {
        "ibgu.dev/fleet-check-completed",
        "ibgu.dev/fleet-mirror-completed",
    }
    engine.drive()
    tracked = engine.tracked(UID)
    assert tracked.rollout.state is RolloutState.COMPLETE
    for name in ("site-1", "site-2", "site-3"):
        assert stages(engine, name) == ["Check", "Mirror", "Update"]
        assert node(engine, name).done
        assert tracked.steps[1].members[name].outcome is Outcome.SUCCEEDED
        assert engine.labels[name] == {}
    assert tracked.steps[2].members == {}


def test_a_refused_update_fails_after_its_grace_and_is_withdrawn(engine: InMemoryEngine) -> None:
    """The cluster would begin by itself once somebody brings the signature."""
    node(engine, "site-2").signed = False
    engine.apply(fleet_update(*ALL))
    engine.drive()
    refused = engine.member(UID, 1, "site-2")
    assert (refused.outcome, refused.cause) == (Outcome.FAILED, Cause.UPDATE_REFUSED)
    assert refused.message == UNSIGNED
    assert isinstance(refused.run, Ended)
    assert refused.run.accepted_at is not None
    assert refused.run.ended_at - refused.run.accepted_at >= GRACE
    assert stages(engine, "site-2") == ["Check", "Mirror", "Update", "Retract"]
    assert engine.member(UID, 2, "site-2").outcome is Outcome.SUCCEEDED
    node(engine, "site-2").signed = True
    node(engine, "site-2").look()
    engine.wait(hours=3)
    assert not node(engine, "site-2").started


def test_a_refusal_that_heals_within_its_grace_is_none(engine: InMemoryEngine) -> None:
    unsigned = node(engine, "site-1")
    unsigned.signed = False
    engine.apply(fleet_update(*ALL, concurrency=1))
    engine.until(Kind.STEP_FINISHED)
    engine.until(Kind.RUN_ACCEPTED)
    engine.wait(minutes=7)
    waiting = engine.member(UID, 1, "site-1")
    assert (waiting.reason.kind, waiting.reason.message) == (ReasonKind.REFUSED, UNSIGNED)
    assert unsigned.accepted.endswith(LOOKS), "the operator looks at it again"
    unsigned.signed = True
    engine.drive()
    assert engine.member(UID, 1, "site-1").outcome is Outcome.SUCCEEDED


def test_a_person_who_asks_for_another_release_takes_the_cluster_over(
    engine: InMemoryEngine,
) -> None:
    node(engine, "site-1").signed = False
    engine.apply(fleet_update("Update", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    node(engine, "site-1").retarget(OTHER)
    engine.touch_cluster("site-1")
    engine.wait(minutes=5)
    taken = engine.member(UID, 0, "site-1")
    assert (taken.outcome, taken.cause) == (Outcome.FAILED, Cause.TAKEN_OVER)
    assert node(engine, "site-1").wanted == OTHER
    engine.drive()


def test_a_cluster_that_is_not_sound_fails_its_check_and_nothing_is_asked_of_it(
    engine: InMemoryEngine,
) -> None:
    node(engine, "site-3").failing = True
    engine.apply(fleet_update(*ALL))
    engine.drive()
    failed = engine.member(UID, 0, "site-3")
    assert (failed.outcome, failed.cause) == (Outcome.FAILED, Cause.CHECK_FAILED)
    assert stages(engine, "site-3") == ["Check"]
    assert "site-3" not in engine.tracked(UID).steps[1].members
    assert set(engine.labels["site-3"]) == {"ibgu.dev/fleet-check-failed"}
