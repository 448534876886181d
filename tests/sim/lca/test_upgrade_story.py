"""A cluster through its stages: conditions in their order, history, versions, reboots."""

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.spoke import Key
from tests.sim.cluster_simulation import SEED, ClusterSimulation

PREPARED = [
    ("Idle", "False", "InProgress"),
    ("PrepInProgress", "False", "Completed"),
    ("PrepCompleted", "True", "Completed"),
]
UPGRADED = [
    *PREPARED,
    ("UpgradeInProgress", "False", "Completed"),
    ("UpgradeCompleted", "True", "Completed"),
]


def seeded(world: ClusterSimulation) -> ClusterSimulation:
    """Returns the object with the seed in the spec, as a first update from Idle brings it."""
    spoke = world.cluster.spoke
    spec = {"stage": "Idle", "seedImageRef": SEED}
    spoke.update(key_of_ibu(), {**world.ibu, "spec": spec}, world.now)
    return world


def key_of_ibu() -> Key:
    return Key("lca.openshift.io", "ImageBasedUpgrade", "", "upgrade")


def history(world: ClusterSimulation) -> list[tuple[str, bool, list[str]]]:
    """Stage, whether it is complete, its phases."""
    found = world.ibu["status"].get("history", [])
    return [
        (stage["stage"], "completionTime" in stage, [p["phase"] for p in stage.get("phases", [])])
        for stage in found
    ]


def texts(world: ClusterSimulation, stage: str, seconds: float = 7200.0) -> list[str]:
    """The messages of a stage's InProgress condition as they come."""
    said: list[str] = []

    def look() -> bool:
        ibu = world.cluster.spoke.ibu
        text = world.text(f"{stage}InProgress") if ibu is not None else ""
        if text and text not in said[-1:]:
            said.append(text)
        return world.finished(stage)

    world.until(look, seconds)
    return [text.split(": one or more")[0] for text in said]


def test_a_fresh_cluster_is_idle() -> None:
    world = ClusterSimulation()
    assert world.conditions == [("Idle", "True", "Idle")]
    assert world.ibu["status"]["validNextStages"] == ["Prep"]
    assert world.ibu["spec"] == {"stage": "Idle", "seedImageRef": {}}
    assert world.ibu["metadata"]["generation"] == 1
    assert "history" not in world.ibu["status"]


def test_prep_reports_each_phase() -> None:
    world = seeded(ClusterSimulation())
    world.cluster.set_stage("Prep", world.now)
    job = "job-namespace: openshift-lifecycle-agent"
    said = texts(world, "Prep")
    assert said[:4] == [
        "Waiting for system to stabilize before Prep stage can continue",
        "Successfully launched a new job for stateroot setup. job is nil",
        f"Stateroot setup job in progress. job-name: lca-prep-stateroot-setup, {job}",
        "Successfully launched a new job precache. job is nil",
    ]
    assert said[4] == (
        f"Precache job in progress. job-name: lca-prep-precache, {job}. "
        "No precache status file to read yet."
    )
    assert said[-1] == "Prep completed"
    assert world.conditions == PREPARED
    assert world.text("PrepCompleted") == "Prep stage completed successfully"
    assert world.ibu["status"]["validNextStages"] == ["Idle", "Upgrade"]
    assert history(world) == [("Prep", True, ["Stateroot", "Precache"])]


def test_first_answer_to_a_new_stage_has_the_old_conditions() -> None:
    world = seeded(ClusterSimulation())
    world.run(1)
    world.cluster.set_stage("Prep", world.now)
    status, meta = world.ibu["status"], world.ibu["metadata"]
    assert (meta["generation"], status["observedGeneration"]) == (3, 2)
    assert world.conditions == [("Idle", "True", "Idle")]
    world.run(0.1)
    assert world.ibu["status"]["observedGeneration"] == 3
    assert world.conditions[:2] == [
        ("Idle", "False", "InProgress"),
        ("PrepInProgress", "True", "InProgress"),
    ]


def test_upgrade_makes_a_new_ibu_after_the_pivot() -> None:
    world = seeded(ClusterSimulation())
    assert world.go("Prep")
    before = world.ibu["metadata"]
    assert world.go("Upgrade")
    after = world.ibu["metadata"]
    assert after["uid"] != before["uid"]
    assert after["generation"] == 1
    assert world.ibu["status"]["observedGeneration"] == 1
    assert world.conditions == UPGRADED
    assert world.ibu["status"]["validNextStages"] == ["Idle", "Rollback"]
    assert "rollbackAvailabilityExpiration" in world.ibu["status"]
    assert history(world)[1] == ("Upgrade", True, ["PrePivot", "PostPivot"])
    assert world.lca.node.version == "4.16.5"


