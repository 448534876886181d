"""The work agent before, during and after the reboot into a new stateroot."""

from ibgu.sim.spoke import IBU, key_of
from ibgu.sim.spoke.admission import NOT_PERMITTED
from tests.sim.agent.works import settled
from tests.sim.cluster_simulation import ROLE, ClusterSimulation, stage_work


def test_after_the_pivot_the_role_comes_back_and_the_ibu_is_left_alone() -> None:
    world = settled(stage_work("Prep"))
    world.until(lambda: world.finished("Prep"))
    world.put(stage_work("Upgrade", "r2"))
    assert world.until(lambda: not world.cluster.connected)
    frozen = world.works["work"]
    assert world.applied
    uid = world.fed["uid"]
    assert world.until(lambda: world.cluster.connected)
    assert world.works["work"] == frozen
    seen = len(world.history)
    assert world.until(lambda: world.fed["uid"] != uid, 5)
    refused = [
        c
        for _, work in world.history[seen:]
        for c in work["status"]["conditions"]
        if c["type"] == "Applied" and c["status"] == "False"
    ]
    assert refused
    assert refused[0]["observedGeneration"] == 2
    assert world.until(lambda: world.applied, 5)
    assert (world.fed["generation"], world.fed["observed"]) == (1, 1)
    assert world.fed["run"] == "r2"
    assert "expires" in world.fed
    assert world.cluster.spoke.get(key_of(ROLE))


def test_hub_learns_of_the_new_version_when_the_cluster_is_back() -> None:
    world = settled(stage_work("Prep"))
    world.until(lambda: world.finished("Prep"))
    world.put(stage_work("Upgrade"))
    world.until(lambda: world.lca.node.version == "4.16.5")
    assert claim(world) == "4.14.13"
    world.until(lambda: world.finished("Upgrade"))
    world.run(1)
    assert claim(world) == "4.16.5"
    assert world.mc["metadata"]["labels"]["openshiftVersion"] == "4.16.5"


def claim(world: ClusterSimulation) -> str:
    claims = {c["name"]: c["value"] for c in world.mc["status"]["clusterClaims"]}
    return str(claims["version.openshift.io"])


def test_an_armed_rollback_is_refused_by_the_old_etcd_until_the_ibu_is_restored() -> None:
    world = ClusterSimulation(durations="60s,rollback-settle=30s")
    settled(stage_work("Prep"), world)
    world.until(lambda: world.finished("Prep"))
    world.put(stage_work("Upgrade"))
    world.until(lambda: world.finished("Upgrade"))
    world.put(stage_work("Rollback"))
    assert world.until(lambda: not world.cluster.connected)
    seen = len(world.history)
    assert world.until(lambda: world.finished("Rollback"))
    world.run(400)
    assert any(NOT_PERMITTED in str(work) for _, work in world.history[seen:])
    assert world.applied
    assert world.fed["RollbackCompletedStatus"] == "True"


def test_two_updates_while_dark_apply_only_the_last() -> None:
    world = settled(stage_work("Prep"))
    world.until(lambda: world.finished("Prep"))
    world.cluster.go_dark()
    world.run(1)
    world.put(stage_work("Upgrade"))
    world.run(30)
    assert world.condition("Applied")["observedGeneration"] == 1
    world.put(stage_work("Idle"))
    world.run(30)
    world.cluster.come_back()
    assert world.until(lambda: world.finished("Abort"))
    assert [run.stage for run in world.cluster.timeline.runs] == ["Prep", "Abort"]


def test_ibu_is_never_written_by_the_agents_restart() -> None:
    world = settled(stage_work("Idle"))
    before = world.cluster.spoke.objects[IBU]
    world.cluster.go_dark()
    world.run(30)
    world.cluster.come_back()
    world.run(30)
    assert world.cluster.spoke.objects[IBU] is before
