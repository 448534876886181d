"""Failures before and after the pivot, and what a cluster refuses, on real work agents."""

from tests.e2e.clock import ScaledTime
from tests.e2e.harness import Scene, actions
from tests.e2e.manifests import ibgu, step
from tests.e2e.test_failures import (
    CIRCUIT_BREAKER_OFF,
    expect,
    test_a_refused_field_is_named,
    test_a_refused_payload_arms_nothing,
    test_clusters_without_a_lifecycle_agent,
)
from tests.neighbours.scene import RealScene

__all__ = [
    "test_a_refused_field_is_named",
    "test_a_refused_payload_arms_nothing",
    "test_clusters_without_a_lifecycle_agent",
]

NO_WAY_BACK = "auto-rollback-on-failure.lca.openshift.io/post-reboot-config"


def uid(scene: RealScene, cluster: str) -> str:
    found = scene.real(cluster).spoke.ibu
    assert found is not None
    return str(found["metadata"]["uid"])


async def test_failures_around_the_pivot(scene: RealScene) -> None:
    """One fails before the reboot, one in the new release, one when its data is restored: the last
    two come back by themselves, and all three may be aborted."""
    before, settling, restoring = (f"{scene.label}-{number}" for number in (1, 2, 3))
    faults = {
        before: "upgrade.reboot",
        settling: "upgrade.service-unit",
        restoring: "upgrade.restore",
    }
    await scene.fleet(count=3, faults=[f"{fault}@{name}" for name, fault in faults.items()])
    first = {name: uid(scene, name) for name in faults}
    await scene.start()
    plan = step("Prep", "Upgrade"), step("AbortOnFailure")
    annotations = CIRCUIT_BREAKER_OFF
    await scene.apply(ibgu("around", plan[0], fleet=scene.label, annotations=annotations))
    await scene.completed("around")
    await expect(scene, "around", faults, "Upgrade", "UpgradeFailed")
    assert [uid(scene, name) == first[name] for name in faults] == [True, False, False]
    await scene.apply(ibgu("around", *plan, fleet=scene.label, annotations=annotations))
    await scene.completed("around")
    for name in faults:
        assert scene.stages(name) == ["Prep", "Upgrade", "Abort"]
        assert await scene.labels(name) == {}
        await scene.works_gone(name)


async def test_a_failure_after_the_pivot_without_an_automatic_rollback(scene: RealScene) -> None:
    """The cluster stays in its new release, with its feedback, until someone rolls it back."""
    name, clock = f"{scene.label}-1", ScaledTime(1)
    await scene.fleet(count=1, faults=[f"upgrade.recert@{name}"])
    await scene.start(clock=clock)
    off = {NO_WAY_BACK: "Disabled"}
    plan = step("Prep"), step("Upgrade", timeout=2)
    await scene.apply(ibgu("stays", *plan, fleet=scene.label, annotations=off))
    await scene.accepted(step=1)
    await scene.until(lambda: scene.real(name).spoke.boots == 1, "the pivot")
    await scene.says("stays", name, "Waiting for system to stabilize")
    clock.speed = 30
    await scene.completed("stays")
    (failed,) = (await scene.entry("stays", name))["failedActions"]
    assert failed["action"] == "Upgrade"
    assert "Waiting for system to stabilize" in failed["message"]
    assert "upgrade-failed" in await scene.labels(name)
    scene.act(name, lambda cluster, now: cluster.set_stage("Rollback", now))
    await scene.until(lambda: scene.real(name).spoke.boots == 2, "the way back")


async def test_rights_that_come_late(scene: Scene) -> None:
    """A labelled ClusterRole counts only after a while: a refusal for the lack of it heals, and
    nobody fails for it."""
    name = f"{scene.label}-1"
    await scene.fleet(count=1, faults=[f"agent-without-rbac:200s@{name}"])
    await scene.start()
    await scene.apply(ibgu("late", step("Prep", "Upgrade"), fleet=scene.label))
    status = await scene.completed("late")
    (entry,) = status["clusters"]
    assert actions(entry, "completed") == ["Prep", "Upgrade"]
    assert scene.stages(name) == ["Prep", "Upgrade"]
