"""Every failure of the catalogue strikes where it should, with LCA's own message."""

from datetime import datetime

import pytest

from ibgu.sim.faults import CATALOGUE, FaultPoint
from ibgu.sim.lca.record import CLEANUP_DONE, TRIGGER
from ibgu.sim.spoke import IBU
from tests.sim.cluster_simulation import SEED, ClusterSimulation


def at(stage: str, *faults: str) -> ClusterSimulation:
    """A cluster that is ready for that stage."""
    world = ClusterSimulation(*faults)
    given = {"stage": "Idle", "seedImageRef": SEED}
    world.cluster.spoke.update(IBU, {**world.ibu, "spec": given}, world.now)
    for before in ("Prep", "Upgrade", "Rollback"):
        if before == stage:
            return world
        world.go(before)
    return world


def of(stage: str) -> list[str]:
    return [name for name, fault in CATALOGUE.items() if fault.stage == stage and "." in name]


@pytest.mark.parametrize("name", of("Prep"))
def test_each_prep_fault_fails_with_its_message(name: str) -> None:
    world = at("Prep", name)
    assert world.go("Prep")
    expected = (
        CATALOGUE[name]
        .message.replace("{version}", "4.16.5")
        .replace("{current}", "4.14.13")
        .replace("{image}", SEED["image"])
    )
    assert world.outcome == "Prep failed"
    assert world.conditions[-2:] == [
        ("PrepCompleted", "False", "Failed"),
        ("PrepInProgress", "False", "Failed"),
    ]
    assert world.text("PrepCompleted") == "Prep failed"
    assert world.text("PrepInProgress") == expected
    assert world.ibu["status"]["validNextStages"] == ["Idle"]
    assert "completionTime" not in world.ibu["status"].get("history", [{}])[-1]
    assert world.go("Idle")
    assert world.outcome == "Abort completed"


@pytest.mark.parametrize("name", of("Upgrade"))
def test_each_upgrade_fault_fails_with_its_message(name: str) -> None:
    world = at("Upgrade", name)
    assert world.go("Upgrade")
    assert world.outcome == "Upgrade failed"
    assert world.conditions[-2:] == [
        ("UpgradeCompleted", "False", "Failed"),
        ("UpgradeInProgress", "False", "Failed"),
    ]
    message = CATALOGUE[name].message.replace("{monitor}", "30m0s")
    assert world.text("UpgradeInProgress") == message
    assert world.ibu["spec"]["stage"] == "Upgrade"
    assert world.ibu["status"]["validNextStages"] == ["Idle"]
    assert "rollbackAvailabilityExpiration" not in world.ibu["status"]
    assert world.lca.node.version == "4.14.13"
    rebooted = CATALOGUE[name].where in (
        FaultPoint.NEW_BOOT,
        FaultPoint.MONITOR,
        FaultPoint.SETTLED,
    )
    assert (world.ibu["metadata"]["generation"] == 1) == rebooted
    assert world.go("Idle")
    assert world.outcome == "Abort completed"


@pytest.mark.parametrize("name", of("Rollback"))
def test_rollback_is_terminal(name: str) -> None:
    world = at("Rollback", name)
    assert world.go("Rollback")
    assert world.outcome == "Rollback failed"
    assert world.text("RollbackInProgress") == CATALOGUE[name].message
    assert world.text("RollbackCompleted") == "Rollback failed"
    assert "validNextStages" not in world.ibu["status"]
    world.cluster.delete_ibu(world.now)
    world.run(1)
    assert world.conditions == [("Idle", "True", "Idle")]


