"""Clusters that no plan takes further go on by a second IBGU (R45)."""

import pytest

from ibgu.sim.lca.record import CLEANUP_DONE
from tests.e2e.harness import Scene, actions
from tests.e2e.manifests import Object, ibgu, step

_SWITCH = "auto-rollback-on-failure.lca.openshift.io/"
STAYS = {
    f"{_SWITCH}upgrade-completion": "Disabled",
    f"{_SWITCH}init-monitor": "Disabled",
    "ibgu.dev/circuit-breaker": "off",
}
CONFIRMED = {"ibgu.dev/manual-cleanup-done": "alice 2026-11-23: deleted backups and stateroots"}
ARMED = ("after:RunIntended", "after:RunArming", "sent:RunArming", "after:RunAccepted")


def of_failed_upgrades(name: str, *plan: Object, fleet: str) -> Object:
    made = ibgu(name, *plan, fleet=fleet)
    failed = {"key": "lcm.openshift.io/ibgu-upgrade-failed", "operator": "Exists"}
    made["spec"]["clusterLabelSelectors"][0]["matchExpressions"] = [failed]
    return made


async def test_a_cluster_that_failed_after_the_pivot_is_rolled_back(scene: Scene) -> None:
    healthy, stays, back = (f"{scene.label}-{number}" for number in (1, 2, 3))
    await scene.fleet(count=3, faults=[f"upgrade.restore@{stays}", f"upgrade.backup@{back}"])
    await scene.start()
    upgrade = (step("Prep"), step("Upgrade"))
    await scene.apply(ibgu("up", *upgrade, fleet=scene.label, annotations=STAYS))
    await scene.completed("up")
    (failed,) = (await scene.entry("up", stays))["failedActions"]
    known = "UpgradeFailedAfterPivot (RestoreFailedAfterPivot)"
    assert failed["message"] == f"{known}: Failed restore CRs: app-data"

    await scene.apply(ibgu("plain", step("Rollback"), fleet=scene.label))
    status = await scene.completed("plain")
    assert [entry["name"] for entry in status["clusters"]] == [healthy]

    plan = (step("Rollback"), step("FinalizeRollback"))
    await scene.apply(of_failed_upgrades("back", *plan, fleet=scene.label))
    await scene.completed("back")
    assert actions(await scene.entry("back", stays), "completed") == [
        "Rollback",
        "FinalizeRollback",
    ]
    assert scene.stages(stays) == ["Prep", "Upgrade", "Rollback", "Finalize"]
    assert await scene.labels(stays) == {}
    assert not any("auto-import" in key for key in await scene.annotations(stays))
    (failed,) = (await scene.entry("back", back))["failedActions"]
    assert failed["message"].startswith("WrongState: ")
    assert failed["message"].endswith("it runs its former release, Abort can follow")
    assert scene.stages(back) == ["Prep", "Upgrade"]


@pytest.mark.parametrize("death", ["", *ARMED])
async def test_an_abort_runs_again_after_a_clean_up_by_hand(scene: Scene, death: str) -> None:
    await scene.fleet(count=3, faults=["idle.backups"])
    await scene.start()
    await scene.apply(ibgu("up", step("Prep"), step("Abort"), fleet=scene.label))
    await scene.completed("up")
    await scene.stop()
    await scene.apply(ibgu("cleaned", step("Abort"), fleet=scene.label, annotations=CONFIRMED))
    if death:
        await scene.killed(await scene.victim(death))
    await scene.start()
    status = await scene.completed("cleaned")
    assert [actions(entry, "completed") for entry in status["clusters"]] == [["Abort"]] * 3
    for entry in status["clusters"]:
        cluster = entry["name"]
        assert scene.stages(cluster) == ["Prep", "Abort", "Abort"]
        assert await scene.labels(cluster) == {}
        ibu = scene.cluster(cluster).spoke.ibu
        assert ibu is not None
        assert CLEANUP_DONE not in ibu["metadata"]["annotations"]
    await scene.seen_in_journal("ControlAccepted")
    [said] = await scene.journal(
        "select why, actor, data from events where kind = 'ControlAccepted' and why like $1",
        "ibgu.dev/manual-cleanup-done=%",
    )
    assert "alice 2026-11-23: deleted backups and stateroots" in said["why"]
    assert said["actor"]


async def test_a_cluster_that_did_not_fail_to_clean_up_hears_of_no_clean_up_by_hand(
    scene: Scene,
) -> None:
    """The rollout that says so also takes a cluster which is prepared: it would keep the word for a
    failure to come."""
    stuck, prepared = (f"{scene.label}-{number}" for number in (1, 2))
    await scene.fleet(count=2, faults=[f"idle.backups@{stuck}"])
    await scene.start()
    await scene.apply(ibgu("up", step("Prep"), step("Abort"), fleet=scene.label))
    await scene.completed("up")
    off = {"ibgu.dev/circuit-breaker": "off"}
    await scene.apply(ibgu("again", step("Prep"), fleet=scene.label, annotations=off))
    await scene.completed("again")
    await scene.apply(ibgu("cleaned", step("Abort"), fleet=scene.label, annotations=CONFIRMED))
    status = await scene.completed("cleaned")
    assert [actions(entry, "completed") for entry in status["clusters"]] == [["Abort"]] * 2
    assert scene.stages(stuck) == ["Prep", "Abort", "Abort"]
    assert scene.stages(prepared) == ["Prep", "Abort", "Prep", "Abort"]
    for cluster in (stuck, prepared):
        ibu = scene.cluster(cluster).spoke.ibu
        assert ibu is not None
        assert CLEANUP_DONE not in ibu["metadata"]["annotations"]


async def test_a_finalize_runs_again_after_a_clean_up_by_hand(scene: Scene) -> None:
    await scene.fleet(count=2, faults=["idle.stateroots"])
    await scene.start()
    await scene.apply(ibgu("up", step("Prep", "Upgrade", "FinalizeUpgrade"), fleet=scene.label))
    await scene.completed("up")
    again = step("FinalizeUpgrade")
    await scene.apply(ibgu("plain", again, fleet=scene.label))
    status = await scene.completed("plain")
    assert {entry["failedActions"][0]["message"].split(":")[0] for entry in status["clusters"]} == {
        "FinalizeFailed (StaterootsNotRemoved)"
    }
    await scene.apply(ibgu("cleaned", again, fleet=scene.label, annotations=CONFIRMED))
    status = await scene.completed("cleaned")
    assert [actions(each, "completed") for each in status["clusters"]] == [["FinalizeUpgrade"]] * 2
    assert await scene.labels(f"{scene.label}-1") == {}
