"""An update that is accepted: what the cluster shows from the request to its end."""

from itertools import pairwise

import pytest

from ibgu.sim.cluster_version.objects import MACHINE_CONFIG
from tests.sim.cluster_simulation import ClusterSimulation
from tests.sim.cluster_version.updating import IMAGE, OTHER, VERSION, Updating


def test_a_cluster_shows_its_release_and_its_operators_at_the_beginning() -> None:
    cluster = Updating(workers=2)
    assert cluster.object["spec"]["clusterID"]
    assert cluster.object["spec"]["channel"] == "stable-4.16"
    assert cluster.object["status"]["availableUpdates"] is None
    assert cluster.history[0]["state"] == "Completed"
    assert cluster.condition("Progressing") == ("False", "", "Cluster version is 4.16.3")
    assert cluster.condition("RetrievedUpdates")[0] == "False"
    assert cluster.condition("Upgradeable")[0] == "True"
    operator = cluster.spoke.get(MACHINE_CONFIG) or {}
    assert operator["status"]["extension"] == {
        "master": "all 3 nodes are at latest configuration",
        "worker": "all 2 nodes are at latest configuration",
    }


def test_a_cluster_without_updates_has_no_cluster_version() -> None:
    world = ClusterSimulation()
    assert world.cluster.operator is None
    assert not [key for key in world.cluster.spoke.objects if key.kind == "ClusterVersion"]


def test_a_release_is_retrieved_and_then_accepted() -> None:
    cluster = Updating()
    cluster.ask()
    cluster.run(1)
    assert cluster.condition("ReleaseAccepted")[0] == "True"
    assert IMAGE not in cluster.condition("ReleaseAccepted")[2]
    assert cluster.until("ReleaseAccepted", "Unknown")
    assert cluster.condition("ReleaseAccepted") == (
        "Unknown",
        "RetrievePayload",
        f'Retrieving and verifying payload version="{VERSION}" image="{IMAGE}"',
    )
    assert cluster.history[0]["image"] != IMAGE
    assert cluster.until("ReleaseAccepted", "True")
    loaded = f'Payload loaded version="{VERSION}" image="{IMAGE}" architecture="amd64"'
    assert cluster.condition("ReleaseAccepted") == ("True", "PayloadLoaded", loaded)
    assert cluster.history[0]["state"] == "Partial"
    assert cluster.history[0]["completionTime"] is None
    assert cluster.object["status"]["desired"] == {"image": IMAGE, "version": VERSION}


def test_the_observed_generation_lags_until_the_release_is_applied() -> None:
    cluster = Updating()
    cluster.ask()
    cluster.until("ReleaseAccepted", "Unknown")
    generation = cluster.object["metadata"]["generation"]
    assert cluster.object["status"]["observedGeneration"] == generation - 1
    cluster.until_state("Partial")
    cluster.run(1)
    assert cluster.object["status"]["observedGeneration"] == generation


def test_progress_is_written_every_15_seconds_and_falls_back_once() -> None:
    cluster = Updating()
    cluster.ask()
    cluster.until_state("Partial")
    done: list[int] = []
    while cluster.history[0]["state"] == "Partial" and len(done) < 220:
        done.append(int(cluster.condition("Progressing")[2].split("(")[1].split("%")[0]))
        cluster.run(15)
    fallen = [later for earlier, later in pairwise(done) if later < earlier]
    assert fallen == [0]
    assert len(set(done)) > 60


def test_a_single_node_is_away_once_and_then_the_update_is_complete() -> None:
    cluster = Updating()
    cluster.ask()
    assert cluster.world.until(lambda: not cluster.world.cluster.connected)
    assert "waiting on machine-config" in cluster.condition("Progressing")[2]
    left = cluster.world.now
    assert cluster.world.until(lambda: cluster.world.cluster.connected)
    assert cluster.world.now - left == pytest.approx(600, abs=1)
    assert cluster.until_state("Completed")
    assert cluster.condition("Progressing") == ("False", "", f"Cluster version is {VERSION}")
    assert cluster.condition("Available") == ("True", "", f"Done applying {VERSION}")
    assert cluster.history[0]["completionTime"]
    assert len(cluster.world.cluster.timeline.dark) == 1


def test_an_update_fails_for_minutes_without_need_and_heals() -> None:
    cluster = Updating()
    cluster.ask()
    assert cluster.until("Failing", "True")
    assert cluster.condition("Failing")[2].startswith(f"Unable to apply {VERSION}: ")
    assert cluster.condition("Progressing")[0] == "True"
    failed = cluster.world.now
    assert cluster.until("Failing", "False")
    assert 120 <= cluster.world.now - failed <= 300
    assert cluster.until_state("Completed")