@pytest.mark.parametrize("name", of("Idle"))
@pytest.mark.parametrize("after", ["Prep", "Upgrade"])
def test_failed_clean_up_waits_for_the_annotation(name: str, after: str) -> None:
    world = at("Upgrade", name)
    if after == "Upgrade":
        world.go("Upgrade")
    world.go("Idle")
    reason = "AbortFailed" if after == "Prep" else "FinalizeFailed"
    assert world.conditions[-1] == ("Idle", "False", reason)
    assert world.text("Idle") == CATALOGUE[name].message
    assert "validNextStages" not in world.ibu["status"]
    world.run(1200)
    assert world.conditions[-1] == ("Idle", "False", reason)
    before, said = world.now, set[str]()

    def idle() -> bool:
        said.add(world.conditions[-1][2])
        return world.conditions == [("Idle", "True", "Idle")]

    world.cluster.edit_ibu(world.now, annotations={CLEANUP_DONE: ""})
    assert world.until(idle)
    assert CLEANUP_DONE not in world.ibu["metadata"]["annotations"]
    # The agent reacts at once, and an abort shows the old failure until it has succeeded.
    assert world.now - before < 200
    assert said <= {reason, "Finalizing", "Idle"}


def test_a_failure_behind_the_pivot_without_automatic_rollback() -> None:
    world = at("Upgrade", "upgrade.restore")
    off = {
        f"auto-rollback-on-failure.lca.openshift.io/{switch}": "Disabled"
        for switch in ("upgrade-completion", "init-monitor")
    }
    world.cluster.edit_ibu(world.now, annotations=off)
    assert world.go("Upgrade")
    assert world.text("UpgradeInProgress") == "Failed restore CRs: app-data"
    assert world.ibu["status"]["validNextStages"] == ["Rollback"]
    assert world.lca.node.version == "4.16.5"
    world.run(7200)
    assert world.ibu["status"]["validNextStages"] == ["Rollback"]
    assert world.go("Rollback")
    assert world.outcome == "Rollback completed"
    assert world.lca.node.version == "4.14.13"


def test_the_init_monitor_still_rolls_back_what_has_failed_there() -> None:
    world = at("Upgrade", "upgrade.restore")
    switch = "auto-rollback-on-failure.lca.openshift.io/upgrade-completion"
    world.cluster.edit_ibu(world.now, annotations={switch: "Disabled"})
    assert world.go("Upgrade")
    assert world.ibu["status"]["validNextStages"] == ["Rollback"]
    text = "Rollback due to LCA Init Monitor timeout, after 30m0s"
    assert world.until(
        lambda: world.cluster.spoke.ibu is not None and world.text("UpgradeInProgress") == text
    )
    assert world.ibu["status"]["validNextStages"] == ["Idle"]
    assert world.lca.node.version == "4.14.13"


def test_monitor_timeout_of_the_spec() -> None:
    world = ClusterSimulation("upgrade.init-monitor", scale=0.1)
    given = {
        "stage": "Idle",
        "seedImageRef": SEED,
        "autoRollbackOnFailure": {"initMonitorTimeoutSeconds": 3725},
    }
    world.cluster.spoke.update(IBU, {**world.ibu, "spec": given}, world.now)
    world.go("Prep")
    world.go("Upgrade")
    text = "Rollback due to LCA Init Monitor timeout, after 1h2m5s"
    assert world.text("UpgradeInProgress") == text
    run = world.cluster.timeline.runs[-1]
    assert run.seconds is not None
    assert run.seconds > 372.5


@pytest.mark.parametrize(
    ("name", "switch"),
    [
        ("upgrade.init-monitor", "init-monitor"),
        ("upgrade.recert", "post-reboot-config"),
    ],
)
def test_automatic_rollback_can_be_switched_off(name: str, switch: str) -> None:
    world = at("Upgrade", name)
    key = f"auto-rollback-on-failure.lca.openshift.io/{switch}"
    world.cluster.edit_ibu(world.now, annotations={key: "Disabled"})
    assert not world.go("Upgrade", seconds=7200)
    assert world.conditions[-1] == ("UpgradeInProgress", "True", "InProgress")
    assert world.ibu["status"]["validNextStages"] == ["Rollback"]
    assert world.go("Rollback")
    assert world.outcome == "Rollback completed"


