"""FleetUpdates on real work agents, with OpenShift's own CRDs on the clusters' API servers."""

from typing import Any

from msgspec.structs import replace

from ibgu.hub import paths
from ibgu.sim.cluster_version import Updates
from tests.e2e.clock import ScaledTime
from tests.e2e.test_fleet_update import NEW, TWO_MINORS, ended, fleet_update
from tests.neighbours import openshift
from tests.neighbours.scene import RealScene

QUICK = Updates(operators=100, dark=0, nodes=30, retry=(100, 120))


def version_on(scene: RealScene, cluster: str) -> dict[str, Any]:
    path = f"{openshift.COLLECTIONS[0]}/version"
    return scene.real(cluster).server.api.request("GET", path)


async def test_two_clusters_are_updated_and_keep_what_is_theirs(scene: RealScene) -> None:
    await scene.fleet(count=2, version="4.16.3", updates=QUICK)
    names = [f"{scene.label}-{number}" for number in (1, 2)]
    before = {name: version_on(scene, name) for name in names}
    await scene.start(clock=ScaledTime(60))
    plan = ("Check Mirror", "Update", "RetractOnFailure")
    await scene.apply(fleet_update("z-stream", scene.label, *plan))
    found = await ended(scene, "z-stream", "Completed")
    assert found["summary"]["succeeded"] == 2
    await scene.kubectl("delete", "fleetupdate", "z-stream")

    async def gone() -> bool:
        return not any([await scene.items(paths.works(name)) for name in names])

    await scene.until(gone, "the works to be removed")
    for name in names:
        version = version_on(scene, name)
        assert version["status"]["history"][0]["state"] == "Completed"
        assert version["spec"]["clusterID"] == before[name]["spec"]["clusterID"]
        assert version["metadata"]["uid"] == before[name]["metadata"]["uid"]
        assert "ownerReferences" not in version["metadata"]
        assert version["spec"]["desiredUpdate"]["force"] is False


async def test_a_refused_update_is_withdrawn_on_the_cluster(scene: RealScene) -> None:
    await scene.fleet(count=1, version="4.16.3", updates=QUICK)
    (name,) = [f"{scene.label}-1"]
    running = version_on(scene, name)["status"]["desired"]["image"]
    await scene.start(clock=ScaledTime(60))
    plan = ("Check", "Update", "RetractOnFailure")
    await scene.apply(fleet_update("unsigned", scene.label, *plan, signatures=[]))
    found = await ended(scene, "unsigned", "CompletedWithFailures")
    (entry,) = found["clusters"]
    assert "unable to verify" in entry["failedActions"][0]["message"]
    version = version_on(scene, name)
    assert version["spec"]["desiredUpdate"]["image"] == running
    assert version["status"]["desired"]["image"] == running


SLOW = Updates(operators=1000, dark=0, nodes=30, retry=(100, 120), flap=(0, 0))
OTHER = f"quay.io/openshift-release-dev/ocp-release@sha256:{'c' * 64}"


async def test_a_refusal_that_a_person_ends_is_no_failure(scene: RealScene) -> None:
    """They bring the signature to the cluster by hand."""
    await scene.fleet(count=1, version="4.16.3", updates=QUICK)
    await scene.start(clock=ScaledTime(10))
    update = fleet_update("healed", scene.label, "Check", "Update", signatures=[])
    await scene.apply(update)
    name = f"{scene.label}-1"
    await scene.until(lambda: is_refused(scene, name), "the operator to refuse the release")
    signature = f"sha256-{'b' * 64}"
    scene.real(name).server.api.request(
        "POST",
        "/api/v1/namespaces/openshift-config-managed/configmaps",
        {"metadata": {"name": signature}, "binaryData": {f"{signature}-1": "c2lnbmVk"}},
    )
    found = await ended(scene, "healed", "Completed")
    assert found["summary"]["succeeded"] == 1


def is_refused(scene: RealScene, cluster: str) -> bool:
    conditions = version_on(scene, cluster)["status"]["conditions"]
    return any((c["type"], c["status"]) == ("ReleaseAccepted", "False") for c in conditions)


