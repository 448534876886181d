"""Preflight finds all planted defects of a fleet, and no others, before anything starts.

`make inspections CLUSTERS=500` plants 60 of them; the test run has a small fleet.
"""

import os
from collections import Counter, defaultdict

import msgspec
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.preflight import Severity, cluster_facts, judge
from ibgu.core.model.kinds import ManagedCluster
from ibgu.db.inspections import Inspections
from ibgu.hub import paths
from tests.core.drivers.ibu.preflight.hub import WELL
from tests.e2e.harness import Scene
from tests.e2e.test_inspections import inspected, store
from tests.e2e.watch import BUSY_MACHINE
from tests.sim.planted_defects import defect_rules, planted_defects

__all__ = ["store"]
COUNT = int(os.environ.get("INSPECTED_CLUSTERS", "100"))
EACH = COUNT // 50
"""Clusters for each of the six kinds of defects."""
RULES = {
    "disk-full": {"P31"},
    "dpa-missing": {"P30"},
    "lca-old": {"P6", "P9"},
    "oadp-old": {"P7"},
    "partition-missing": {"P31"},
    "topology-wrong": {"P10"},
}
"""The rules that find each defect. An old Lifecycle Agent does not serve the API of today."""


async def test_the_planted_defects_of_a_fleet_are_found_and_no_others(
    scene: Scene, store: Inspections
) -> None:
    names = [f"{scene.label}-{number}" for number in range(1, COUNT + 1)]
    planted = planted_defects(names, seed=25, each=EACH)
    await scene.fleet(count=COUNT, defects=defect_rules(planted), version="4.16.3")
    # Fleet, controller and hub share two cores: a slow machine is no silent cluster.
    await scene.start(preflight_inspections=True, preflight_inspection_seconds=600, **BUSY_MACHINE)
    assert scene.controller is not None
    requests = scene.controller._client.requests
    before = Counter(requests)
    results = await inspected(scene, store, names)
    deleted = before["delete", "2xx"] + COUNT
    # A work is gone before the hub's answer is here.
    await scene.until(lambda: requests["delete", "2xx"] >= deleted, "the answers to all deletions")
    sent = Counter(requests) - before
    # Some patches renew the Lease, and now and then ibgu checks its own rights.
    assert sent["delete", "2xx"] == COUNT
    assert sent["create", "2xx"] < 1.5 * COUNT
    assert sent["patch", "2xx"] < 1.5 * COUNT
    shown = await scene.items(paths.MANAGED_CLUSTERS)
    reported = [cluster_facts(msgspec.convert(each, ManagedCluster)) for each in shown]
    fleet = [replace(each, inspected=results[each.name].facts) for each in reported]
    report = judge(replace(WELL, clusters=tuple(fleet), first=Action.PREP))
    assert not [each for each in report.findings if each.severity is Severity.UNKNOWN]
    found: dict[str, set[str]] = defaultdict(set)
    for each in report.findings:
        assert each.clusters, each
        for name in each.clusters:
            found[name].add(each.rule.id)
    assert found == {name: RULES[defect] for name, defect in planted.items()}