def test_health_wait_that_never_ends() -> None:
    world = at("Prep", "hangs")
    assert not world.go("Prep", seconds=86400)
    assert world.text("PrepInProgress").startswith("Waiting for system to stabilize before Prep")
    assert world.go("Idle")


def test_a_late_success_completes_after_the_delay() -> None:
    world = at("Upgrade", "late-success:1h")
    assert world.go("Upgrade", seconds=7200)
    run = world.cluster.timeline.runs[-1]
    assert run.outcome == "completed"
    assert run.seconds == pytest.approx(3660, abs=1)


def test_a_node_that_never_returns() -> None:
    world = at("Upgrade", "never-returns")
    assert not world.go("Upgrade", seconds=86400)
    assert not world.cluster.connected


def test_a_node_that_returns_late() -> None:
    world = at("Upgrade", "returns-late:30m")
    assert world.go("Upgrade")
    run = world.cluster.timeline.runs[-1]
    assert run.seconds == pytest.approx(1860, abs=1)
    began, ended = world.cluster.timeline.dark[-1]
    assert ended is not None
    assert ended - began > 1800


def test_blocked_before_the_stage() -> None:
    world = at("Prep", "blocked:5m")
    world.cluster.set_stage("Prep", world.now)
    world.run(60)
    assert world.conditions == [("Idle", "True", "Idle"), ("PrepInProgress", "False", "Blocked")]
    assert world.text("PrepInProgress") == "IPC is not idle"
    assert world.ibu["status"]["validNextStages"] == ["Prep"]
    assert world.until(lambda: world.finished("Prep"))
    assert world.outcome == "Prep completed"


def test_busy_from_the_beginning() -> None:
    world = ClusterSimulation("busy:5m")
    assert world.conditions == [("Idle", "False", "Blocked")]
    world.run(301)
    assert world.conditions == [("Idle", "True", "Idle")]


def test_a_hand_takes_it_back() -> None:
    world = at("Prep", "hand")
    world.cluster.set_stage("Prep", world.now)
    assert world.until(lambda: world.finished("Abort"))
    assert [run.stage for run in world.cluster.timeline.runs] == ["Prep", "Abort"]


def test_a_fault_may_strike_only_once() -> None:
    world = at("Prep", "prep.precache*1")
    world.go("Prep")
    assert world.outcome == "Prep failed"
    world.go("Idle")
    world.go("Prep")
    assert world.outcome == "Prep completed"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"seedImageRef": {"version": "4.17", "image": "x"}},
            "failed to parse seed version 4.17: ",
        ),
        (
            {"seedImageRef": {"version": "4.14.13", "image": "x"}},
            "seed OCP version (4.14.13) must be higher than current OCP version (4.14.13)",
        ),
        (
            {"seedImageRef": {"version": "4.14.13-rc.1", "image": "x"}},
            "seed OCP version (4.14.13-rc.1) must be higher than",
        ),
        (
            {"seedImageRef": {**SEED, "pullSecretRef": {"name": "pull"}}},
            'failed to retrieve pull-secret from secret pull, err: secrets "pull" not found',
        ),
        (
            {"seedImageRef": SEED, "oadpContent": [{"name": "cm", "namespace": "openshift-adp"}]},
            'OADP configmap not found, error: configmaps "cm" not found',
        ),
        (
            {"seedImageRef": SEED, "extraManifests": [{"name": "cm", "namespace": "x"}]},
            'the extraManifests configMap is not found, error: configmaps "cm" not found',
        ),
    ],
)
def test_prep_refuses_invalid_seeds(spec: dict[str, object], message: str) -> None:
    world = ClusterSimulation()
    given = {"stage": "Prep", **spec}
    world.cluster.spoke.update(IBU, {**world.ibu, "spec": given}, world.now)
    assert world.until(lambda: world.finished("Prep"))
    assert message in world.text("PrepInProgress")


