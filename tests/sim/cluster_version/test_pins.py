"""PinnedImageSets on a simulated cluster."""

from typing import Any

import pytest

from ibgu.core.drivers.cluster_version.precache import pins
from ibgu.core.model.kinds import PreCache
from ibgu.sim.cluster_version.objects import pool_key
from ibgu.sim.spoke import key_of
from tests.sim.cluster_version.updating import IMAGE, Updating

WORKERS: dict[str, Any] = {"workers": 2, "canaries": 1, "pull": 600}
MANIFESTS = pins(PreCache(images=[IMAGE]), "r1")


def pin(cluster: Updating) -> None:
    for manifest in MANIFESTS:
        cluster.spoke.create(manifest, cluster.world.now)


def shown(cluster: Updating, name: str) -> tuple[list[str], int, int]:
    """Returns the sets of the pool, and how many of how many nodes have their images."""
    found: Any = cluster.spoke.get(pool_key(name))
    (status,) = found["status"]["poolSynchronizersStatus"]
    listed = [each["name"] for each in found["spec"].get("pinnedImageSets", ())]
    assert found["metadata"]["generation"] == found["status"]["observedGeneration"]
    return listed, status["updatedMachineCount"], status["machineCount"]


def test_nodes_pull_the_images_of_the_sets_that_their_pool_selects() -> None:
    cluster = Updating(version="4.19.3", **WORKERS)
    assert shown(cluster, "worker") == ([], 2, 2)
    pin(cluster)
    cluster.run(1)
    # The nodes have not seen it yet.
    assert shown(cluster, "worker") == (["ibgu-pre-cache-r1.worker"], 2, 2)
    cluster.run(10)
    assert shown(cluster, "master") == (["ibgu-pre-cache-r1.master"], 0, 3)
    assert shown(cluster, "canary") == (["ibgu-pre-cache-r1.worker"], 0, 1)
    cluster.run(350)
    assert shown(cluster, "worker")[1:] == (1, 2)
    cluster.run(300)
    assert [shown(cluster, name)[1] for name in ("master", "worker", "canary")] == [3, 2, 1]
    for manifest in MANIFESTS:
        cluster.spoke.delete(key_of(manifest), cluster.world.now)
    cluster.run(10)
    assert shown(cluster, "worker") == ([], 2, 2)
    assert cluster.operator.pools.pins.pulled == {"master": 3, "worker": 2, "canary": 1}


@pytest.mark.parametrize(("workers", "last"), [(2, "worker"), (0, "master")])
def test_a_node_without_space_never_has_the_images(workers: int, last: str) -> None:
    cluster = Updating(version="4.20.1", workers=workers, troubles=("pins-without-space",))
    pin(cluster)
    cluster.run(7200)
    _, have, machines = shown(cluster, last)
    assert have == machines - 1
    cluster.operator.trouble("pins-without-space", False, cluster.world.now)
    cluster.run(100)
    assert shown(cluster, last)[1:] == (machines, machines)


def test_an_older_release_does_not_know_the_kind() -> None:
    cluster = Updating(version="4.18.9")
    assert not cluster.spoke.serves(key_of(MANIFESTS[0]))
    pool: Any = cluster.pool("master")
    assert "poolSynchronizersStatus" not in pool["status"]
    cluster.ask(version="4.19.1")
    assert cluster.until_state("Completed")
    assert cluster.spoke.serves(key_of(MANIFESTS[0]))
