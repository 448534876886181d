"""A hand takes from a cluster what a work has brought there: the next change of the work, or the
agent's next start, brings it again. `test_periodic.py` waits for the agent's periodic apply."""

from collections.abc import Callable
from urllib.parse import quote

import pytest

from ibgu.hub.paths import MERGE_PATCH
from tests.e2e.manifests import ibgu, step
from tests.neighbours.connection import Connection
from tests.neighbours.scene import RealScene
from tests.neighbours.server import ROLES
from tests.sim.cluster_simulation import ROLE

PATH = f"{ROLES}/{quote(ROLE['metadata']['name'])}"


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
