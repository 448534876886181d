"""Whole rollouts over an intermediate release, on clusters with a cluster-version operator."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.cluster_version.proofs import UPDATE_PROOFS
from ibgu.core.model import Cause, Finished, Kind, Outcome, ReasonKind, names
from ibgu.core.model.kinds import Backup, ClusterUpdate, Pauses, RolloutObject, RolloutSpec
from tests.core.assurance.certify.logs import certify, log_of, told
from tests.core.drivers.cluster_version.test_update_in_the_engine import fleet_update
from tests.core.drivers.cluster_version.version_node import MINUTE, VersionNode
from tests.core.drivers.cluster_version.version_samples import INTERMEDIATE, NEW, OLD, OTHER, VIA
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.invariants import Invariants

UID = "uid-z"
WORKER = Pauses(pools=["worker"])


@pytest.fixture
def twin() -> Iterator[InMemoryEngine]:
    twin = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    spoke(twin).version = "4.14.30"
    invariants = Invariants(twin)
    yield twin
    invariants.at_rest()
    proofs = {names.FLEET_UPDATE: UPDATE_PROOFS}
    assert told(certify(log_of(twin), proofs=proofs)) == []
    assert UID not in spoke(twin).paused.values()


def spoke(twin: InMemoryEngine) -> VersionNode:
    found: object = twin.spokes["site-1"]
    assert isinstance(found, VersionNode)
    return found


def over(*steps: str, pause: Pauses = WORKER, backup: Backup | None = None) -> RolloutObject:
    found = fleet_update(*steps, concurrency=1)
    assert found.spec.update is not None
    update: ClusterUpdate = replace(found.spec.update, via=INTERMEDIATE, pause=pause, backup=backup)
    spec: RolloutSpec = replace(found.spec, update=update)
    return replace(found, spec=spec)


def member(twin: InMemoryEngine, step: int = 0) -> Finished:
    found = twin.member(UID, step, "site-1")
    assert isinstance(found, Finished)
    return found


def words(twin: InMemoryEngine) -> str:
    return str(twin.member(UID, 0, "site-1").reason.message)


def test_a_cluster_takes_the_intermediate_release_first(twin: InMemoryEngine) -> None:
    """The workers stay paused on the way, and restart once."""
    twin.apply(over("Update", "Pools"))
    twin.until(Kind.RUN_ENDED)
    assert spoke(twin).asked_for == [], "the first run pauses"
    while not spoke(twin).partial:
        twin.wait(minutes=1)
    twin.wait(minutes=2)
    assert words(twin) == "hop 1 of 2, to 4.15.20: Working towards 4.15.20: 106 of 903 done"
    twin.until(Kind.RUN_ENDED)
    assert twin.told(Kind.RUN_ENDED) == [
        "Update continues: paused worker",
        "Update continues: hop 1 of 2, to 4.15.20, is complete",
    ]
    assert spoke(twin).asked_for == [VIA]
    assert spoke(twin).image == VIA
    assert set(spoke(twin).paused) == {"worker"}
    while not spoke(twin).started:
        twin.wait(minutes=1)
    twin.wait(minutes=2)
    assert words(twin) == "hop 2 of 2, to 4.16.12: Working towards 4.16.12: 106 of 903 done"
    twin.until(Kind.STEP_FINISHED)
    assert spoke(twin).asked_for == [VIA, NEW]
    assert spoke(twin).behind == {"worker"}
    assert [each.action for each in member(twin).completed] == ["Update"]
    twin.drive()
    assert spoke(twin).done
    assert member(twin, 1).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("version", "asked"),
    [("4.14.30", [VIA, NEW]), ("4.15.3", [NEW]), ("4.15.31", [NEW]), ("4.16.3", [NEW])],
)
def test_a_cluster_needs_the_intermediate_release_only_from_the_minor_before(
    twin: InMemoryEngine, version: str, asked: list[str]
) -> None:
    spoke(twin).version = version
    twin.apply(over("Check", "Update", pause=Pauses()))
    twin.drive()
    assert spoke(twin).asked_for == asked
    assert member(twin, 1).outcome is Outcome.SUCCEEDED


def test_a_cluster_that_has_the_intermediate_release_goes_on_from_there(
    twin: InMemoryEngine,
) -> None:
    spoke(twin).image = VIA
    twin.apply(over("Update", pause=Pauses()))
    twin.drive()
    assert spoke(twin).asked_for == [NEW]
    assert spoke(twin).done


def test_a_cluster_that_takes_the_intermediate_release_is_followed(twin: InMemoryEngine) -> None:
    """Somebody has begun it by hand."""
    node = spoke(twin)
    node.wanted, node.image, node.partial = VIA, VIA, True
    node.play([(20 * MINUTE, node._complete), (5 * MINUTE, node._rolls(False))])
    twin.apply(over("Update", pause=Pauses()))
    twin.drive()
    assert node.asked_for == [VIA, NEW]
    assert node.done


def test_a_cluster_two_minor_releases_before_the_intermediate_one_is_not_asked(
    twin: InMemoryEngine,
) -> None:
    spoke(twin).version = "4.13.9"
    twin.apply(over("Update"))
    twin.drive()
    assert member(twin).cause is Cause.WRONG_STATE
    assert member(twin).message == (
        "hop 1 of 2, to 4.15.20: from 4.13.9 to 4.15.20 is more than one minor release: update to "
        "the one between them first"
    )
    assert spoke(twin).asked_for == []


def test_the_second_hop_waits_until_the_cluster_allows_it(twin: InMemoryEngine) -> None:
    """Half of the way is no state to give up in: nothing is asked for meanwhile."""
    twin.apply(over("Update", pause=Pauses()))
    twin.until(Kind.RUN_ACCEPTED)
    spoke(twin).allowed = False
    twin.until(Kind.RUN_ENDED)
    twin.wait(minutes=30)
    waits = twin.member(UID, 0, "site-1")
    assert waits.reason.kind is ReasonKind.BUSY
    assert words(twin).startswith(
        "hop 2 of 2, to 4.16.12: the cluster does not allow another minor release (AdminAck"
    )
    assert spoke(twin).asked_for == [VIA]
    spoke(twin).allowed = True
    twin.touch_cluster("site-1")
    twin.drive()
    assert spoke(twin).done
    assert member(twin).outcome is Outcome.SUCCEEDED


def test_a_second_hop_that_the_cluster_never_allows_fails_at_the_limit(
    twin: InMemoryEngine,
) -> None:
    twin.apply(over("Update", "Retract", pause=Pauses()))
    twin.until(Kind.RUN_ACCEPTED)
    spoke(twin).allowed = False
    twin.drive()
    assert member(twin).cause is Cause.TIMED_OUT
    assert "hop 2 of 2, to 4.16.12: the cluster does not allow" in member(twin).message
    assert spoke(twin).asked_for == [VIA]
    assert spoke(twin).image == VIA
    withdrawn = member(twin, 1)
    assert withdrawn.completed[0].note == (
        "was not asked for 4.16.12 any more, and runs the intermediate release 4.15.20"
    )


def test_a_second_hop_that_is_refused_goes_back_to_the_intermediate_release(
    twin: InMemoryEngine,
) -> None:
    twin.apply(over("Update", "RetractOnFailure", pause=Pauses()))
    twin.until(Kind.RUN_ENDED)
    spoke(twin).signed = False
    twin.drive()
    refused = member(twin)
    assert refused.cause is Cause.UPDATE_REFUSED
    assert refused.message.startswith("hop 2 of 2, to 4.16.12: Retrieving payload failed")
    assert spoke(twin).asked_for == [VIA, NEW]
    assert spoke(twin).wanted == VIA
    assert member(twin, 1).outcome is Outcome.SUCCEEDED
    spoke(twin).signed = True
    spoke(twin).look()
    twin.wait(hours=3)
    assert spoke(twin).image == VIA


def test_a_first_hop_that_is_refused_goes_back_to_the_former_release(twin: InMemoryEngine) -> None:
    spoke(twin).signed = False
    twin.apply(over("Update", "RetractOnFailure", pause=Pauses()))
    twin.drive()
    assert member(twin).message.startswith("hop 1 of 2, to 4.15.20: Retrieving payload failed")
    assert spoke(twin).wanted == OLD
    assert member(twin, 1).outcome is Outcome.SUCCEEDED


def test_a_person_who_asks_for_another_release_between_the_hops_is_left_alone(
    twin: InMemoryEngine,
) -> None:
    twin.apply(over("Update", pause=Pauses()))
    twin.until(Kind.RUN_ACCEPTED)
    spoke(twin).allowed = False
    twin.until(Kind.RUN_ENDED)
    twin.wait(minutes=5)
    spoke(twin).retarget(OTHER)
    twin.touch_cluster("site-1")
    twin.drive()
    assert member(twin).cause is Cause.WRONG_STATE
    assert member(twin).message.startswith(f"somebody has asked for {OTHER}")
    assert spoke(twin).asked_for == [VIA]


@pytest.mark.parametrize("turns", range(0, 60, 4))
def test_a_restart_changes_no_hop(twin: InMemoryEngine, turns: int) -> None:
    twin.apply(over("Update", "Pools"))
    for _ in range(turns):
        twin.step()
    twin.restart()
    twin.drive()
    assert spoke(twin).asked_for == [VIA, NEW]
    assert spoke(twin).done


def test_a_deleted_rollout_leaves_the_cluster_at_the_hop_that_it_is_in(
    twin: InMemoryEngine,
) -> None:
    twin.apply(over("Update", "Pools"))
    while not spoke(twin).partial:
        twin.wait(minutes=1)
    twin.delete(UID)
    twin.drive()
    assert spoke(twin).asked_for == [VIA]
    assert (spoke(twin).image, spoke(twin).partial) == (VIA, False)
    assert spoke(twin).behind == set()
