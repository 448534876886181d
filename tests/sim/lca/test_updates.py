"""The Lifecycle Agent updates the status of an ImageBasedUpgrade once in each reconcile."""

import pytest

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.lca.conditions import status_of
from ibgu.sim.spoke import IBU, Key
from tests.sim.cluster_simulation import SEED, ClusterSimulation


@pytest.mark.parametrize(("faults", "ends"), [(("prep.precache",), "False"), ((), "True")])
def test_the_outcome_and_its_words_are_one_update(
    monkeypatch: pytest.MonkeyPatch, faults: tuple[str, ...], ends: str
) -> None:
    """A watch never shows that Prep has failed before it shows why."""
    world = ClusterSimulation(*faults)
    given = {"stage": "Idle", "seedImageRef": SEED}
    world.cluster.spoke.update(IBU, {**world.ibu, "spec": given}, world.now)
    written: list[JsonObject] = []
    write = world.cluster.spoke.write_status

    def noting(key: Key, status: JsonObject, now: float) -> None:
        written.append(status)
        write(key, status, now)

    monkeypatch.setattr(world.cluster.spoke, "write_status", noting)
    world.go("Prep")
    over = [s["conditions"] for s in written if status_of(s["conditions"], "PrepCompleted") == ends]
    assert over
    assert {status_of(each, "PrepInProgress") for each in over} == {"False"}
