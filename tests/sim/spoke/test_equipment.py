"""The objects that show what a cluster is made of, read by its work agent."""

import tracemalloc
from typing import Any

import pytest
from msgspec import structs

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.faults import DEFECTS, parse_defect
from ibgu.sim.spec import FleetSpec
from ibgu.sim.spoke import SOUND, Dpa, Equipment, Refusal, key_of
from tests.sim.cluster_simulation import SEED, START, ClusterSimulation, feedback_of, stage_work
from tests.sim.read_only import (
    AGENT,
    BSL,
    DPA,
    ETCD,
    EVERYTHING,
    INFRASTRUCTURE,
    LCA,
    LSO,
    LVMS,
    NETWORK,
    NODE,
    OADP,
    PARTITION,
    PROXY,
    VELERO,
    Look,
    reading_role,
    reading_work,
)

LONG = 300.0
"""Seconds in which each agent has polled."""


def reading(*defects: str, **equipment: Any) -> ClusterSimulation:
    """A cluster whose agent has read everything, by a role that the work itself has brought."""
    rules = tuple(parse_defect(text) for text in defects)
    world = ClusterSimulation(defects=rules, equipment=Equipment(**equipment))
    world.put(reading_work(*EVERYTHING, role=reading_role(*EVERYTHING)))
    world.run(LONG)
    return world


def manifest_of(world: ClusterSimulation, look: Look) -> JsonObject:
    manifests = world.works["work"]["status"]["resourceStatus"]["manifests"]
    return next(
        each
        for each in manifests
        if (each["resourceMeta"]["kind"], each["resourceMeta"]["name"]) == (look.kind, look.name)
    )


def read(world: ClusterSimulation, look: Look) -> dict[str, Any]:
    return feedback_of(manifest_of(world, look))


def available(world: ClusterSimulation, look: Look) -> tuple[str, str]:
    conditions = {each["type"]: each for each in manifest_of(world, look)["conditions"]}
    return conditions["Available"]["reason"], conditions["Available"]["message"]


def test_a_sound_cluster_shows_what_preflight_asks_for() -> None:
    world = reading()
    assert world.condition("Applied")["status"] == "True"
    assert read(world, AGENT) == {"available": 1, "owner": "lifecycle-agent.v4.17.1"}
    assert read(world, LCA) == {"version": "lifecycle-agent.v4.17.1"}
    assert read(world, OADP) == {"version": "oadp-operator.v1.4.1"}
    assert read(world, LVMS) == {"version": "lvms-operator.v4.17.3"}
    assert read(world, INFRASTRUCTURE) == {"topology": "SingleReplica"}
    dpa = {"reconciled": "True", "message": "Reconcile complete", "restic": False}
    assert read(world, DPA) == dpa
    assert read(world, BSL)["phase"] == "Available"
    assert read(world, VELERO) == {"available": 1}
    assert read(world, NETWORK) == {"cidr": "10.128.0.0/14"}
    assert read(world, PROXY) == {}
    assert read(world, PARTITION) == {"label": "var-lib-containers"}
    assert read(world, ETCD) == {"node": "spoke1"}
    assert read(world, NODE) == {
        "pressure": "False",
        "capacity": "628613099Ki",
        "allocatable": "579329831236",
        "architecture": "amd64",
    }
    assert available(world, LSO) == ("ResourceNotAvailable", "Resource is not available")


@pytest.mark.parametrize(
    ("defect", "look", "shown"),
    [
        ("lca-old", LCA, {"version": "lifecycle-agent.v4.15.0"}),
        ("lca-stopped", AGENT, {"owner": "lifecycle-agent.v4.17.1"}),
        ("oadp-old", OADP, {"version": "oadp-operator.v1.3.4"}),
        (
            "dpa-failed",
            DPA,
            {"reconciled": "False", "message": 'Secret "cloud-credentials" not found'}
            | {"restic": False},
        ),
        (
            "backup-storage-unavailable",
            BSL,
            {"phase": "Unavailable", "url": "http://backups.example.com:9000"},
        ),
        ("lso-and-lvms", LSO, {"version": "local-storage-operator.v4.17.0"}),
        ("lvms-old", LVMS, {"version": "lvms-operator.v4.14.1"}),
        ("topology-wrong", INFRASTRUCTURE, {"topology": "HighlyAvailable"}),
        ("topology-wrong", ETCD, {"node": "spoke1-0"}),
    ],
)
def test_a_defect_shows_in_the_object_that_preflight_reads(
    defect: str, look: Look, shown: dict[str, Any]
) -> None:
    assert read(reading(defect), look) == shown


