from ibgu.core.model.kinds import JsonObject
from ibgu.sim.spoke import Key
from tests.sim.cluster_simulation import ROLE, ClusterSimulation, stage_work

ROLE_KEY = Key("rbac.authorization.k8s.io", "ClusterRole", "", ROLE["metadata"]["name"])


def with_work(*faults: str, orphan: bool = True, name: str = "work") -> ClusterSimulation:
    world = ClusterSimulation(*faults)
    world.put(stage_work("Idle", orphan=orphan), name=name)
    world.run(5)
    return world


def map_work(name: str, orphan: bool = False) -> JsonObject:
    meta = {"name": name, "namespace": "x"}
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
    policy = "Orphan" if orphan else "Foreground"
    return {"workload": {"manifests": [manifest]}, "deleteOption": {"propagationPolicy": policy}}


def test_orphan_leaves_everything() -> None:
    world = with_work()
    uid, version = (world.ibu["metadata"][k] for k in ("uid", "resourceVersion"))
    world.remove()
    gone = world.now
    assert world.until(lambda: not world.works, 5)
    assert world.now - gone < 0.1
    assert world.ibu["metadata"]["uid"] == uid
    assert world.ibu["metadata"]["resourceVersion"] == version
    assert world.cluster.spoke.get(ROLE_KEY)


def test_a_terminating_work_has_the_deleting_condition() -> None:
    world = with_work()
    world.remove()
    world.until(lambda: not world.works, 5)
    last = world.history[-2][1]["status"]["conditions"][-1]
    assert (last["type"], last["reason"]) == ("Deleting", "WorkDeleting")


def test_foreground_deletes_what_it_alone_owns() -> None:
    world = with_work(orphan=False)
    world.put(map_work("a"), name="maps")
    world.run(5)
    world.remove("maps")
    world.run(5)
    assert world.cluster.spoke.get(Key("", "ConfigMap", "x", "a")) is None
    assert world.cluster.spoke.get(ROLE_KEY)


def test_a_foreign_foreground_work_takes_our_role_along_until_we_apply_again() -> None:
    world = with_work()
    world.put({"workload": {"manifests": [ROLE]}}, name="foreign")
    world.run(1)
    world.remove("foreign")
    assert world.until(lambda: world.cluster.spoke.get(ROLE_KEY) is None, 5)
    # No watch tells of it: the next poll does.
    assert world.until(
        lambda: world.of_manifest("Available", "ClusterRole")["status"] == "False", 120
    )
    world.run(400)
    assert world.cluster.spoke.get(ROLE_KEY)


def test_two_foreground_owners() -> None:
    world = ClusterSimulation()
    world.put(map_work("a"), name="one")
    world.put(map_work("a"), name="two")
    world.run(5)
    world.remove("one")
    world.run(5)
    assert world.cluster.spoke.get(Key("", "ConfigMap", "x", "a"))
    world.remove("two")
    world.run(5)
    assert world.cluster.spoke.get(Key("", "ConfigMap", "x", "a")) is None


def test_selective_orphaning_deletes_manifests_without_a_rule() -> None:
    world = ClusterSimulation()
    rule = {"group": "", "resource": "configmaps", "namespace": "x", "name": "kept"}
    option = {
        "propagationPolicy": "SelectivelyOrphan",
        "selectivelyOrphans": {"orphaningRules": [rule]},
    }
    manifests = [*(map_work(n)["workload"]["manifests"][0] for n in ("kept", "gone", "shared"))]
    world.put({"workload": {"manifests": manifests}, "deleteOption": option}, name="one")
    world.put(map_work("shared"), name="two")
    world.run(5)
    world.remove("one")
    world.run(5)
    found = {
        name: world.cluster.spoke.get(Key("", "ConfigMap", "x", name))
        for name in ("kept", "gone", "shared")
    }
    assert [name for name, there in found.items() if there] == ["kept", "shared"]


def test_a_manifest_that_leaves_a_foreground_work_is_deleted() -> None:
    world = ClusterSimulation()
    world.put(map_work("a"))
    world.run(5)
    world.put(map_work("b"))
    world.run(5)
    assert world.cluster.spoke.get(Key("", "ConfigMap", "x", "a")) is None
    assert world.cluster.spoke.get(Key("", "ConfigMap", "x", "b"))


def test_a_manifest_that_leaves_an_orphan_work_stays() -> None:
    world = ClusterSimulation()
    world.put(map_work("a", orphan=True))
    world.run(5)
    world.put(map_work("b", orphan=True))
    world.run(5)
    assert world.cluster.spoke.get(Key("", "ConfigMap", "x", "a"))


def test_while_dark_a_work_stays_terminating_and_takes_nothing_more() -> None:
    world = with_work()
    world.cluster.go_dark()
    world.run(1)
    world.remove()
    world.run(60)
    assert world.works["work"]["metadata"]["deletionTimestamp"]
    world.put(stage_work("Prep"))
    world.cluster.come_back()
    assert world.until(lambda: not world.works, 5)
    assert world.ibu["spec"]["stage"] == "Idle"


def test_a_stuck_finalizer() -> None:
    world = with_work("finalizer-stuck:10m")
    world.remove()
    world.run(300)
    assert "work" in world.works
    assert world.until(lambda: not world.works, 400)


def test_a_recreated_work_is_applied_from_the_beginning() -> None:
    world = with_work()
    world.remove()
    world.until(lambda: not world.works, 5)
    world.put(stage_work("Prep"), uid="another")
    assert world.until(lambda: world.finished("Prep"))


def test_writes_that_get_lost_are_made_again() -> None:
    world = ClusterSimulation()
    lost: list[int] = []
    world.lose = lambda patch: len(lost) < 5 and not lost.append(1)  # type: ignore[func-returns-value]
    world.put(stage_work("Prep", "r1"))
    assert world.until(lambda: world.applied and world.fed.get("run") == "r1", 60)
    assert len(lost) == 5


def test_conflicts_are_made_good_from_the_newest_version() -> None:
    world = with_work()
    world.put(stage_work("Prep", "r1"))
    unseen = {**world.works["work"]["metadata"], "resourceVersion": "999"}
    world.works["work"] = {**world.works["work"], "metadata": unseen}
    world.revision = 999
    assert world.until(lambda: world.applied and world.fed.get("run") == "r1", 60)
    assert "999" in {p.body["metadata"].get("resourceVersion") for _, p in world.patches}
