from itertools import pairwise

from tests.sim.cluster_simulation import ClusterSimulation, stage_work

AVAILABLE = "ManagedClusterConditionAvailable"


def available(world: ClusterSimulation) -> tuple[str, str]:
    conditions = {c["type"]: c for c in world.mc["status"]["conditions"]}
    return conditions[AVAILABLE]["status"], conditions[AVAILABLE]["reason"]


def taints(world: ClusterSimulation) -> list[str]:
    return [taint["key"] for taint in world.mc["spec"].get("taints", [])]


def test_a_cluster_joins_the_hub() -> None:
    world = ClusterSimulation()
    world.run(1)
    assert available(world) == ("True", "ManagedClusterAvailable")
    assert {c["type"] for c in world.mc["status"]["conditions"]} == {
        "HubAcceptedManagedCluster",
        "ManagedClusterJoined",
        AVAILABLE,
    }
    assert world.mc["status"]["version"] == {"kubernetes": "v1.27.0"}
    assert world.mc["metadata"]["labels"]["name"] == "spoke1"
    assert taints(world) == []


def test_five_lease_times_of_darkness() -> None:
    world = ClusterSimulation()
    world.run(1)
    world.cluster.go_dark()
    world.run(220)
    assert available(world)[0] == "True"
    world.run(81)
    assert available(world) == ("Unknown", "ManagedClusterLeaseUpdateStopped")
    assert taints(world) == ["cluster.open-cluster-management.io/unreachable"]
    world.cluster.come_back()
    world.run(1)
    assert available(world)[0] == "True"
    assert taints(world) == []


def test_the_lease_is_on_the_time_scale() -> None:
    world = ClusterSimulation(scale=0.1)
    world.run(1)
    world.cluster.go_dark()
    world.run(31)
    assert available(world)[0] == "Unknown"


def test_a_short_reboot_is_never_seen_on_the_hub() -> None:
    world = ClusterSimulation(durations="200s")
    world.put(stage_work("Prep"))
    world.until(lambda: world.finished("Prep"))
    world.put(stage_work("Upgrade"))
    seen = set()

    def look() -> bool:
        seen.add(available(world)[0])
        return world.finished("Upgrade")

    assert world.until(look)
    assert seen == {"True"}
    assert world.cluster.timeline.dark


def test_offline_from_the_beginning() -> None:
    world = ClusterSimulation("offline:20m")
    world.put(stage_work("Prep"))
    world.run(600)
    assert available(world)[0] == "Unknown"
    assert "finalizers" not in world.works["work"]["metadata"]
    world.run(700)
    assert available(world)[0] == "True"
    assert world.applied


def test_a_flapping_lease_makes_the_cluster_unavailable_at_times() -> None:
    world = ClusterSimulation("flapping-lease:30m")
    world.put(stage_work("Prep"))
    seen: list[str] = []
    for _ in range(25):
        world.run(60)
        seen.append(available(world)[0])
    assert {"True", "Unknown"} <= set(seen)
    assert sum(a != b for a, b in pairwise(seen)) > 5
    assert world.finished("Prep")
    world.run(600)
    assert available(world)[0] == "True"


def test_outages_of_the_link_nest() -> None:
    world = ClusterSimulation()
    world.cluster.go_dark()
    world.cluster.go_dark()
    linked = []
    for _ in range(3):
        world.cluster.come_back()
        linked.append(world.cluster.connected)
    assert linked == [False, True, True]


def test_a_new_managed_cluster_gets_its_whole_status() -> None:
    world = ClusterSimulation()
    world.run(1)
    world.mc["status"] = {}
    world.cluster.registration.left("another")
    world.run(1)
    assert world.mc["status"] == {}
    world.cluster.registration.left("mc-1")
    world.run(1)
    assert world.mc["status"] == {}
    world.cluster.registration.joined("mc-2")
    world.run(1)
    assert available(world)[0] == "True"
    assert world.patches[-1][1].body["metadata"]["uid"] == "mc-2"
