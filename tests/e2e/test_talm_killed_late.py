"""The real TALM is killed once it has seen a failure. It looks at its time-outs only every few
minutes, so this takes five: a module of its own, beside others."""

from tests.e2e.harness import Scene, actions
from tests.e2e.killed_talm import WITH_ABORT, clusters, failed_and_succeeded, killed_at, name
from tests.e2e.manifests import step
from tests.e2e.real_talm import RealTalm
from tests.e2e.test_beside_talm import audit_log, hub, scene, soon, talm, talm_program

__all__ = ["audit_log", "hub", "scene", "soon", "talm", "talm_program"]


async def talm_knows_of_a_failure(scene: Scene) -> bool:
    entry = await scene.entry(name(scene), clusters(scene)[0])
    return actions(entry, "failed") == ["Prep"]


async def test_a_cluster_that_talm_has_seen_fail_is_adopted_as_failed(
    scene: Scene, talm: RealTalm
) -> None:
    """TALM knows of a failure when its time-out is over, and it looks again: after minutes."""
    faults = [f"prep.precache@{clusters(scene)[0]}"]
    plan = (step("Prep", most=2, timeout=1), *WITH_ABORT[1:])
    async with killed_at(scene, talm, talm_knows_of_a_failure, *plan, faults=faults):
        await scene.start()
        await failed_and_succeeded(scene, "")
