"""The Lifecycle Agent fails, waits or goes on where a cluster lacks something."""

import pytest

from ibgu.sim.faults import parse_defect
from ibgu.sim.spoke import IBU
from tests.sim.cluster_simulation import SEED, ClusterSimulation, stage_work

CONTENT = [{"name": "oadp-cm", "namespace": "openshift-adp"}]
OADP = "failed to validate IBU spec: failed to check oadp operator availability: "
STATEROOT = "job-name: lca-prep-stateroot-setup, job-namespace: openshift-lifecycle-agent"
UNHEALTHY = (
    "Waiting for system to stabilize before Prep stage can continue: one or more health checks "
    "failed: "
)


def lacking(*defects: str) -> ClusterSimulation:
    """A cluster with those defects that has its OADP content and is ready for Prep."""
    rules = tuple(parse_defect(text) for text in defects)
    return ClusterSimulation(defects=rules, delivered=("ConfigMap/openshift-adp/oadp-cm",))


def prepared(world: ClusterSimulation, *, content: bool = True) -> bool:
    """Asks for Prep, and returns whether it has ended within two hours."""
    world.put(stage_work("Prep", oadpContent=CONTENT) if content else stage_work("Prep"))
    return world.until(lambda: world.finished("Prep"))


@pytest.mark.parametrize(
    ("defect", "message"),
    [
        ("disk-full", f"stateroot setup job failed to complete. {STATEROOT}"),
        ("partition-missing", "container storage mountpoint target not found"),
        (
            "oadp-missing",
            f"{OADP}Please ensure OADP operator is installed in the openshift-adp",
        ),
        (
            "dpa-missing",
            f"{OADP}No DataProtectionApplication CR found in the openshift-adp",
        ),
    ],
)
def test_prep_fails_with_the_agents_message(defect: str, message: str) -> None:
    world = lacking(defect)
    assert prepared(world)
    assert world.outcome == "Prep failed"
    assert world.text("PrepInProgress") == message
    assert world.go("Idle")
    assert world.outcome == "Abort completed"


@pytest.mark.parametrize("defect", ["oadp-missing", "dpa-missing"])
def test_prep_without_oadp_content_needs_no_oadp(defect: str) -> None:
    world = lacking(defect)
    assert prepared(world, content=False)
    assert world.outcome == "Prep completed"


@pytest.mark.parametrize("defect", ["oadp-old", "lvms-old", "lso-and-lvms", "topology-wrong"])
def test_prep_completes_where_the_agent_does_not_look(defect: str) -> None:
    world = lacking(defect)
    assert prepared(world)
    assert world.outcome == "Prep completed"


@pytest.mark.parametrize(
    ("defect", "problem"),
    [
        ("dpa-failed", "dataProtectionApplication not reconciled"),
        (
            "backup-storage-unavailable",
            "backupStorageLocation dataprotectionapplication-1 not available",
        ),
    ],
)
def test_prep_waits_until_backups_can_be_stored(defect: str, problem: str) -> None:
    world = lacking(f"{defect}:1h")
    world.put(stage_work("Prep"))
    assert not world.until(lambda: world.finished("Prep"), 3500)
    assert world.text("PrepInProgress") == UNHEALTHY + problem
    assert world.until(lambda: world.finished("Prep"))
    assert world.outcome == "Prep completed"


def test_an_abort_ends_a_wait_for_backups() -> None:
    world = lacking("dpa-failed")
    assert not prepared(world)
    assert world.go("Idle")
    assert world.outcome == "Abort completed"


@pytest.mark.parametrize("defect", ["lca-missing", "lca-old"])
def test_without_an_agent_of_this_api_the_ibu_is_unknown(defect: str) -> None:
    world = lacking(defect)
    assert not prepared(world)
    assert world.of_manifest("Applied")["message"] == (
        'Failed to apply manifest: the server doesn\'t have a resource type "ImageBasedUpgrade"'
    )
    assert world.cluster.spoke.ibu is None


@pytest.mark.parametrize("defect", ["lca-missing", "lca-old"])
def test_an_agent_that_is_installed_later_begins(defect: str) -> None:
    world = lacking(f"{defect}:20m")
    assert prepared(world)
    assert world.outcome == "Prep completed"


def test_an_agent_that_does_not_run_leaves_the_stage_where_it_was() -> None:
    world = lacking("lca-stopped:2h")
    world.put(stage_work("Prep"))
    world.run(3600)
    assert world.applied
    assert world.conditions == [("Idle", "True", "Idle")]
    assert world.ibu["status"]["observedGeneration"] < world.ibu["metadata"]["generation"]
    assert world.until(lambda: world.finished("Prep"))
    assert world.outcome == "Prep completed"


def test_an_unfinished_upgrade_refuses_another_seed_until_it_is_aborted() -> None:
    world = lacking("upgrade-unfinished")
    world.put(stage_work("Prep"))
    world.run(60)
    assert "can not change spec.seedImageRef while ibu is in progress" in str(
        world.of_manifest("Applied")["message"]
    )
    assert world.ibu["status"]["validNextStages"] == ["Idle", "Upgrade"]
    assert world.ibu["spec"]["seedImageRef"]["version"] == "4.14.14"
    world.put(stage_work("Idle", seedImageRef=world.ibu["spec"]["seedImageRef"]))
    assert world.until(lambda: world.finished("Abort"))
    world.put(stage_work("Prep"))
    assert world.until(lambda: world.finished("Prep"))
    assert world.outcome == "Prep completed"


def test_an_unfinished_upgrade_can_be_continued() -> None:
    world = lacking("upgrade-unfinished")
    assert world.go("Upgrade")
    assert world.outcome == "Upgrade completed"
    assert world.cluster.lca.version == "4.14.14"


def test_an_unfinished_upgrade_without_an_agent_is_none() -> None:
    world = lacking("lca-missing", "upgrade-unfinished@spoke1")
    assert world.cluster.spoke.ibu is None


def test_a_rollback_does_not_wait_for_backups() -> None:
    world = ClusterSimulation()
    spec = {"stage": "Idle", "seedImageRef": SEED}
    world.cluster.spoke.update(IBU, {**world.ibu, "spec": spec}, world.now)
    assert world.go("Prep")
    assert world.go("Upgrade")
    world.cluster._set_defect("dpa-failed", True, world.now)
    assert world.go("Rollback")
    assert world.outcome == "Rollback completed"
