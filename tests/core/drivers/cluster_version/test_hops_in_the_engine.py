"""Whole rollouts over an intermediate release, on clusters with a cluster-version operator."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.model import Cause, Finished, Kind, Outcome, ReasonKind, names
from ibgu.core.model.kinds import Backup, ClusterUpdate, Pauses, RolloutObject, RolloutSpec
from tests.core.drivers.cluster_version.test_update_in_the_engine import fleet_update
from tests.core.drivers.cluster_version.version_node import MINUTE, VersionNode
from tests.core.drivers.cluster_version.version_samples import INTERMEDIATE, NEW, OLD, OTHER, VIA
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.invariants import Invariants
from tests.oracle.logs import certify, log_of, told
from tests.oracle.update_proofs import UPDATE_PROOFS

UID = "uid-z"
WORKER = Pauses(pools=["worker"])


@pytest.fixture
def engine() -> Iterator[InMemoryEngine]:
    engine = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    spoke(engine).version = "4.14.30"
    invariants = Invariants(engine)
    yield engine
    invariants.at_rest()
    proofs = {names.FLEET_UPDATE: UPDATE_PROOFS}
    assert told(certify(log_of(engine), proofs=proofs)) == []
    assert UID not in spoke(engine).paused.values()


def spoke(engine: InMemoryEngine) -> VersionNode:
    found: object = engine.spokes["site-1"]
    assert isinstance(found, VersionNode)
    return found


def over(*steps: str, pause: Pauses = WORKER, backup: Backup | None = None) -> RolloutObject:
    found = fleet_update(*steps, concurrency=1)
    assert found.spec.update is not None
    update: ClusterUpdate = replace(found.spec.update, via=INTERMEDIATE, pause=pause, backup=backup)
    spec: RolloutSpec = replace(found.spec, update=update)
    return replace(found, spec=spec)


def member(engine: InMemoryEngine, step: int = 0) -> Finished:
    found = engine.member(UID, step, "site-1")
    assert isinstance(found, Finished)
    return found


def words(engine: InMemoryEngine) -> str:
    return str(engine.member(UID, 0, "site-1").reason.message)


def test_a_cluster_takes_the_intermediate_release_first(engine: InMemoryEngine) -> None:
    """The workers stay paused on the way, and restart once."""
    engine.apply(over("Update", "Pools"))
    engine.until(Kind.RUN_ENDED)
    assert spoke(engine).asked_for == [], "the first run pauses"
    while not spoke(engine).partial:
        engine.wait(minutes=1)
    engine.wait(minutes=2)
    assert words(engine) == "hop 1 of 2, to 4.15.20: Working towards 4.15.20: 106 of 903 done"
    engine.until(Kind.RUN_ENDED)
    assert engine.told(Kind.RUN_ENDED) == [
        "Update continues: paused worker",
        "Update continues: hop 1 of 2, to 4.15.20, is complete",
    ]
    assert spoke(engine).asked_for == [VIA]
    assert spoke(engine).image == VIA
    assert set(spoke(engine).paused) == {"worker"}
    while not spoke(engine).started:
        engine.wait(minutes=1)
    engine.wait(minutes=2)
    assert words(engine) == "hop 2 of 2, to 4.16.12: Working towards 4.16.12: 106 of 903 done"
    engine.until(Kind.STEP_FINISHED)
    assert spoke(engine).asked_for == [VIA, NEW]
    assert spoke(engine).behind == {"worker"}
    assert [each.action for each in member(engine).completed] == ["Update"]
    engine.drive()
    assert spoke(engine).done
    assert member(engine, 1).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("version", "asked"),
    [("4.14.30", [VIA, NEW]), ("4.15.3", [NEW]), ("4.15.31", [NEW]), ("4.16.3", [NEW])],
)
def test_a_cluster_needs_the_intermediate_release_only_from_the_minor_before(
    engine: InMemoryEngine, version: str, asked: list[str]
) -> None:
    spoke(engine).version = version
    engine.apply(over("Check", "Update", pause=Pauses()))
    engine.drive()
    assert spoke(engine).asked_for == asked
    assert member(engine, 1).outcome is Outcome.SUCCEEDED


def test_a_cluster_that_has_the_intermediate_release_goes_on_from_there(
    engine: InMemoryEngine,
) -> None:
    spoke(engine).image = VIA
    engine.apply(over("Update", pause=Pauses()))
    engine.drive()
    assert spoke(engine).asked_for == [NEW]
    assert spoke(engine).done


def test_a_cluster_that_takes_the_intermediate_release_is_followed(engine: InMemoryEngine) -> None:
    """Somebody has begun it by hand."""
    node = spoke(engine)
    node.wanted, node.image, node.partial = VIA, VIA, True
    node.play([(20 * MINUTE, node._complete), (5 * MINUTE, node._rolls(False))])
    engine.apply(over("Update", pause=Pauses()))
    engine.drive()
    assert node.asked_for == [VIA, NEW]
    assert node.done


def test_a_cluster_two_minor_releases_before_the_intermediate_one_is_not_asked(
    engine: InMemoryEngine,
) -> None:
    spoke(engine).version = "4.13.9"
    engine.apply(over("Update"))
    engine.drive()
    assert member(engine).cause is Cause.WRONG_STATE
    assert member(engine).message == (
        "hop 1 of 2, to 4.15.20: from 4.13.9 to 4.15.20 is more than one minor release: update to "
        "the one between them first"
    )
    assert spoke(engine).asked_for == []


def test_the_second_hop_waits_until_the_cluster_allows_it(engine: InMemoryEngine) -> None:
    """Half of the way is no state to give up in: nothing is asked for meanwhile."""
    engine.apply(over("Update", pause=Pauses()))
    engine.until(Kind.RUN_ACCEPTED)
    spoke(engine).allowed = False
    engine.until(Kind.RUN_ENDED)
    engine.wait(minutes=30)
    waits = engine.member(UID, 0, "site-1")
    assert waits.reason.kind is ReasonKind.BUSY
    assert words(engine).startswith(
        "hop 2 of 2, to 4.16.12: the cluster does not allow another minor release (AdminAck"
    )
    assert spoke(engine).asked_for == [VIA]
    spoke(engine).allowed = True
    engine.touch_cluster("site-1")
    engine.drive()
    assert spoke(engine).done
    assert member(engine).outcome is Outcome.SUCCEEDED


def test_a_second_hop_that_the_cluster_never_allows_fails_at_the_limit(
    engine: InMemoryEngine,
) -> None:
    engine.apply(over("Update", "Retract", pause=Pauses()))
    engine.until(Kind.RUN_ACCEPTED)
    spoke(engine).allowed = False
    engine.drive()
    assert member(engine).cause is Cause.TIMED_OUT
    assert "hop 2 of 2, to 4.16.12: the cluster does not allow" in member(engine).message
    assert spoke(engine).asked_for == [VIA]
    assert spoke(engine).image == VIA
    withdrawn = member(engine, 1)
    assert withdrawn.completed[0].note == (
        "was not asked for 4.16.12 any more, and runs the intermediate release 4.15.20"
    )


def test_a_second_hop_that_is_refused_goes_back_to_the_intermediate_release(
    engine: InMemoryEngine,
) -> None:
    engine.apply(over("Update", "RetractOnFailure", pause=Pauses()))
    engine.until(Kind.RUN_ENDED)
    spoke(engine).signed = False
    engine.drive()
    refused = member(engine)
    assert refused.cause is Cause.UPDATE_REFUSED
    assert refused.message.startswith("hop 2 of 2, to 4.16.12: Retrieving payload failed")
    assert spoke(engine).asked_for == [VIA, NEW]
    assert spoke(engine).wanted == VIA
    assert member(engine, 1).outcome is Outcome.SUCCEEDED
    spoke(engine).signed = True
    spoke(engine).look()
    engine.wait(hours=3)
    assert spoke(engine).image == VIA


def test_a_first_hop_that_is_refused_goes_back_to_the_former_release(
    engine: InMemoryEngine,
) -> None:
    spoke(engine).signed = False
    engine.apply(over("Update", "RetractOnFailure", pause=Pauses()))
    engine.drive()
    assert member(engine).message.startswith("hop 1 of 2, to 4.15.20: Retrieving payload failed")
    assert spoke(engine).wanted == OLD
    assert member(engine, 1).outcome is Outcome.SUCCEEDED


def test_a_person_who_asks_for_another_release_between_the_hops_is_left_alone(
    engine: InMemoryEngine,
) -> None:
    engine.apply(over("Update", pause=Pauses()))
    engine.until(Kind.RUN_ACCEPTED)
    spoke(engine).allowed = False
    engine.until(Kind.RUN_ENDED)
    engine.wait(minutes=5)
    spoke(engine).retarget(OTHER)
    engine.touch_cluster("site-1")
    engine.drive()
    assert member(engine).cause is Cause.WRONG_STATE
    assert member(engine).message.startswith(f"somebody has asked for {OTHER}")
    assert spoke(engine).asked_for == [VIA]


@pytest.mark.parametrize("turns", range(0, 60, 4))
def test_a_restart_changes_no_hop(engine: InMemoryEngine, turns: int) -> None:
    engine.apply(over("Update", "Pools"))
    for _ in range(turns):
        engine.step()
    engine.restart()
    engine.drive()
    assert spoke(engine).asked_for == [VIA, NEW]
    assert spoke(engine).done


def test_a_deleted_rollout_leaves_the_cluster_at_the_hop_that_it_is_in(
    engine: InMemoryEngine,
) -> None:
    engine.apply(over("Update", "Pools"))
    while not spoke(engine).partial:
        engine.wait(minutes=1)
    engine.delete(UID)
    engine.drive()
    assert spoke(engine).asked_for == [VIA]
    assert (spoke(engine).image, spoke(engine).partial) == (VIA, False)
    assert spoke(engine).behind == set()


def test_a_backup_ages_on_a_cluster_that_needs_one_hop(engine: InMemoryEngine) -> None:
    """The cluster has the intermediate release from before, so nothing but its pools is paused."""
    backup = Backup(form="Etcd", image=f"quay.example/tools@sha256:{'1' * 64}", max_age_minutes=240)
    spoke(engine).image = VIA
    engine.apply(over("Backup Update", backup=backup))
    while len(engine.told(Kind.RUN_ACCEPTED)) < 2:
        engine.step()
    engine.annotations["site-1"]["ibgu.dev/hold"] = "yes"
    engine.touch_cluster("site-1")
    engine.wait(hours=100)
    del engine.annotations["site-1"]["ibgu.dev/hold"]
    engine.touch_cluster("site-1")
    engine.wait(hours=8)
    assert member(engine).outcome is Outcome.FAILED
    assert member(engine).message.startswith("Update needs a Backup of this rollout that is not ")
    assert spoke(engine).asked_for == []
    engine.drive()
