"""Update strategies: what each writes, and what it leaves alone."""

from tests.sim.agent.works import DISARMED, PREFIX, READ_ONLY, SSA, applied, disarmed, settled
from tests.sim.cluster_simulation import SEED, ClusterSimulation, config, stage_work


def test_a_disarmed_work_writes_nothing() -> None:
    world = ClusterSimulation()
    before = world.ibu["metadata"]["resourceVersion"]
    settled(disarmed(), world)
    assert world.ibu["metadata"]["resourceVersion"] == before
    assert world.fed["stage"] == "Idle"
    assert world.of_manifest("Available")["status"] == "True"


def test_a_probe_is_answered_at_once_whatever_the_poll() -> None:
    world = settled(disarmed())
    world.run(5)
    probing = disarmed()
    probing["manifestConfigs"] = [config(DISARMED, watch=False, paths={"probe-7": ".spec.stage"})]
    world.put(probing)
    asked = world.now
    assert world.until(lambda: world.applied and world.fed == {"probe-7": "Idle"}, 5)
    assert world.now - asked < 0.06


def test_disarming_leaves_the_stage_and_the_run() -> None:
    world = settled(stage_work("Prep", "r1"))
    world.put(disarmed())
    assert world.until(lambda: world.applied and world.fed["stage"] == "Prep", 5)
    assert world.fed["run"] == "r1"
    world.run(600)
    assert world.fed["PrepCompletedStatus"] == "True"


def test_a_disarmed_work_can_not_create_a_missing_ibu() -> None:
    world = settled(disarmed())
    old = world.fed
    world.cluster.lca.uninstall(world.now)
    world.run(1)
    world.put(stage_work("Disarmed", strategy=DISARMED, role=True))
    world.run(1)
    assert applied(world).startswith(f'{PREFIX}[spec.stage: Unsupported value: "Disarmed": ')
    assert world.of_manifest("Available")["reason"] == "ResourceNotAvailable"
    assert world.condition("Available")["message"] == "1 of 2 resources are not available"
    assert world.fed == old
    world.cluster.lca.install(world.now)
    assert world.until(lambda: world.applied and world.fed["uid"] != old["uid"], 60)


def test_update_replaces_the_spec_and_merges_annotations() -> None:
    manifests = [{"name": "a", "namespace": "b"}]
    world = settled(stage_work("Idle", extraManifests=manifests))
    assert world.ibu["spec"]["extraManifests"] == manifests
    world.cluster.edit_ibu(world.now, annotations={"theirs": "x"})
    world.put(stage_work("Idle", "r2"))
    world.run(1)
    assert "extraManifests" not in world.ibu["spec"]
    assert world.ibu["metadata"]["annotations"] == {"theirs": "x", "ibgu.dev/run": "r2"}


def test_update_of_an_equal_object_writes_nothing() -> None:
    world = settled(stage_work("Idle"))
    before = world.ibu["metadata"]["resourceVersion"]
    world.put(stage_work("Idle", strategy=SSA))
    world.run(1)
    world.put(stage_work("Idle"), labels={"a": "b"})
    world.run(1)
    assert world.ibu["metadata"]["resourceVersion"] == before


def test_server_side_apply_leaves_what_it_does_not_own() -> None:
    manifests = [{"name": "a", "namespace": "b"}]
    world = settled(stage_work("Idle", extraManifests=manifests))
    world.put(stage_work("Idle", strategy=SSA))
    world.run(1)
    assert world.ibu["spec"]["extraManifests"] == manifests


def test_server_side_apply_takes_away_what_it_owned() -> None:
    manifests = [{"name": "a", "namespace": "b"}]
    world = settled(stage_work("Idle", strategy=SSA, extraManifests=manifests))
    world.put(stage_work("Idle", strategy=SSA))
    world.run(1)
    assert "extraManifests" not in world.ibu["spec"]
    assert world.ibu["spec"]["seedImageRef"] == SEED


def test_server_side_apply_brings_a_field_once_that_the_cluster_takes_away() -> None:
    """The Lifecycle Agent removes an annotation; a second apply of the work does not restore it."""
    once = {"condition": "OnSpokeChange", "jsonPaths": [r".metadata.annotations.ibgu\.dev/run"]}
    strategy = {"type": "ServerSideApply", "serverSideApply": {"ignoreFields": [once]}}
    world = settled(stage_work("Idle", "r1", strategy=strategy))
    assert world.ibu["metadata"]["annotations"]["ibgu.dev/run"] == "r1"
    world.cluster.edit_ibu(world.now, annotations={"ibgu.dev/run": None})
    world.put(stage_work("Idle", "r1", strategy=strategy), labels={"a": "b"})
    world.run(1000)
    assert "ibgu.dev/run" not in world.ibu["metadata"]["annotations"]
    world.put(stage_work("Idle", "r2", strategy=strategy))
    world.run(1)
    assert world.ibu["metadata"]["annotations"]["ibgu.dev/run"] == "r2"


def test_server_side_apply_conflicts_wait_for_the_periodic_apply() -> None:
    world = settled(stage_work("Idle", strategy=SSA))
    other = {"type": "ServerSideApply", "serverSideApply": {"fieldManager": "work-agent-y"}}
    world.put(stage_work("Prep", strategy=other), name="second")
    world.run(30)
    second = world.works["second"]["status"]["resourceStatus"]["manifests"][1]["conditions"][0]
    assert second["message"] == (
        'Failed to apply manifest: Apply failed with 1 conflict: conflicts with "work-agent-x" '
        "using lca.openshift.io/v1: .spec.stage"
    )
    assert world.cluster.agent.works["second"].retries == 0


def test_read_only_reads_and_is_not_enforced() -> None:
    world = settled(stage_work("Prep"))
    world.put(stage_work("Prep", strategy=READ_ONLY))
    world.run(60)
    world.cluster.set_stage("Idle", world.now)
    world.run(1000)
    assert world.ibu["spec"]["stage"] == "Idle"
    assert world.fed["stage"] == "Idle"


def test_update_is_enforced_at_the_periodic_apply() -> None:
    world = settled(stage_work("Prep"))
    world.run(70)
    world.cluster.set_stage("Idle", world.now)
    world.run(100)
    assert world.ibu["spec"]["stage"] == "Idle"
    world.run(400)
    assert world.ibu["spec"]["stage"] == "Prep"


def test_read_only_and_the_ibu_missing_freezes_the_feedback() -> None:
    world = settled(stage_work("Idle"))
    world.put(stage_work("Idle", strategy=READ_ONLY))
    world.run(1)
    old = world.fed
    world.cluster.lca.uninstall(world.now)
    world.run(600)
    assert world.condition("Applied")["status"] == "True"
    assert world.of_manifest("Available")["reason"] == "ResourceNotAvailable"
    assert world.fed == old
    assert world.cluster.spoke.ibu is None
