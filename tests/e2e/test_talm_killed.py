"""The real TALM is killed at twelve moments of a rollout, and ibgu takes over what it has left."""

import pytest

from tests.e2e.harness import Scene, actions
from tests.e2e.killed_talm import (
    MOMENTS,
    PLAN,
    WHOLE,
    WITH_ABORT,
    a_cluster_has_failed,
    clusters,
    failed_and_succeeded,
    killed_at,
    name,
)
from tests.e2e.real_talm import RealTalm
from tests.e2e.test_adopt import DEATHS, check_everybody
from tests.e2e.test_beside_talm import audit_log, hub, of_talm, scene, soon, talm, talm_program

__all__ = ["audit_log", "hub", "scene", "soon", "talm", "talm_program"]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_the_leftovers_of_a_killed_talm_are_adopted(
    scene: Scene, talm: RealTalm, moment: str
) -> None:
    async with killed_at(scene, talm, MOMENTS[moment], *PLAN):
        await scene.start()
        status = await scene.completed(name(scene))
        for entry in status["clusters"]:
            assert actions(entry, "completed") == ["Prep", "Upgrade", "FinalizeUpgrade"]
        for cluster in clusters(scene):
            assert scene.stages(cluster) == WHOLE
            assert await scene.labels(cluster) == {}

        async def all_gone() -> bool:
            return await of_talm(scene, name(scene)) == []

        await scene.until(all_gone, "the leftovers to go")


async def test_a_cluster_that_failed_without_talms_seeing_it_is_adopted_as_failed(
    scene: Scene, talm: RealTalm
) -> None:
    faults = [f"prep.precache@{clusters(scene)[0]}"]
    async with killed_at(scene, talm, a_cluster_has_failed, *WITH_ABORT, faults=faults):
        await scene.start()
        await failed_and_succeeded(scene, "PrepFailed (PrecacheFailed): precache job failed")


async def test_a_controller_is_killed_in_every_phase_of_the_takeover(
    scene: Scene, talm: RealTalm
) -> None:
    """Until the last one, no end of an Upgrade is heard."""
    *early, last = DEATHS
    assert last == "after:RunEnded"
    async with killed_at(scene, talm, MOMENTS["Upgrade has begun"], *PLAN):
        for cluster in clusters(scene):
            scene.freeze(cluster)
        for death in early:
            await scene.killed(await scene.victim(death))
        for cluster in clusters(scene):
            scene.freeze(cluster, False)
        await scene.killed(await scene.victim(last))
        await scene.start()
        status = await scene.completed(name(scene))
        await check_everybody(scene, status, list(clusters(scene)))
        assert await of_talm(scene, name(scene)) == []
        adopted = "SELECT 1 FROM events WHERE kind = 'RolloutAdopted'"
        assert len(await scene.journal(adopted)) == 1
