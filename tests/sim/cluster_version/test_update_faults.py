"""Faults of updates, given to clusters by rules as any other fault."""

import pytest

from ibgu.sim.cluster_version.objects import ETCD
from ibgu.sim.faults import UPDATE_FAULTS, parse_fault
from tests.sim.cluster_simulation import ClusterSimulation, stage_work
from tests.sim.cluster_version.updating import Updating


def test_a_rule_gives_a_fault_of_updates_a_share_and_a_duration() -> None:
    rule = parse_fault("no-signature:2h=0.05")
    assert (rule.fault.name, rule.fault.seconds, rule.rate) == ("no-signature", 7200, 0.05)


def test_a_fault_of_updates_ends_with_its_duration_and_the_update_begins() -> None:
    cluster = Updating("no-signature:2h@spoke1")
    cluster.ask()
    cluster.run(7000)
    assert cluster.condition("ReleaseAccepted")[0] in ("False", "Unknown")
    assert cluster.history[0]["version"] == "4.16.3"
    assert cluster.until_state("Partial", seconds=600)


def test_a_fault_degrades_an_operator_from_the_beginning() -> None:
    cluster = Updating("operator-degraded")
    assert cluster.condition("Degraded", ETCD)[0] == "True"


@pytest.mark.parametrize("fault", UPDATE_FAULTS)
def test_an_image_based_upgrade_succeeds_whatever_the_fault_of_updates(fault: str) -> None:
    world = ClusterSimulation(fault)
    assert UPDATE_FAULTS[fault].harmless
    world.put(stage_work("Prep", "r1"))
    assert world.until(lambda: world.finished("Prep"))
    assert world.outcome == "Prep completed"
