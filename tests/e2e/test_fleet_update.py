"""FleetUpdates from end to end: a real hub, the controller, simulated clusters with a
cluster-version operator."""

import json
from typing import Any

from msgspec.structs import replace

from ibgu.core.model.names import FLEET_UPDATE
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.discovery import Served, discover
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.cluster_version import Updates
from ibgu.sim.cluster_version.objects import ADMIN_ACKS
from ibgu.sim.cluster_version.settings import ack_of
from tests.e2e.clock import ScaledTime
from tests.e2e.harness import SECONDS, Scene
from tests.e2e.manifests import ibgu, step

NEW = f"quay.io/openshift-release-dev/ocp-release@sha256:{'b' * 64}"
QUICK = Updates(operators=100, dark=40, nodes=30, retry=(100, 120))
SIGNATURE = "c2lnbmVk"


def fleet_update(name: str, fleet: str, *plan: str, **update: Any) -> dict[str, Any]:
    strategy = {"maxConcurrency": 2, "timeout": 240}
    return {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": FLEET_UPDATE,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "update": {
                "release": {"version": "4.16.12", "image": NEW},
                "signatures": [SIGNATURE],
                "mirrors": [{"source": "quay.io", "mirrors": ["mirror.example"]}],
                **update,
            },
            "clusterLabelSelectors": [{"matchLabels": {"fleet": fleet}}],
            "plan": [{"actions": each.split(), "rolloutStrategy": strategy} for each in plan],
        },
    }


async def status(scene: Scene, name: str) -> dict[str, Any]:
    found = await scene.get(paths.rollout_object(FLEET_UPDATE, "default", name))
    return dict(found.get("status", {}))


async def ended(scene: Scene, name: str, phase: str, seconds: float = SECONDS) -> dict[str, Any]:
    async def over() -> bool:
        return (await status(scene, name)).get("phase") == phase

    await scene.until(over, f"the FleetUpdate to be {phase}", seconds)
    return await status(scene, name)


def version_of(cluster: SimulatedCluster) -> dict[str, Any]:
    (found,) = [obj for key, obj in cluster.spoke.objects.items() if key.kind == "ClusterVersion"]
    return found


def kinds(cluster: SimulatedCluster) -> set[str]:
    return {key.kind for key in cluster.spoke.objects}


async def labels(scene: Scene, cluster: str) -> set[str]:
    found = (await scene.get(paths.managed_cluster(cluster)))["metadata"].get("labels", {})
    return {key for key in found if key.startswith("ibgu.dev/fleet-")}


async def test_clusters_of_one_node_are_updated_and_keep_what_is_theirs(scene: Scene) -> None:
    await scene.fleet(count=3, version="4.16.3", updates=QUICK)
    await scene.start(clock=ScaledTime(60))
    plan = ("Check Mirror", "Update", "RetractOnFailure")
    await scene.apply(fleet_update("z-stream", scene.label, *plan))
    found = await ended(scene, "z-stream", "Completed")
    assert found["summary"]["succeeded"] == 3
    assert {each["type"]: each["status"] for each in found["conditions"]}["Progressing"] == "False"
    for number in (1, 2, 3):
        cluster = scene.cluster(f"{scene.label}-{number}")
        version = version_of(cluster)
        assert version["status"]["history"][0]["state"] == "Completed"
        assert version["status"]["desired"]["image"] == NEW
        assert version["spec"]["clusterID"]
        assert version["spec"]["desiredUpdate"]["force"] is False
        assert "ImageDigestMirrorSet" in kinds(cluster)
        assert await labels(scene, cluster.name) == set()
    await scene.kubectl("delete", "fleetupdate", "z-stream")

    async def gone() -> bool:
        return await scene.items(paths.works(f"{scene.label}-1")) == []

    await scene.until(gone, "the works to be removed")
    assert "ClusterVersion" in kinds(scene.cluster(f"{scene.label}-1"))


async def test_a_refused_update_is_withdrawn_and_does_not_begin_later(scene: Scene) -> None:
    """The signature is missing, so that the operator tries again and again."""
    await scene.fleet(count=1, version="4.16.3", updates=QUICK)
    await scene.start(clock=ScaledTime(60))
    update = fleet_update(
        *("unsigned", scene.label, "Check", "Update", "RetractOnFailure"), signatures=[]
    )
    await scene.apply(update)
    found = await ended(scene, "unsigned", "CompletedWithFailures")
    (entry,) = found["clusters"]
    assert "unable to verify" in entry["failedActions"][0]["message"]
    cluster = scene.cluster(f"{scene.label}-1")
    assert [each["action"] for each in entry["completedActions"]] == ["Check", "RetractOnFailure"]
    assert version_of(cluster)["spec"]["desiredUpdate"]["image"] == QUICK.image
    assert version_of(cluster)["status"]["history"][0]["version"] == "4.16.3"