def test_a_pull_secret_without_its_key_is_refused() -> None:
    world = ClusterSimulation()
    meta = {"name": "pull", "namespace": "openshift-lifecycle-agent"}
    old = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {".dockercfg": "e30="}}
    world.cluster.spoke.create(old, world.now)
    given = {"stage": "Prep", "seedImageRef": {**SEED, "pullSecretRef": {"name": "pull"}}}
    world.cluster.spoke.update(IBU, {**world.ibu, "spec": given}, world.now)
    assert world.until(lambda: world.finished("Prep"))
    assert "did not find key .dockerconfigjson in Secret pull" in world.text("PrepInProgress")


def test_delivered_content_is_found() -> None:
    world = ClusterSimulation(delivered=("ConfigMap/x/cm", "Secret/openshift-lifecycle-agent/pull"))
    given = {
        "stage": "Prep",
        "seedImageRef": {**SEED, "pullSecretRef": {"name": "pull"}},
        "extraManifests": [{"name": "cm", "namespace": "x"}],
    }
    world.cluster.spoke.update(IBU, {**world.ibu, "spec": given}, world.now)
    assert world.until(lambda: world.finished("Prep"))
    assert world.outcome == "Prep completed"


def test_a_stage_that_slipped_past_admission_is_refused_by_the_agent() -> None:
    world = ClusterSimulation()
    bare = {k: v for k, v in world.ibu.items() if k != "status"}
    world.cluster.spoke.objects[IBU] = bare
    world.cluster.set_stage("Rollback", world.now)
    world.cluster.spoke.write_status(
        IBU, {"conditions": [{"type": "Idle", "status": "True", "reason": "Idle"}]}, world.now
    )
    world.run(1)
    assert world.conditions[-1] == ("RollbackInProgress", "False", "InvalidTransition")
    assert world.text("RollbackInProgress") == "Upgrade not started or already finalized"


def test_crd_taken_away_in_mid_stage() -> None:
    world = at("Prep")
    world.cluster.set_stage("Prep", world.now)
    world.run(5)
    world.cluster.spoke.missing_kinds = {IBU.kind}
    world.cluster.delete_ibu(world.now)
    world.run(60)
    assert world.cluster.spoke.ibu is None
    assert not world.lca.installed


def test_trigger_annotation_makes_it_reconcile() -> None:
    world = ClusterSimulation()
    world.run(1)
    world.cluster.spoke.write_status(IBU, {"conditions": []}, world.now)
    world.run(60)
    assert world.conditions == []
    world.cluster.edit_ibu(world.now, annotations={TRIGGER: "now"})
    world.run(1)
    assert world.conditions == [("Idle", "True", "Idle")]


WARNING = "extra-manifest.lca.openshift.io/validation-warning"


def test_a_prep_that_warns_completes() -> None:
    world = at("Prep", "validation-warning")
    assert world.go("Prep")
    words = world.text("PrepCompleted")
    assert words.startswith("Prep stage completed with extramanifests validation warning.")
    assert world.ibu["metadata"]["annotations"][WARNING].endswith("CRD not deployed on cluster")
    assert world.go("Idle")
    assert WARNING not in (world.ibu["metadata"].get("annotations") or {})


@pytest.mark.parametrize(
    ("faults", "seconds"), [((), 30 * 86400), (("certificates-expire:2h",), 7200)]
)
def test_the_rollback_deadline_follows_the_certificates(
    faults: tuple[str, ...], seconds: float
) -> None:
    world = at("Upgrade", *faults)
    assert world.go("Upgrade")
    until = datetime.fromisoformat(world.ibu["status"]["rollbackAvailabilityExpiration"])
    booted = world.cluster.timeline.dark[-1]
    assert booted[0] < until.timestamp() - seconds < world.now
