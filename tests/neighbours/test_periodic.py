"""A hand takes from a cluster what a work has brought there, and the agent's periodic apply brings
it again: after up to six minutes, so in a module of its own."""

import asyncio
from functools import partial

from tests.e2e.manifests import ibgu, step
from tests.neighbours.scene import RealScene
from tests.neighbours.test_drift import PATH, deletes

PERIODIC = 420.0
"""Seconds in which the agent has applied its works again by itself: it does after four to six
minutes."""


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