def test_a_full_disk_shows_as_pressure_on_the_node() -> None:
    world = reading("disk-full")
    assert read(world, NODE)["pressure"] == "True"
    node = world.cluster.spoke.get(key_of(NODE.manifest))
    assert node is not None
    assert node["spec"]["taints"][0]["key"] == "node.kubernetes.io/disk-pressure"


@pytest.mark.parametrize(
    ("defect", "look"),
    [
        ("lca-missing", AGENT),
        ("lca-missing", LCA),
        ("oadp-missing", OADP),
        ("dpa-missing", DPA),
        ("dpa-missing", BSL),
        ("dpa-missing", VELERO),
        ("oadp-missing", VELERO),
        ("dpa-failed", BSL),
        ("partition-missing", PARTITION),
    ],
)
def test_an_object_that_a_cluster_lacks_is_reported_as_not_available(
    defect: str, look: Look
) -> None:
    world = reading(defect)
    assert available(world, look) == ("ResourceNotAvailable", "Resource is not available")
    assert read(world, look) == {}


@pytest.mark.parametrize("look", [DPA, BSL])
def test_kinds_of_an_operator_that_is_not_installed_are_unknown(look: Look) -> None:
    world = reading("oadp-missing")
    assert available(world, look) == ("IncompleteResourceMeta", "Resource meta is incomplete")
    manifest = manifest_of(world, look)
    assert manifest["conditions"][0]["message"] == (
        f'Failed to apply manifest: the server doesn\'t have a resource type "{look.kind}"'
    )
    assert world.condition("Applied")["status"] == "False"


def test_a_kind_that_is_taken_away_is_unknown_after_the_next_apply() -> None:
    world = reading()
    equipment = structs.replace(world.cluster.spoke.equipment, oadp="")
    world.cluster.change_equipment(equipment, world.now)
    world.touch(look="1")
    world.run(1)
    assert available(world, DPA)[0] == "ResourceNotAvailable"
    world.run(600)
    assert available(world, DPA)[0] == "IncompleteResourceMeta"


def test_a_kind_is_unknown_in_a_version_that_is_not_served() -> None:
    newer = structs.replace(LCA, api_version="operators.coreos.com/v2")
    world = ClusterSimulation()
    world.put(reading_work(newer, role=reading_role(newer)))
    world.run(LONG)
    assert available(world, newer)[0] == "IncompleteResourceMeta"
    meta = manifest_of(world, newer)["resourceMeta"]
    assert (meta["version"], meta["resource"]) == ("v2", "")


def test_without_a_role_all_but_deployments_are_forbidden() -> None:
    world = ClusterSimulation()
    world.put(reading_work(*EVERYTHING))
    world.run(LONG)
    assert world.condition("Applied")["status"] == "True"
    forbidden = [
        each.kind for each in EVERYTHING if available(world, each)[0] == "FetchingResourceFailed"
    ]
    assert forbidden == [look.kind for look in EVERYTHING if look not in (AGENT, VELERO)]
    assert available(world, NODE)[1] == (
        'Failed to fetch resource: nodes "spoke1" is forbidden: User "system:serviceaccount:'
        'open-cluster-management-agent:klusterlet-work-sa" cannot get resource "nodes" in API '
        'group "" at the cluster scope'
    )
    assert available(world, BSL)[1].endswith(
        'in API group "velero.io" in the namespace "openshift-adp"'
    )


