"""Clusters that no plan takes further go on by a second IBGU, on real work agents."""

import asyncio
from urllib.parse import quote

import pytest

from tests.e2e.harness import actions
from tests.e2e.manifests import ibgu, step
from tests.e2e.test_no_way_on import (
    CONFIRMED,
    test_a_cluster_that_did_not_fail_to_clean_up_hears_of_no_clean_up_by_hand,
    test_a_cluster_that_failed_after_the_pivot_is_rolled_back,
    test_a_finalize_runs_again_after_a_clean_up_by_hand,
)
from tests.neighbours.scene import RealScene
from tests.neighbours.server import ROLES
from tests.neighbours.spoke import confirmed
from tests.sim.cluster_simulation import ROLE

__all__ = [
    "test_a_cluster_that_did_not_fail_to_clean_up_hears_of_no_clean_up_by_hand",
    "test_a_cluster_that_failed_after_the_pivot_is_rolled_back",
    "test_a_finalize_runs_again_after_a_clean_up_by_hand",
]

ROLE_PATH = f"{ROLES}/{quote(ROLE['metadata']['name'])}"
DEATHS = (
    "after:RunIntended",
    "after:RunArming",
    "sent:RunArming",
    "after:RunArmed",
    "after:RunAccepted",
    "sent:RunAccepted",
    "before:RunEnded",
    "before:MemberFinished",
)


async def stuck(scene: RealScene) -> list[str]:
    """Three clusters that have failed to clean up."""
    clusters = list((await scene.fleet(count=3, faults=["idle.backups"])).clusters)
    await scene.start()
    await scene.apply(ibgu("up", step("Prep"), step("Abort"), fleet=scene.label))
    await scene.completed("up")
    await scene.stop()
    return clusters


async def applied_again(scene: RealScene, clusters: list[str]) -> None:
    """The Lifecycle Agents have read every confirmation, and then each work agent restarts: it
    applies all its works, as it also does every few minutes. The proof is the ClusterRole, which a
    hand has removed."""
    await scene.until(
        lambda: not any(waits(scene, name) for name in clusters),
        "the Lifecycle Agents to read the confirmations",
    )
    assert scene.player is not None
    servers = [scene.real(name).server for name in clusters]
    for server in servers:
        server.agent.kill()
        server.api.remove(ROLE_PATH)
    for name in clusters:
        scene.player.touch(scene.real(name))
    await scene.until(lambda: all(s.api.found(ROLE_PATH) for s in servers), "the roles to be back")
    await asyncio.sleep(1)  # the ImageBasedUpgrade comes next


def waits(scene: RealScene, cluster: str) -> bool:
    """Whether the cluster has a confirmation that its Lifecycle Agent has not read."""
    return confirmed(scene.real(cluster).spoke.ibu)


async def cleaned_up(scene: RealScene, clusters: list[str]) -> None:
    """The rollout ends, and each cluster had one confirmation."""
    status = await scene.completed("cleaned")
    assert [actions(entry, "completed") for entry in status["clusters"]] == [["Abort"]] * 3
    for name in clusters:
        assert scene.stages(name) == ["Prep", "Abort", "Abort"]
        assert (scene.real(name).confirmations, waits(scene, name)) == (1, False)


async def test_an_abort_runs_again_after_a_clean_up_by_hand(scene: RealScene) -> None:
    clusters = await stuck(scene)
    await scene.apply(ibgu("cleaned", step("Abort"), fleet=scene.label, annotations=CONFIRMED))
    await scene.start()
    await cleaned_up(scene, clusters)


@pytest.mark.parametrize("death", DEATHS)
async def test_a_clean_up_by_hand_is_confirmed_once_whatever_is_applied_again(
    scene: RealScene, death: str
) -> None:
    """A clean-up that fails later would be tried again without a person's word. While nobody is
    there to disarm the works, the agents apply them again."""
    clusters = await stuck(scene)
    await scene.apply(ibgu("cleaned", step("Abort"), fleet=scene.label, annotations=CONFIRMED))
    await scene.killed(await scene.victim(death))
    await applied_again(scene, clusters)
    await scene.start()
    await cleaned_up(scene, clusters)