async def test_a_person_who_asks_for_another_release_takes_the_cluster_over(
    scene: RealScene,
) -> None:
    await scene.fleet(count=1, version="4.16.3", updates=QUICK)
    await scene.start(clock=ScaledTime(10))
    await scene.apply(fleet_update("hand", scene.label, "Update", signatures=[]))
    name = f"{scene.label}-1"
    await scene.until(lambda: is_refused(scene, name), "the operator to refuse the release")
    wanted = {"image": OTHER, "version": "4.16.20", "force": False}
    scene.real(name).server.api.request(
        "PATCH",
        f"{openshift.COLLECTIONS[0]}/version",
        {"spec": {"desiredUpdate": wanted}},
        paths.MERGE_PATCH,
    )
    found = await ended(scene, "hand", "CompletedWithFailures")
    (entry,) = found["clusters"]
    assert "ibgu asked for Update" in entry["failedActions"][0]["message"]
    assert version_on(scene, name)["spec"]["desiredUpdate"]["image"] == OTHER


async def test_a_fleet_update_that_is_deleted_in_mid_flight_leaves_the_update_alone(
    scene: RealScene,
) -> None:
    await scene.fleet(count=1, version="4.16.3", updates=SLOW)
    await scene.start(clock=ScaledTime(60))
    await scene.apply(fleet_update("deleted", scene.label, "Check Mirror", "Update"))
    name = f"{scene.label}-1"

    def under_way() -> bool:
        return bool(version_on(scene, name)["status"]["history"][0]["state"] == "Partial")

    await scene.until(under_way, "the update to begin")
    await scene.kubectl("delete", "fleetupdate", "deleted")

    async def gone() -> bool:
        return await scene.items(paths.works(name)) == []

    await scene.until(lambda: not under_way(), "the update to end")
    await scene.until(gone, "the works to be removed")
    version = version_on(scene, name)
    assert version["status"]["history"][0]["state"] == "Completed"
    assert version["spec"]["desiredUpdate"]["force"] is False
    pools = scene.real(name).server.api.request("GET", openshift.COLLECTIONS[3])["items"]
    assert [each["spec"]["paused"] for each in pools] == [False, False]


WORKERS = Updates(
    operators=200, dark=0, nodes=40, workers=2, canaries=1, retry=(100, 120), flap=(0, 0)
)
PAUSE = {"pools": ["canary", "worker"], "healthChecks": ["openshift-machine-api/worker"]}


def paused_on(scene: RealScene, cluster: str) -> set[str]:
    """Returns the pools that are paused, and the health checks with a slash."""
    api = scene.real(cluster).server.api
    pools = api.request("GET", openshift.COLLECTIONS[3])["items"]
    checks = api.request("GET", openshift.COLLECTIONS[4])["items"]
    found = {each["metadata"]["name"] for each in pools if each["spec"].get("paused")}
    for check in checks:
        assert "ownerReferences" not in check["metadata"]
        assert check["spec"]["maxUnhealthy"] == "40%"
        if "cluster.x-k8s.io/paused" in check["metadata"].get("annotations", {}):
            found.add(f"/{check['metadata']['name']}")
    marks = [each["metadata"].get("annotations", {}) for each in (*pools, *checks)]
    assert sum("ibgu.dev/paused-by" in mark for mark in marks) == len(found)
    return found


async def test_pools_are_paused_and_resumed_one_after_the_other(scene: RealScene) -> None:
    await scene.fleet(count=1, version="4.16.3", updates=WORKERS)
    await scene.start(clock=ScaledTime(60))
    name = f"{scene.label}-1"
    update = fleet_update("pools", scene.label, "Check Mirror", "Update Pools", pause=PAUSE)
    await scene.apply(update)
    order: list[set[str]] = [set()]

    def resumed() -> bool:
        now = paused_on(scene, name)
        if now != order[-1]:
            order.append(now)
        return len(order) > 2 and not now

    await scene.until(resumed, "everything to be paused and resumed")
    everything = {"canary", "worker", "/worker"}
    assert everything in order
    after = order[order.index(everything) :]
    assert after == [everything, {"worker", "/worker"}, {"/worker"}, set()]
    found = await ended(scene, "pools", "Completed")
    assert found["summary"]["succeeded"] == 1
    pools = scene.real(name).server.api.request("GET", openshift.COLLECTIONS[3])["items"]
    for pool in pools:
        assert pool["status"]["configuration"]["name"] == pool["spec"]["configuration"]["name"]


