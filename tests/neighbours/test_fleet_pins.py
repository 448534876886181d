"""Images that are pinned before an update, on real work agents, with OpenShift's own CRDs on the
clusters' API servers."""

from typing import Any

from msgspec.structs import replace

from ibgu.core.model import names
from ibgu.hub import paths
from ibgu.sim.cluster_version import Updates
from tests.e2e.clock import ScaledTime
from tests.e2e.test_fleet_pins import IMAGES, RELEASE, SECOND, says
from tests.e2e.test_fleet_update import NEW, ended, fleet_update
from tests.neighbours import openshift
from tests.neighbours.scene import RealScene

WORKERS = Updates(
    operators=100, dark=0, nodes=30, workers=2, retry=(100, 120), flap=(0, 0), pull=2000
)


def pools_on(scene: RealScene, cluster: str) -> dict[str, dict[str, Any]]:
    found = scene.real(cluster).server.api.request("GET", openshift.COLLECTIONS[3])["items"]
    return {each["metadata"]["name"]: each for each in found}


def pins_on(scene: RealScene, cluster: str) -> list[dict[str, Any]]:
    return list(scene.real(cluster).server.api.request("GET", openshift.PINS)["items"])


async def test_all_nodes_have_the_images_and_nothing_stays_pinned(scene: RealScene) -> None:
    await scene.fleet(count=1, version="4.19.3", updates=WORKERS)
    name = f"{scene.label}-1"
    before = pools_on(scene, name)
    await scene.start(clock=ScaledTime(20))
    plan = ("Check Mirror PreCache", "Update")
    await scene.apply(fleet_update("pinned", scene.label, *plan, preCache=IMAGES, **RELEASE))
    await scene.until(lambda: len(pins_on(scene, name)) == 2, "the images to be pinned")
    for pin in pins_on(scene, name):
        assert [each["name"] for each in pin["spec"]["pinnedImages"]] == [NEW, SECOND]
    some = " of 5 nodes have the images (master: "
    await scene.until(lambda: says(scene, some), "the cluster to say how far it is")
    found = await ended(scene, "pinned", "Completed")
    assert found["summary"]["succeeded"] == 1
    assert pins_on(scene, name) == []
    after = pools_on(scene, name)
    for pool, each in after.items():
        assert each["metadata"]["uid"] == before[pool]["metadata"]["uid"]
        assert "ownerReferences" not in each["metadata"]
        assert "pinnedImageSets" not in each["spec"]


async def test_a_rollout_that_is_deleted_while_nodes_pull_leaves_nothing_pinned(
    scene: RealScene,
) -> None:
    await scene.fleet(count=1, version="4.19.3", updates=replace(WORKERS, pull=100_000))
    name = f"{scene.label}-1"
    await scene.start(clock=ScaledTime(20))
    await scene.apply(fleet_update("left", scene.label, "PreCache", preCache=IMAGES, **RELEASE))

    async def none() -> bool:
        return await says(scene, "0 of 5 nodes have the images")

    await scene.until(none, "the nodes to pull")
    await scene.kubectl("delete", "fleetupdate", "left")

    async def gone() -> bool:
        return await scene.items(paths.works(name), f"{names.PART}={names.JOB}") == []

    await scene.until(gone, "the work of the run to be removed")
    assert pins_on(scene, name) == []
    assert set(pools_on(scene, name)) == {"master", "worker"}