def test_a_role_permits_only_what_it_names_and_only_if_it_is_aggregated() -> None:
    world = ClusterSimulation()
    world.put(reading_work(LCA, OADP, role=reading_role(LCA)))
    world.run(LONG)
    assert available(world, LCA)[0] == "ResourceAvailable"
    assert available(world, OADP)[0] == "FetchingResourceFailed"
    world.put(reading_work(LCA, OADP, role=reading_role(LCA, OADP, aggregated=False)))
    world.run(LONG)
    assert available(world, LCA)[0] == "FetchingResourceFailed"


def test_rights_that_come_with_the_work_count_at_the_next_read() -> None:
    """Nothing that ReadOnly applies is refused, so the agent does not try again by itself."""
    world = ClusterSimulation()
    world.put(reading_work(LCA, role=reading_role(LCA)))
    world.run(30)
    assert available(world, LCA)[0] == "FetchingResourceFailed"
    world.touch(look="1")
    world.run(1)
    assert read(world, LCA) == {"version": "lifecycle-agent.v4.17.1"}


@pytest.mark.parametrize("seed", range(40))
def test_objects_are_read_although_the_agent_read_early_or_reports_late(seed: int) -> None:
    world = ClusterSimulation()
    world.cluster.agent._rng.seed(seed)
    role = reading_role(LCA)
    world.put({"workload": {"manifests": [role]}, "deleteOption": {"propagationPolicy": "Orphan"}})
    world.run(5)
    world.put(reading_work(LCA, role=role))
    world.run(5)
    assert read(world, LCA) == {"version": "lifecycle-agent.v4.17.1"}


@pytest.mark.parametrize(("watched", "seen"), [(True, "Unavailable"), (False, "Available")])
def test_a_watch_needs_more_than_the_right_to_get(watched: bool, seen: str) -> None:
    world = ClusterSimulation()
    role = reading_role(BSL, watched=watched)
    work = reading_work(BSL, role=role)
    configs = [{**each, "feedbackScrapeType": "Watch"} for each in work["manifestConfigs"]]
    world.put({**work, "manifestConfigs": configs})
    world.run(LONG)
    assert read(world, BSL)["phase"] == "Available"
    equipment = structs.replace(world.cluster.spoke.equipment, backup_storage_available=False)
    world.cluster.change_equipment(equipment, world.now)
    world.run(1)
    assert read(world, BSL)["phase"] == seen
    world.run(LONG)
    assert read(world, BSL)["phase"] == "Unavailable"


def test_a_value_that_is_a_list_is_an_error_and_the_others_are_read() -> None:
    look = structs.replace(
        DPA, paths={"whole": ".status.conditions", "reconciled": DPA.paths["reconciled"]}
    )
    world = ClusterSimulation()
    world.put(reading_work(look, role=reading_role(look)))
    world.run(LONG)
    assert read(world, look) == {"reconciled": "True"}
    conditions = {each["type"]: each for each in manifest_of(world, look)["conditions"]}
    assert conditions["StatusFeedbackSynced"]["reason"] == "StatusFeedbackSyncFailed"
    assert conditions["StatusFeedbackSynced"]["message"].endswith(
        "the type []interface {} of the value for whole is not found"
    )


def test_a_defect_with_a_duration_is_mended_after_it() -> None:
    world = reading("dpa-missing:10m")
    assert available(world, DPA)[0] == "ResourceNotAvailable"
    world.run(600)
    assert read(world, DPA)["reconciled"] == "True"


def test_an_object_that_changes_later_is_seen_at_the_next_poll() -> None:
    world = reading()
    equipment = structs.replace(world.cluster.spoke.equipment, dpa=Dpa.FAILED)
    world.cluster.change_equipment(equipment, world.now)
    world.run(LONG)
    assert read(world, DPA)["reconciled"] == "False"
    world.cluster.delete(DPA.manifest, world.now)
    world.run(LONG)
    assert available(world, DPA)[0] == "ResourceNotAvailable"
    assert read(world, DPA)["reconciled"] == "False", "old values stay"