WORKERS = replace(QUICK, workers=2, canaries=1, dark=0)
PAUSE = {"pools": ["canary", "worker"], "healthChecks": ["openshift-machine-api/worker"]}


def paused_on(cluster: SimulatedCluster) -> set[str]:
    found = set()
    for key, obj in cluster.spoke.objects.items():
        marks = obj["metadata"].get("annotations") or {}
        paused = obj.get("spec", {}).get("paused") or "cluster.x-k8s.io/paused" in marks
        if key.kind in ("MachineConfigPool", "MachineHealthCheck") and paused:
            assert "ibgu.dev/paused-by" in marks
            found.add(f"{key.kind} {key.name}")
    return found


async def test_pools_are_paused_for_an_update_and_resumed_in_their_order(scene: Scene) -> None:
    await scene.fleet(count=2, version="4.16.3", updates=WORKERS)
    await scene.start(clock=ScaledTime(60))
    await scene.apply(
        fleet_update("pools", scene.label, "Check Mirror", "Update", "Pools", pause=PAUSE)
    )
    cluster = scene.cluster(f"{scene.label}-1")
    everything = {
        *("MachineConfigPool canary", "MachineConfigPool worker"),
        "MachineHealthCheck worker",
    }
    await scene.until(lambda: paused_on(cluster) == everything, "everything to be paused")
    await scene.until(
        lambda: paused_on(cluster) == everything - {"MachineConfigPool canary"},
        "the canary to be resumed first",
    )
    found = await ended(scene, "pools", "Completed")
    assert found["summary"]["succeeded"] == 2
    assert paused_on(cluster) == set()


async def test_a_fleet_update_that_is_deleted_resumes_what_it_has_paused(scene: Scene) -> None:
    await scene.fleet(count=1, version="4.16.3", updates=WORKERS)
    await scene.start(clock=ScaledTime(60))
    await scene.apply(fleet_update("left", scene.label, "Mirror", "Update", "Pools", pause=PAUSE))
    cluster = scene.cluster(f"{scene.label}-1")

    def under_way() -> bool:
        return bool(version_of(cluster)["status"]["history"][0]["state"] == "Partial")

    await scene.until(under_way, "the update to begin")
    await scene.kubectl("delete", "fleetupdate", "left")
    await scene.until(lambda: not under_way(), "the update to end")
    await scene.until(lambda: not paused_on(cluster), "everything to be resumed")

    async def gone() -> bool:
        return await scene.items(paths.works(cluster.name)) == []

    await scene.until(gone, "the works to be removed")


BUDGET = "openshift-machine-api/database"


async def test_a_budget_that_blocks_a_drain_is_named_long_before_the_operator_says_so(
    scene: Scene,
) -> None:
    updates = replace(WORKERS, drain=100_000)
    name = f"{scene.label}-1"
    await scene.fleet(
        count=1, version="4.16.3", updates=updates, faults=(f"drain-blocked:150m@{name}",)
    )
    await scene.start(clock=ScaledTime(60))
    plan = ("Check Mirror", "Update")
    budgets = [BUDGET, "shop/not-there"]
    await scene.apply(fleet_update("drains", scene.label, *plan, disruptionBudgets=budgets))
    words = f"blocked by the PodDisruptionBudget {BUDGET}"

    async def told() -> bool:
        clusters = (await status(scene, "drains")).get("clusters", [])
        messages = [each.get("currentAction", {}).get("message", "") for each in clusters]
        return any(f"the drain of nodes is {words}" in message for message in messages)

    await scene.until(told, "the Update to name the budget")
    (entry,) = (await status(scene, "drains"))["clusters"]
    assert f"warning: the drain of nodes will be {words}" in entry["completedActions"][0]["message"]
    found = await ended(scene, "drains", "Completed")
    assert found["summary"]["succeeded"] == 1
    names = {key.name for key in scene.cluster(name).spoke.objects if "Budget" in key.kind}
    assert names == {"database"}


VIA = f"quay.io/openshift-release-dev/ocp-release@sha256:{'a' * 64}"
TWO_MINORS = {
    "via": {"version": "4.15.20", "image": VIA, "signatures": [SIGNATURE]},
    "acks": [ack_of("4.14.30"), ack_of("4.15.20")],
}


def history_of(cluster: SimulatedCluster) -> list[str]:
    return [each["version"] for each in version_of(cluster)["status"]["history"]]


