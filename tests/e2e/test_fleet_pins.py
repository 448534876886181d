"""Images that are pinned before an update, from end to end: a real hub, the controller, simulated
clusters of several nodes."""

import json
from typing import Any

from msgspec.structs import replace

from ibgu.hub import paths
from ibgu.sim.cluster import SimulatedCluster
from tests.e2e.clock import ScaledTime
from tests.e2e.harness import Scene
from tests.e2e.test_fleet_backup import troubled
from tests.e2e.test_fleet_update import NEW, QUICK, ended, fleet_update, kinds, labels

RELEASE = {"release": {"version": "4.20.1", "image": NEW}}
SECOND = f"quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:{'d' * 64}"
IMAGES = {"images": [NEW, SECOND]}
WORKERS = replace(QUICK, workers=2, dark=0, pull=120)


def pulled(cluster: SimulatedCluster) -> dict[str, int]:
    assert cluster.operator is not None
    return cluster.operator.pools.pins.pulled


async def says(scene: Scene, words: str) -> bool:
    """Returns whether the record of a cluster has the words now."""
    rows = await scene.journal("SELECT reason->>'message' AS words FROM members")
    return any(words in (row["words"] or "") for row in rows)


async def test_all_nodes_have_the_images_before_the_update(scene: Scene) -> None:
    await scene.fleet(count=2, version="4.19.3", updates=WORKERS)
    await scene.start(clock=ScaledTime(60))
    plan = ("Check Mirror PreCache", "Update")
    await scene.apply(fleet_update("pinned", scene.label, *plan, preCache=IMAGES, **RELEASE))
    some = " of 5 nodes have the images (master: "
    await scene.until(lambda: says(scene, some), "a cluster to say how far it is")
    found = await ended(scene, "pinned", "Completed")
    assert found["summary"]["succeeded"] == 2
    for number in (1, 2):
        cluster = scene.cluster(f"{scene.label}-{number}")
        assert pulled(cluster) == {"master": 3, "worker": 2}
        assert kinds(cluster).isdisjoint({"PinnedImageSet", "Job", "Namespace"})


async def test_clusters_that_can_not_get_the_images_say_why_and_the_others_go_on(
    scene: Scene,
) -> None:
    await scene.fleet(count=2, version="4.19.3", updates=WORKERS)
    full = scene.cluster(f"{scene.label}-2")
    scene.act(full.name, troubled("pins-without-space"))
    await scene.start(clock=ScaledTime(60))
    asked = fleet_update("full", scene.label, "PreCache", preCache=IMAGES, **RELEASE)
    asked["spec"]["plan"][0]["rolloutStrategy"]["timeout"] = 60
    await scene.apply(asked)
    found = await ended(scene, "full", "CompletedWithFailures")
    failed = next(each for each in found["clusters"] if each["name"] == full.name)
    assert "4 of 5 nodes have the images (master: 3 of 3, worker: 1 of 2)" in json.dumps(failed)
    assert found["summary"]["succeeded"] == 1
    assert "ibgu.dev/fleet-precache-failed" in await labels(scene, full.name)

    async def unpinned() -> bool:
        return "PinnedImageSet" not in kinds(full)

    await scene.until(unpinned, "the images to be unpinned")


async def test_an_older_cluster_gets_a_job_or_a_refusal_before_anything_is_made(
    scene: Scene,
) -> None:
    await scene.fleet(count=1, version="4.18.3", updates=replace(QUICK, workers=2, dark=0))
    await scene.start(clock=ScaledTime(60))
    ahead: dict[str, Any] = {**IMAGES, "image": NEW}
    await scene.apply(fleet_update("older", scene.label, "PreCache", preCache=ahead, **RELEASE))
    found = await ended(scene, "older", "CompletedWithFailures")
    (failed,) = found["clusters"]
    assert "from 4.19 on, pull images ahead to 5 nodes" in json.dumps(failed)
    cluster = scene.cluster(f"{scene.label}-1")
    assert cluster.operator is not None
    assert cluster.operator.jobs.made == []


async def test_a_rollout_that_is_deleted_while_nodes_pull_leaves_nothing_pinned(
    scene: Scene,
) -> None:
    await scene.fleet(count=1, version="4.19.3", updates=replace(WORKERS, pull=3600))
    cluster = scene.cluster(f"{scene.label}-1")
    await scene.start(clock=ScaledTime(60))
    await scene.apply(fleet_update("left", scene.label, "PreCache", preCache=IMAGES, **RELEASE))
    await scene.until(lambda: "PinnedImageSet" in kinds(cluster), "the images to be pinned")
    await scene.kubectl("delete", "fleetupdate", "left")

    async def gone() -> bool:
        return await scene.items(paths.works(cluster.name)) == []

    await scene.until(gone, "the works to be removed")
    assert "PinnedImageSet" not in kinds(cluster)
    assert "MachineConfigPool" in kinds(cluster)
