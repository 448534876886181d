from collections import Counter
from collections.abc import Iterator
from typing import Any

from ibgu.sim.faults import parse_defect
from ibgu.sim.spec import FleetSpec
from tests.sim.cluster_simulation import ClusterSimulation, feedback_of
from tests.sim.planted_defects import PLANTED, defect_rules, planted_defects
from tests.sim.read_only import (
    DPA,
    INFRASTRUCTURE,
    LCA,
    NODE,
    OADP,
    PARTITION,
    reading_role,
    reading_work,
)

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


def test_the_fed_back_values_of_a_fleet_show_the_planted_defects_and_no_others() -> None:
    planted = planted_defects(CLUSTERS, seed=25)
    found = {name: list(_defects(_read(name, planted.get(name)))) for name in CLUSTERS}
    assert {name: defects for name, defects in found.items() if defects} == {
        name: [defect] for name, defect in planted.items()
    }


def _read(name: str, defect: str | None) -> dict[str, Any]:
    """The fed-back values of a cluster by kind and name, after one work and one touch."""
    rules = (parse_defect(defect),) if defect else ()
    world = ClusterSimulation(name=name, defects=rules)
    node = NODE.node(f"{name}-0" if defect == "topology-wrong" else name)
    looks = (LCA, OADP, DPA, PARTITION, INFRASTRUCTURE, node)
    world.put(reading_work(*looks, role=reading_role(*looks)))
    world.run(1)
    world.touch(look="1")
    world.run(1)
    manifests = world.works["work"]["status"]["resourceStatus"]["manifests"]
    return {
        f"{each['resourceMeta']['kind']}/{each['resourceMeta']['name']}": feedback_of(each)
        for each in manifests
    }


def _defects(read: dict[str, Any]) -> Iterator[str]:
    node = next(values for name, values in read.items() if name.startswith("Node/"))
    if node["pressure"] == "True":
        yield "disk-full"
    if read[f"Operator/{OADP.name}"]["version"] < "oadp-operator.v1.4.1":
        yield "oadp-old"
    if not read[f"DataProtectionApplication/{DPA.name}"]:
        yield "dpa-missing"
    if read[f"Operator/{LCA.name}"]["version"] < "lifecycle-agent.v4.16":
        yield "lca-old"
    if not read[f"MachineConfig/{PARTITION.name}"]:
        yield "partition-missing"
    if read["Infrastructure/cluster"]["topology"] != "SingleReplica":
        yield "topology-wrong"