def test_objects_can_be_written_and_deleted_as_any_other() -> None:
    world = ClusterSimulation()
    spoke, key = world.cluster.spoke, key_of(BSL.manifest)
    spoke.write_status(key, {"phase": "Unavailable"}, world.now)
    found = spoke.get(key)
    assert found is not None
    assert (found["status"], found["spec"]["provider"]) == ({"phase": "Unavailable"}, "aws")
    spoke.delete(key, world.now)
    assert spoke.get(key) is None
    spoke.delete(key, world.now)
    with pytest.raises(Refusal, match="not found"):
        spoke.update(key, found, world.now)
    spoke.create(BSL.manifest, world.now)
    assert spoke.get(key) is not None


def test_a_read_only_work_owns_nothing_and_deletes_nothing() -> None:
    world = ClusterSimulation()
    world.put(reading_work(DPA, BSL, orphan=False, role=reading_role(DPA, BSL)))
    world.run(LONG)
    world.remove()
    assert world.until(lambda: not world.works, LONG)
    for look in (DPA, BSL):
        assert world.cluster.spoke.get(key_of(look.manifest)) is not None


def test_objects_survive_the_pivot_and_come_back_with_a_rollback() -> None:
    world = ClusterSimulation()
    spoke, key = world.cluster.spoke, key_of(DPA.manifest)
    spoke.delete(key_of(PARTITION.manifest), world.now)
    before = spoke.get(key)
    world.cluster.spoke.update(
        key_of(stage_work("Idle")["workload"]["manifests"][1]),
        {**world.ibu, "spec": {"stage": "Idle", "seedImageRef": SEED}},
        world.now,
    )
    for stage in ("Prep", "Upgrade"):
        assert world.go(stage)
    pivoted = spoke.get(key)
    assert before is not None
    assert pivoted is not None
    assert pivoted["metadata"]["uid"] != before["metadata"]["uid"]
    assert {**pivoted, "metadata": {}} == {**before, "metadata": {}}
    assert spoke.get(key_of(PARTITION.manifest)) is not None, "the seed's own"
    assert world.go("Rollback")
    assert spoke.get(key) == before
    assert spoke.get(key_of(PARTITION.manifest)) is None


def test_a_wrong_topology_shows_in_the_claim_until_it_is_mended() -> None:
    world = ClusterSimulation(defects=(parse_defect("topology-wrong:10m"),))
    world.run(1)
    assert topology_claim(world) == "HighlyAvailable"
    world.run(601)
    assert topology_claim(world) == "SingleReplica"


def topology_claim(world: ClusterSimulation) -> str:
    claims = {each["name"]: each["value"] for each in world.mc["status"]["clusterClaims"]}
    return str(claims["controlplanetopology.openshift.io"])


def test_objects_cost_no_memory_until_somebody_writes_them() -> None:
    spec, count = FleetSpec(), 100
    assert len(SimulatedCluster("first", spec, (), START).spoke.objects) == 1
    fleet = [SimulatedCluster(f"site-{n}", spec, (), START) for n in range(count)]
    tracemalloc.start()
    for cluster in fleet:
        for look in EVERYTHING:
            cluster.spoke.get(
                key_of(look.node(cluster.name).manifest if look is NODE else look.manifest)
            )
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held / count < 200, "bytes a cluster"
    assert all(cluster.spoke.equipment is SOUND for cluster in fleet)


def test_every_defect_changes_what_can_be_read() -> None:
    sound = ClusterSimulation()
    alike = [
        name
        for name in DEFECTS
        if (broken := ClusterSimulation(defects=(parse_defect(name),))).cluster.spoke.ibu
        == sound.cluster.spoke.ibu
        and _bare(broken) == _bare(sound)
    ]
    assert alike == []


def _bare(world: ClusterSimulation) -> list[JsonObject]:
    return [{**each, "metadata": {}} for each in world.cluster.spoke.equipment_objects()]
