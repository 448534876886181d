from collections import Counter

from ibgu.sim.spec import FleetSpec
from tests.sim.planted_defects import PLANTED, defect_rules, planted_defects

CLUSTERS = FleetSpec(count=500).clusters()


def test_ten_clusters_of_five_hundred_have_each_of_six_defects() -> None:
    planted = planted_defects(CLUSTERS, seed=25)
    assert Counter(planted.values()) == dict.fromkeys(PLANTED, 10)
    assert planted == planted_defects(CLUSTERS[::-1], seed=25)
    assert planted != planted_defects(CLUSTERS, seed=26)


def test_a_fleet_gives_the_planted_defects_to_these_clusters_and_to_no_other() -> None:
    planted = planted_defects(CLUSTERS, seed=25)
    spec = FleetSpec.parse(count=500, defects=defect_rules(planted))
    given = spec.defects_by_cluster()
    assert {name: each.name for name, found in given.items() for each in found} == planted
