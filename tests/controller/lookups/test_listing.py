"""The list of all ManagedClusters, from which steps take their members."""

import asyncio

from ibgu.controller.lookups.listing import Clusters
from ibgu.hub import paths
from ibgu.sim.hub import MemoryClient, MemoryHub
from tests.core.engine.state.records import NOW


async def test_a_malformed_cluster_keeps_no_step_of_the_hub_from_opening() -> None:
    hub = MemoryClient(MemoryHub(now=NOW.timestamp))
    for name, labels in (("site-1", {}), ("site-2", {"ring": 5}), ("site-3", {})):
        body = {
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {"name": name, "labels": labels},
        }
        await hub.request("POST", paths.MANAGED_CLUSTERS, body=body)
    async with asyncio.TaskGroup() as tasks:
        found = await Clusters(hub, tasks).listed()
    assert [each.metadata.name for each in found] == ["site-1", "site-3"]
