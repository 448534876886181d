"""A cluster with a cluster-version operator that boots into another stateroot."""

from ibgu.core.drivers.cluster_version.names import UPDATE_MANAGER
from ibgu.sim.cluster_version.objects import pool_key
from tests.sim.cluster_simulation import stage_work
from tests.sim.cluster_version.updating import IMAGE, OTHER, Updating


def upgraded(cluster: Updating) -> None:
    world = cluster.world
    world.put(stage_work("Prep", "r1"))
    assert world.until(lambda: world.finished("Prep"))
    world.put(stage_work("Upgrade", "r2"))
    assert world.until(lambda: world.finished("Upgrade"))


def test_a_new_stateroot_has_the_release_of_its_seed_and_can_be_updated() -> None:
    cluster = Updating(version="4.16.3")
    upgraded(cluster)
    seed = cluster.world.cluster.lca.version
    assert seed != "4.16.3"
    assert [each["version"] for each in cluster.history] == [seed]
    assert cluster.object["spec"]["clusterID"]
    major, minor, patch = seed.split(".")
    cluster.sign()
    cluster.ask(version=f"{major}.{minor}.{int(patch) + 1}")
    assert cluster.until_state("Completed")


def test_the_old_stateroot_comes_back_with_its_release_and_its_request() -> None:
    cluster = Updating("upgrade.init-monitor", version="4.16.3")
    cluster.ask()
    assert cluster.until_state("Completed")
    configuration = cluster.pool("master")["spec"]["configuration"]
    upgraded(cluster)
    assert cluster.world.outcome.startswith("Upgrade failed")
    assert cluster.history[0]["image"] == IMAGE
    assert cluster.condition("Progressing")[0] == "False"
    assert cluster.pool("master")["spec"]["configuration"] == configuration
    cluster.sign("c" * 64)
    cluster.ask(OTHER, "4.16.13")
    assert cluster.until_state("Completed", OTHER)


def test_a_request_refused_before_an_upgrade_is_retried_after_the_way_back() -> None:
    cluster = Updating("upgrade.init-monitor", signed=False)
    cluster.ask()
    assert cluster.until("ReleaseAccepted", "False")
    upgraded(cluster)
    refused = len(cluster.operator.timeline.refusals)
    cluster.run(600)
    assert len(cluster.operator.timeline.refusals) > refused


def test_the_timeline_has_who_asked_for_what_and_what_came_of_it() -> None:
    cluster = Updating(signed=False)
    cluster.mark(**{"ibgu.dev/run": "r7"})
    cluster.ask(manager=UPDATE_MANAGER)
    assert cluster.until("ReleaseAccepted", "False")
    cluster.sign()
    assert cluster.until_state("Completed")
    timeline = cluster.operator.timeline
    (request,), (update,) = timeline.requests, timeline.updates
    assert (request.image, request.managers, request.run) == (
        IMAGE,
        frozenset({UPDATE_MANAGER}),
        "r7",
    )
    assert (update.image, update.run) == (IMAGE, "r7")
    assert timeline.refusals[0][1] == IMAGE
    assert request.at < timeline.refusals[0][0] < update.started < (update.completed or 0.0)


def test_a_pool_without_nodes_follows_what_is_written_of_it() -> None:
    cluster = Updating()
    pool = cluster.pool("worker")
    paused = {**pool, "spec": {**pool["spec"], "paused": True}}
    cluster.spoke.update(pool_key("worker"), paused, cluster.world.now)
    cluster.run(1)
    pool = cluster.pool("worker")
    assert pool["status"]["observedGeneration"] == pool["metadata"]["generation"] == 2