async def test_a_deleted_fleet_update_leaves_nothing_paused(scene: RealScene) -> None:
    await scene.fleet(count=1, version="4.16.3", updates=WORKERS)
    await scene.start(clock=ScaledTime(60))
    name = f"{scene.label}-1"
    await scene.apply(fleet_update("left", scene.label, "Mirror", "Update", "Pools", pause=PAUSE))

    def under_way() -> bool:
        return bool(version_on(scene, name)["status"]["history"][0]["state"] == "Partial")

    await scene.until(under_way, "the update to begin")
    assert paused_on(scene, name) == {"canary", "worker", "/worker"}
    await scene.kubectl("delete", "fleetupdate", "left")
    await scene.until(lambda: not under_way(), "the update to end")
    await scene.until(lambda: not paused_on(scene, name), "everything to be resumed")

    async def gone() -> bool:
        return await scene.items(paths.works(name)) == []

    await scene.until(gone, "the works to be removed")


async def test_a_budget_is_read_and_never_created(scene: RealScene) -> None:
    """The work agent may create budgets, and the API server takes one without a spec."""
    await scene.fleet(
        count=1, version="4.16.3", updates=WORKERS, faults=(f"drain-blocked@{scene.label}-1",)
    )
    await scene.start(clock=ScaledTime(60))
    name = f"{scene.label}-1"
    path = openshift.BUDGETS
    (before,) = scene.real(name).server.api.request("GET", path)["items"]
    budgets = ["openshift-machine-api/database", "openshift-machine-api/not-there", "no/namespace"]
    update = fleet_update("budgets", scene.label, "Check", disruptionBudgets=budgets)
    await scene.apply(update)
    found = await ended(scene, "budgets", "Completed")
    (entry,) = found["clusters"]
    words = "will be blocked by the PodDisruptionBudget openshift-machine-api/database"
    assert words in entry["completedActions"][0]["message"]
    (after,) = scene.real(name).server.api.request("GET", path)["items"]
    assert after["spec"] == before["spec"]
    assert "ownerReferences" not in after["metadata"]
    items = scene.real(name).server.api.request("GET", openshift.COLLECTIONS[-1])["items"]
    assert [each["metadata"]["name"] for each in items] == ["database"]


async def test_a_cluster_goes_over_an_intermediate_release(scene: RealScene) -> None:
    """The worker stays paused for both hops, and the acks of both arrive."""
    workers = replace(WORKERS, troubles=("ack-required",))
    await scene.fleet(count=1, version="4.14.30", updates=workers)
    await scene.start(clock=ScaledTime(60))
    plan = ("Check Mirror", "Update", "Pools")
    update = {**TWO_MINORS, "pause": PAUSE}
    await scene.apply(fleet_update("eus", scene.label, *plan, **update))
    name = f"{scene.label}-1"

    def second_hop() -> bool:
        newest = version_on(scene, name)["status"]["history"][0]
        return bool(newest["version"] == "4.16.12")

    await scene.until(second_hop, "the second hop to begin")

    assert paused_on(scene, name) == {"canary", "worker", "/worker"}
    found = await ended(scene, "eus", "Completed")
    assert found["summary"]["succeeded"] == 1
    version = version_on(scene, name)
    versions = [each["version"] for each in version["status"]["history"]]
    assert versions == ["4.16.12", "4.15.20", "4.14.30"]
    wanted = version["spec"]["desiredUpdate"]
    assert (wanted["version"], wanted["image"], wanted["force"]) == ("4.16.12", NEW, False)

    assert paused_on(scene, name) == set()