def test_workers_still_roll_when_the_update_is_complete() -> None:
    cluster = Updating(workers=3)
    cluster.ask()
    assert cluster.until_state("Completed")
    assert cluster.world.cluster.timeline.dark == []
    worker, master = cluster.pool("worker"), cluster.pool("master")
    assert master["status"]["updatedMachineCount"] == 3
    assert worker["status"]["updatedMachineCount"] < 3
    assert worker["status"]["configuration"]["name"] != worker["spec"]["configuration"]["name"]
    cluster.run(3600)
    worker = cluster.pool("worker")
    assert worker["status"]["updatedMachineCount"] == 3
    assert worker["status"]["configuration"]["name"] == worker["spec"]["configuration"]["name"]


def test_marks_by_another_manager_leave_the_request() -> None:
    cluster = Updating()
    cluster.ask()
    cluster.mark(run="r2")
    assert cluster.object["spec"]["desiredUpdate"]["image"] == IMAGE
    assert cluster.object["metadata"]["annotations"] == {"run": "r2"}
    assert cluster.until_state("Completed")


def test_an_update_that_is_under_way_goes_on_while_another_release_is_refused() -> None:
    cluster = Updating()
    cluster.ask()
    cluster.until_state("Partial")
    cluster.ask(OTHER, "4.16.13")
    assert cluster.until("ReleaseAccepted", "False")
    assert cluster.until_state("Completed")


def test_another_release_takes_the_place_of_one_that_is_under_way() -> None:
    cluster = Updating()
    cluster.ask()
    cluster.until_state("Partial")
    cluster.sign("c" * 64)
    cluster.ask(OTHER, "4.16.13")
    assert cluster.until_state("Completed", OTHER)
    newest, replaced, _ = cluster.history
    assert newest["version"] == "4.16.13"
    assert (replaced["state"], replaced["image"]) == ("Partial", IMAGE)
    assert replaced["completionTime"]


def test_another_request_of_a_person_is_followed_before_the_first_begins() -> None:
    cluster = Updating(signed=False)
    cluster.ask()
    cluster.until("ReleaseAccepted", "False")
    cluster.sign("c" * 64)
    cluster.ask(OTHER, "4.16.13", manager="oc")
    assert cluster.until_state("Completed", OTHER)
    assert len(cluster.history) == 2


def test_a_request_for_the_running_release_withdraws_the_other() -> None:
    cluster = Updating(signed=False)
    cluster.ask()
    cluster.until("ReleaseAccepted", "False")
    cluster.ask(cluster.updates.image, "4.16.3")
    assert cluster.until("ReleaseAccepted", "True")
    assert cluster.updates.image in cluster.condition("ReleaseAccepted")[2]
    cluster.sign()
    cluster.run(3600)
    assert len(cluster.history) == 1


def test_the_same_digest_in_another_registry_is_another_update() -> None:
    cluster = Updating()
    cluster.ask()
    cluster.until_state("Completed")
    mirrored = IMAGE.replace("quay.io", "mirror.example")
    cluster.ask(mirrored)
    assert cluster.until_state("Completed", mirrored)


def test_a_malformed_request_is_invalid_until_it_is_corrected() -> None:
    cluster = Updating()
    cluster.apply({"spec": {"desiredUpdate": {"architecture": ""}}}, "oc")
    cluster.run(1)
    status, reason, message = cluster.condition("Invalid")
    assert (status, reason) == ("True", "InvalidClusterVersion")
    assert "spec.desiredUpdate" in message
    cluster.ask()
    cluster.run(1)
    assert cluster.condition("Invalid") == ("", "", "")
    assert cluster.until_state("Completed")


def test_nothing_happens_when_somebody_has_deleted_the_cluster_version() -> None:
    cluster = Updating()
    cluster.ask()
    cluster.until_state("Partial")
    cluster.world.cluster.delete(cluster.object, cluster.world.now)
    cluster.run(3600)
    assert cluster.operator.next_at == float("inf")


def test_an_update_is_the_same_every_time() -> None:
    def times() -> list[float]:
        cluster = Updating(signed=False)
        cluster.ask()
        cluster.until("ReleaseAccepted", "False")
        cluster.sign()
        cluster.until_state("Completed")
        return [cluster.world.now]

    assert times() == times()
