"""A hand takes from a cluster what a work has brought there: the next change of the work, the
agent's next start, or its periodic apply brings it again."""

import asyncio
from collections.abc import Callable
from functools import partial
from urllib.parse import quote

import pytest

from ibgu.hub.paths import MERGE_PATCH
from tests.e2e.manifests import ibgu, step
from tests.neighbours.connection import Connection
from tests.neighbours.scene import RealScene
from tests.neighbours.server import ROLES
from tests.sim.cluster_simulation import ROLE

PATH = f"{ROLES}/{quote(ROLE['metadata']['name'])}"
PERIODIC = 420.0
"""Seconds in which the agent has applied its works again by itself: it does after four to six
minutes."""


def deletes(api: Connection) -> None:
    api.remove(PATH)


def empties(api: Connection) -> None:
    api.request("PATCH", PATH, {"rules": []}, MERGE_PATCH)


def unlabels(api: Connection) -> None:
    api.request("PATCH", PATH, {"metadata": {"labels": None}}, MERGE_PATCH)


@pytest.mark.parametrize("hand", [deletes, empties, unlabels])
async def test_rights_that_a_hand_takes_come_back_with_the_next_action(
    scene: RealScene, hand: Callable[[Connection], None]
) -> None:
    """Nobody fails for it, though the agent is refused until they count again."""
    name = f"{scene.label}-1"
    await scene.fleet(count=1)
    server = scene.real(name).server
    await scene.start()
    plan = step("Prep"), step("Upgrade"), step("FinalizeUpgrade")
    await scene.apply(ibgu("drift", plan[0], fleet=scene.label))
    await scene.completed("drift")
    hand(server.api)
    server.aggregate()
    await scene.apply(ibgu("drift", *plan, fleet=scene.label))
    status = await scene.completed("drift")
    assert status["summary"]["succeeded"] == 1
    assert scene.stages(name) == ["Prep", "Upgrade", "Finalize"]
    role = server.api.found(PATH)
    assert role is not None
    assert role["rules"]


@pytest.mark.chaos
async def test_rights_that_a_hand_takes_come_back_by_the_agents_periodic_apply(
    scene: RealScene,
) -> None:
    """The agent applies all its works every four to six minutes, whatever nobody has changed; it
    leaves the ImageBasedUpgrade alone, which a hand has taken back to Idle meanwhile."""
    name = f"{scene.label}-1"
    await scene.fleet(count=1)
    server = scene.real(name).server
    await scene.start(feedback_refresh="off")
    await scene.apply(ibgu("drift", step("Prep"), fleet=scene.label))
    await scene.completed("drift")
    before = await scene.works(name)
    scene.act(name, lambda cluster, now: cluster.set_stage("Idle", now))
    await scene.until(lambda: scene.stages(name) == ["Prep", "Abort"], "the abort by hand")
    deletes(server.api)
    server.aggregate()
    came = partial(server.api.found, PATH)
    await scene.until(lambda: came() is not None, "the periodic apply", PERIODIC)
    await asyncio.sleep(1)  # the ImageBasedUpgrade comes next
    after = await scene.works(name)
    assert [work["metadata"]["generation"] for work in before] == [
        work["metadata"]["generation"] for work in after
    ]
    assert scene.stages(name) == ["Prep", "Abort"]
    ibu = scene.real(name).spoke.ibu
    assert ibu is not None
    assert ibu["spec"]["stage"] == "Idle"
