"""The work agent's reports where something is missing on the cluster."""

import pytest

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.agent import AgentTiming
from ibgu.sim.spoke import Key
from tests.sim.agent.works import (
    applied,
)
from tests.sim.cluster_simulation import ClusterSimulation, stage_work


def test_a_missing_crd_is_reported_until_it_is_installed() -> None:
    world = ClusterSimulation("crd-missing:10m")
    world.put(stage_work("Prep"))
    world.run(300)
    assert applied(world) == (
        'Failed to apply manifest: the server doesn\'t have a resource type "ImageBasedUpgrade"'
    )
    meta = world.manifest()["resourceMeta"]
    assert (meta["resource"], meta["kind"], meta["name"]) == ("", "ImageBasedUpgrade", "upgrade")
    available = world.of_manifest("Available")
    assert (available["status"], available["reason"]) == ("Unknown", "IncompleteResourceMeta")
    assert available["message"] == "Resource meta is incomplete"
    assert world.until(lambda: world.applied and world.fed.get("stage") == "Prep", 1400)


def test_ibu_missing_and_no_agent() -> None:
    world = ClusterSimulation("ibu-missing")
    world.put(stage_work("Prep"))
    world.run(600)
    assert world.ibu["spec"]["stage"] == "Prep"
    assert "status" not in world.ibu
    assert world.fed["stage"] == "Prep"
    assert "observed" not in world.fed


def test_role_that_never_counts() -> None:
    world = ClusterSimulation("agent-without-rbac:20m")
    world.put(stage_work("Prep"))
    world.run(1000)
    assert "is forbidden" in applied(world)
    assert world.until(lambda: world.applied, 2000)


def test_a_missing_namespace_stops_only_its_own_manifest() -> None:
    world = ClusterSimulation("namespace-missing")
    good = config_map("good", "openshift-lifecycle-agent")
    bad = config_map("bad", "openshift-adp")
    world.put({"workload": {"manifests": [bad, good]}})
    world.run(5)
    assert world.condition("Applied")["status"] == "False"
    manifests = world.works["work"]["status"]["resourceStatus"]["manifests"]
    assert [m["conditions"][0]["message"] for m in manifests] == [
        'Failed to apply manifest: namespaces "openshift-adp" not found',
        "Apply manifest complete",
    ]
    assert world.cluster.spoke.get(Key("", "ConfigMap", "openshift-lifecycle-agent", "good"))


def config_map(name: str, namespace: str) -> JsonObject:
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "1"}}


@pytest.mark.parametrize("kind_order", [True, False])
def test_older_agents_apply_in_the_order_of_the_list(kind_order: bool) -> None:
    world = ClusterSimulation()
    world.cluster.agent.timing = AgentTiming(kind_order=kind_order)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new"}}
    made: list[str] = []
    create = world.cluster.spoke.create

    def record(manifest: JsonObject, now: float) -> JsonObject:
        made.append(manifest["kind"])
        return create(manifest, now)

    world.cluster.spoke.create = record  # type: ignore[method-assign]
    world.put({"workload": {"manifests": [config_map("a", "old"), namespace]}})
    world.run(0.5)
    first = ["Namespace", "ConfigMap"] if kind_order else ["ConfigMap", "Namespace"]
    assert made[:2] == first


@pytest.mark.parametrize(("early", "status"), [(1.0, "False"), (0.0, "True")])
def test_an_object_that_is_read_too_early_is_unavailable_until_the_next_poll(
    early: float, status: str
) -> None:
    """The apply after a restart reports nothing new, so nothing makes the agent read again."""
    world = ClusterSimulation()
    world.cluster.agent.timing = AgentTiming(early_read=early, late_report=0.0)
    meta = {"name": "oadp-cm", "namespace": "openshift-adp"}
    brought: JsonObject = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
    world.put({"workload": {"manifests": [brought]}})
    world.run(5)
    assert world.condition("Available")["status"] == "True"
    world.cluster.go_dark()
    world.run(1)
    world.cluster.delete(brought, world.now)
    world.cluster.come_back()
    world.run(30)
    assert world.cluster.spoke.get(Key("", "ConfigMap", "openshift-adp", "oadp-cm"))
    assert world.condition("Available")["status"] == status
    world.run(114)
    assert world.condition("Available")["status"] == "True"