def test_texts_of_an_upgrade_with_backups() -> None:
    world = seeded(ClusterSimulation(delivered=("ConfigMap/openshift-adp/oadp-cm",)))
    spoke = world.cluster.spoke
    spec = {**world.ibu["spec"], "oadpContent": [{"name": "oadp-cm", "namespace": "openshift-adp"}]}
    spoke.update(key_of_ibu(), {**world.ibu, "spec": spec}, world.now)
    world.go("Prep")
    world.cluster.set_stage("Upgrade", world.now)
    assert texts(world, "Upgrade") == [
        "In progress",
        "Backing up Application Data",
        "Backup of Application Data is in progress",
        "Exporting Application Configuration",
        "Exporting Policy and Config Manifests",
        "Exporting Cluster, LVM, and cert-manager configuration",
        "In progress",
        "Waiting for system to stabilize",
        "Applying Policy Manifests",
        "Applying Config Manifests",
        "Restoring Application Data",
        "Restore of Application Data is in progress",
        "Waiting for system to fully stabilize",
        "Upgrade completed",
    ]


def test_finalize_removes_the_history() -> None:
    world = seeded(ClusterSimulation())
    world.go("Prep")
    world.go("Upgrade")
    assert world.go("Idle")
    assert world.outcome == "Finalize completed"
    assert world.conditions == [("Idle", "True", "Idle")]
    status: JsonObject = world.ibu["status"]
    assert status["validNextStages"] == ["Prep"]
    assert "history" not in status
    assert "rollbackAvailabilityExpiration" not in status
    assert world.ibu["spec"]["seedImageRef"] == SEED
    assert world.lca.node.version == "4.16.5"


def test_rollback_and_its_finalize() -> None:
    world = seeded(ClusterSimulation())
    world.go("Prep")
    world.go("Upgrade")
    uid = world.ibu["metadata"]["uid"]
    assert world.go("Rollback")
    assert world.conditions == [
        *PREPARED,
        ("UpgradeInProgress", "False", "Failed"),
        ("UpgradeCompleted", "False", "Failed"),
        ("RollbackInProgress", "False", "Completed"),
        ("RollbackCompleted", "True", "Completed"),
    ]
    assert world.text("UpgradeCompleted") == "Rollback requested"
    assert world.ibu["status"]["validNextStages"] == ["Idle"]
    assert "rollbackAvailabilityExpiration" not in world.ibu["status"]
    assert world.ibu["metadata"]["uid"] != uid
    assert world.lca.node.version == "4.14.13"
    assert world.go("Idle")
    assert world.outcome == "Finalize completed"


def test_old_etcd_shows_the_old_ibu_until_it_is_restored() -> None:
    world = seeded(ClusterSimulation())
    world.go("Prep")
    old = world.ibu["metadata"]["uid"]
    world.go("Upgrade")
    world.cluster.set_stage("Rollback", world.now)
    assert world.until(lambda: world.ibu["metadata"]["uid"] == old)
    assert world.ibu["spec"]["stage"] == "Upgrade"
    assert world.cluster.spoke.connected
    assert world.until(lambda: world.ibu["metadata"]["uid"] != old)
    assert world.ibu["spec"]["stage"] == "Rollback"


def test_an_abort_returns_to_idle() -> None:
    world = seeded(ClusterSimulation())
    world.go("Prep")
    assert world.go("Idle")
    assert world.outcome == "Abort completed"
    assert world.conditions == [("Idle", "True", "Idle")]


def test_abort_waits_for_the_stateroot_job() -> None:
    world = seeded(ClusterSimulation(durations="field,stateroot=10m,abort=1m,health=0s-1s"))
    world.cluster.set_stage("Prep", world.now)
    world.run(60)
    asked = world.now
    assert world.go("Idle")
    assert 9.5 * 60 < world.now - asked < 10.5 * 60


def test_only_what_is_under_way_is_replaced() -> None:
    world = seeded(ClusterSimulation())
    world.cluster.set_stage("Prep", world.now)
    world.run(5)
    assert world.go("Idle")
    outcomes = [(run.stage, run.outcome) for run in world.cluster.timeline.runs]
    assert outcomes == [("Prep", "replaced"), ("Abort", "completed")]


def test_a_second_upgrade_after_the_first() -> None:
    world = seeded(ClusterSimulation())
    for stage in ("Prep", "Upgrade", "Idle"):
        assert world.go(stage)
    newer = {"image": "quay.io/seed/image:4.17.0-rc.1", "version": "4.17.0-rc.1"}
    spec = {"stage": "Prep", "seedImageRef": newer}
    world.cluster.spoke.update(key_of_ibu(), {**world.ibu, "spec": spec}, world.now)
    assert world.until(lambda: world.finished("Prep"))
    assert world.go("Upgrade")
    assert world.lca.node.version == "4.17.0-rc.1"


def test_deleted_when_idle_comes_back_fresh() -> None:
    world = seeded(ClusterSimulation())
    uid = world.ibu["metadata"]["uid"]
    world.cluster.delete_ibu(world.now)
    world.run(1)
    assert world.ibu["metadata"]["uid"] != uid
    assert world.ibu["spec"]["seedImageRef"] == {}


def test_deleted_in_mid_stage_comes_back_as_it_was() -> None:
    world = seeded(ClusterSimulation())
    world.cluster.set_stage("Prep", world.now)
    world.run(5)
    world.cluster.delete_ibu(world.now)
    world.run(1)
    assert world.ibu["spec"]["stage"] == "Prep"
    assert world.ibu["metadata"]["generation"] == 1
    assert world.until(lambda: world.finished("Prep"))
    assert world.conditions == PREPARED
