"""Works for the tests of the work agent, and what came of them."""

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.agent import AgentTiming
from tests.sim.cluster_simulation import ROLE, ClusterSimulation, config, ibu

PREFIX = 'Failed to apply manifest: ImageBasedUpgrade.lca.openshift.io "upgrade" is invalid: '
DISARMED: JsonObject = {"type": "CreateOnly"}
READ_ONLY: JsonObject = {"type": "ReadOnly"}
SSA: JsonObject = {
    "type": "ServerSideApply",
    "serverSideApply": {"force": True, "fieldManager": "work-agent-x"},
}


def disarmed() -> JsonObject:
    manifest = {**ibu("Disarmed"), "spec": {"stage": "Disarmed"}}
    return {
        "workload": {"manifests": [ROLE, manifest]},
        "deleteOption": {"propagationPolicy": "Orphan"},
        "manifestConfigs": [config(DISARMED)],
    }


def quiet() -> ClusterSimulation:
    """Returns an agent without the races that it is made to show now and then."""
    world = ClusterSimulation()
    world.cluster.agent.timing = AgentTiming(early_read=0.0, late_report=0.0)
    return world


def applied(world: ClusterSimulation) -> str:
    return str(world.of_manifest("Applied").get("message", ""))


def settled(spec: JsonObject, world: ClusterSimulation | None = None) -> ClusterSimulation:
    world = world or ClusterSimulation()
    world.put(spec)
    assert world.until(lambda: world.applied and bool(world.fed), 60)
    world.run(0.1)
    return world