async def test_clusters_go_over_an_intermediate_release_with_paused_workers(scene: Scene) -> None:
    # The first hop takes long enough to be seen in the status.
    updates = replace(WORKERS, operators=700, troubles=("ack-required",))
    await scene.fleet(count=2, version="4.14.30", updates=updates)
    await scene.start(clock=ScaledTime(60))
    plan = ("Check Mirror", "Update", "Pools")
    update = {**TWO_MINORS, "pause": {"pools": ["canary", "worker"]}}
    await scene.apply(fleet_update("eus", scene.label, *plan, **update))
    cluster = scene.cluster(f"{scene.label}-1")
    said: set[str] = set()

    async def second_hop() -> bool:
        entries = (await status(scene, "eus")).get("clusters", [])
        said.update(each.get("currentAction", {}).get("message", "")[:23] for each in entries)
        return history_of(cluster)[0] == "4.16.12"

    await scene.until(second_hop, "the second hop to begin")
    assert paused_on(cluster) == {"MachineConfigPool canary", "MachineConfigPool worker"}
    assert "hop 1 of 2, to 4.15.20:" in said
    found = await ended(scene, "eus", "Completed")
    assert found["summary"]["succeeded"] == 2
    for number in (1, 2):
        cluster = scene.cluster(f"{scene.label}-{number}")
        assert history_of(cluster) == ["4.16.12", "4.15.20", "4.14.30"]
        assert cluster.operator is not None
        requests = cluster.operator.timeline.requests
        asked = [(each.image, each.partial) for each in requests if each.image]
        assert asked == [(VIA, False), (NEW, False)]
        assert paused_on(cluster) == set()
        assert await labels(scene, cluster.name) == set()


def give_ack(cluster: SimulatedCluster, now: float) -> None:
    acks: dict[str, Any] = cluster.spoke.get(ADMIN_ACKS) or {}
    data = {**acks["data"], ack_of("4.15.20"): "true"}
    cluster.spoke.update(ADMIN_ACKS, {**acks, "data": data}, now)


async def test_a_second_hop_waits_for_an_ack_that_a_person_gives_on_the_cluster(
    scene: Scene,
) -> None:
    """The controller is restarted meanwhile."""
    await scene.fleet(
        count=1, version="4.14.30", updates=replace(QUICK, troubles=("ack-required",))
    )
    await scene.start(clock=ScaledTime(60))
    update = {**TWO_MINORS, "acks": [ack_of("4.14.30")]}
    await scene.apply(fleet_update("acked", scene.label, "Mirror", "Update", **update))
    cluster = scene.cluster(f"{scene.label}-1")

    async def waits() -> bool:
        entries = (await status(scene, "acked")).get("clusters", [])
        words = entries[0].get("currentAction", {}).get("message", "") if entries else ""
        return words.startswith("hop 2 of 2, to 4.16.12: the cluster does not allow another minor")

    await scene.until(waits, "the second hop to wait")
    assert version_of(cluster)["spec"]["desiredUpdate"]["image"] == VIA
    await scene.stop()
    await scene.start(clock=ScaledTime(60))
    scene.act(cluster.name, give_ack)
    found = await ended(scene, "acked", "Completed")
    assert found["summary"]["succeeded"] == 1
    assert history_of(cluster) == ["4.16.12", "4.15.20", "4.14.30"]


async def test_a_cluster_without_a_cluster_version_fails_its_check(scene: Scene) -> None:
    await scene.fleet(count=1)
    await scene.start(clock=ScaledTime(60))
    await scene.apply(fleet_update("none", scene.label, "Check"))
    found = await ended(scene, "none", "CompletedWithFailures")
    words = json.dumps(found["clusters"])
    assert "it is not an OpenShift cluster" in words


async def test_both_kinds_share_a_name_only_one_after_the_other(scene: Scene) -> None:
    await scene.fleet(count=1, version="4.16.3", updates=QUICK)
    await scene.start()
    await scene.apply(ibgu("same", step("Prep", most=1), fleet=scene.label))
    await scene.completed("same")
    await scene.apply(fleet_update("same", scene.label, "Check"))
    held = await ended(scene, "same", "Held")
    assert "an older ImageBasedGroupUpgrade has this name" in json.dumps(held["conditions"])
    await scene.kubectl("delete", "ibgu", "same")
    await ended(scene, "same", "Completed")


async def before_the_crd(client: HubClient) -> Served:
    """Returns what a controller knows that has started before the CRD was applied."""
    return replace(await discover(client), fleet_updates=False)


async def test_a_controller_from_before_the_crd_carries_on_what_another_has_begun(
    scene: Scene,
) -> None:
    await scene.fleet(count=1, version="4.16.3", updates=QUICK)
    await scene.start()
    await scene.apply(fleet_update("begun", scene.label, "Mirror", "Update"))

    async def armed() -> bool:
        return bool(await scene.journal("SELECT 1 FROM runs WHERE armed_at IS NOT NULL"))

    await scene.until(armed, "the cluster to be armed")
    await scene.stop()
    await scene.start(clock=ScaledTime(60), discovering=before_the_crd)
    found = await ended(scene, "begun", "Completed")
    assert found["summary"]["succeeded"] == 1
    kinds_of_events = await scene.journal("SELECT DISTINCT kind FROM events")
    assert "RolloutDeleted" not in [row["kind"] for row in kinds_of_events]
