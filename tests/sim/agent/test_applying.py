"""What the work agent does on the cluster and says about it (measured on the real one)."""

import pytest

from ibgu.core.kinds import JsonObject
from ibgu.sim.agent import AgentTiming
from ibgu.sim.lca.admission import NOT_PERMITTED
from ibgu.sim.spoke import IBU, Key, key_of
from ibgu.sim.wire import WORK_FINALIZER
from tests.sim.world import ROLE, SEED, START, World, config, ibu, stage_work

PREFIX = 'Failed to apply manifest: ImageBasedUpgrade.lca.openshift.io "upgrade" is invalid: '
DISARMED: JsonObject = {"type": "CreateOnly"}
READ_ONLY: JsonObject = {"type": "ReadOnly"}
SSA: JsonObject = {
    "type": "ServerSideApply",
    "serverSideApply": {"force": True, "fieldManager": "work-agent-x"},
}


def disarmed() -> JsonObject:
    manifest = {**ibu("Disarmed"), "spec": {"stage": "Disarmed"}}
    return {
        "workload": {"manifests": [ROLE, manifest]},
        "deleteOption": {"propagationPolicy": "Orphan"},
        "manifestConfigs": [config(DISARMED)],
    }


def quiet() -> World:
    """Without the races that the agent is made to show now and then."""
    world = World()
    world.cluster.agent.timing = AgentTiming(early_read=0.0, late_report=0.0)
    return world


def applied(world: World) -> str:
    return str(world.of_manifest("Applied").get("message", ""))


def settled(spec: JsonObject, world: World | None = None) -> World:
    world = world or World()
    world.put(spec)
    assert world.until(lambda: world.applied and bool(world.fed), 60)
    world.run(0.1)
    return world


def test_finalizer_comes_first() -> None:
    world = quiet()
    world.put(stage_work("Prep"))
    world.run(0.01)
    assert world.works["work"]["metadata"]["finalizers"] == [WORK_FINALIZER]
    assert "status" not in world.works["work"]
    world.run(0.2)
    assert world.ibu["spec"]["stage"] == "Idle"


def test_a_role_of_its_own_is_forbidden_first_and_heals() -> None:
    world = quiet()
    world.put(stage_work("Prep"))
    assert world.until(lambda: applied(world) != "", 5)
    assert world.now - START == pytest.approx(0.36, abs=0.05)
    assert applied(world) == (
        'Failed to apply manifest: imagebasedupgrades.lca.openshift.io "upgrade" is forbidden: '
        'User "system:serviceaccount:open-cluster-management-agent:klusterlet-work-sa" cannot get '
        'resource "imagebasedupgrades" in API group "lca.openshift.io" at the cluster scope'
    )
    assert world.condition("Applied")["status"] == "False"
    assert world.condition("Applied")["reason"] == "AppliedManifestWorkFailed"
    refused = world.now
    assert world.until(lambda: world.applied, 5)
    assert world.now - refused < 0.15
    assert world.condition("Applied")["message"] == "Apply manifest work complete"


def test_available_is_unknown_while_forbidden() -> None:
    world = quiet()
    world.put(stage_work("Prep"))
    assert world.until(lambda: bool(world.of_manifest("Available")), 5)
    available = world.of_manifest("Available")
    assert (available["status"], available["reason"]) == ("Unknown", "FetchingResourceFailed")
    assert available["message"].startswith("Failed to fetch resource: imagebasedupgrades")
    assert world.condition("Available")["message"] == "1 of 2 resources have unknown status"


def test_applied_and_feedback_are_two_patches() -> None:
    world = settled(disarmed(), quiet())
    world.run(1)
    before = len(world.history)
    world.put(stage_work("Prep", "r1"))
    world.run(0.05)
    _, applied, read = (work for _, work in world.history[before : before + 3])
    conditions = {c["type"]: c for c in applied["status"]["conditions"]}
    assert conditions["Applied"]["observedGeneration"] == 2
    assert conditions["Available"]["observedGeneration"] == 1
    assert "run" not in str(applied["status"]["resourceStatus"])
    conditions = {c["type"]: c for c in read["status"]["conditions"]}
    assert conditions["Available"]["observedGeneration"] == 2
    assert world.fed["run"] == "r1"


def test_first_feedback_of_a_stage_is_from_before_lca_saw_it() -> None:
    world = settled(disarmed(), quiet())
    world.put(stage_work("Prep"))
    assert world.until(lambda: world.fed["stage"] == "Prep", 5)
    assert world.fed["generation"] == world.fed["observed"] + 1
    assert world.fed["IdleStatus"] == "True"
    assert world.until(lambda: world.fed["generation"] == world.fed["observed"], 5)
    assert world.fed["IdleStatus"] == "False"


def test_manifest_conditions_have_a_generation_only_where_the_agent_sets_one() -> None:
    world = settled(disarmed())
    assert world.of_manifest("Applied")["observedGeneration"] == 1
    assert "observedGeneration" not in world.of_manifest("Available")
    assert "observedGeneration" not in world.of_manifest("StatusFeedbackSynced")
    assert world.manifest()["resourceMeta"] == {
        "ordinal": 1,
        "group": "lca.openshift.io",
        "version": "v1",
        "kind": "ImageBasedUpgrade",
        "resource": "imagebasedupgrades",
        "name": "upgrade",
        "namespace": "",
    }


@pytest.mark.parametrize("chance", ["early_read", "late_report"])
def test_the_races_of_the_real_agent_happen(chance: str) -> None:
    world = settled(disarmed())
    always = AgentTiming(
        early_read=float(chance == "early_read"), late_report=float(chance == "late_report")
    )
    world.cluster.agent.timing = world.cluster.agent.works["work"].timing = always
    world.run(1)
    world.put(stage_work("Prep"))
    seen = len(world.history)
    world.run(0.1)
    _, first = world.history[seen]
    conditions = {c["type"]: c["observedGeneration"] for c in first["status"]["conditions"]}
    assert conditions == {"Applied": 1, "Available": 2}
    assert ("Prep" in str(first["status"])) == (chance == "late_report")


# -- refusals ----------------------------------------------------------------------------------


def test_a_refused_stage_is_the_api_servers_text() -> None:
    world = settled(disarmed())
    world.put(stage_work("Upgrade"))
    assert world.until(lambda: world.of_manifest("Applied")["status"] == "False", 5)
    assert applied(world) == f"{PREFIX}<nil>: Invalid value: {NOT_PERMITTED}"
    assert world.of_manifest("Applied")["observedGeneration"] == 2
    assert world.of_manifest("Applied")["reason"] == "AppliedManifestFailed"
    world.run(1)
    assert world.of_manifest("Available")["status"] == "True"
    assert world.fed["stage"] == "Idle"


def test_refusals_are_retried_with_backoff_and_heal() -> None:
    world = settled(stage_work("Prep"))
    world.put(stage_work("Upgrade"))
    world.run(5)
    held = world.cluster.agent.works["work"]
    assert 8 <= held.retries <= 12
    assert world.until(lambda: world.finished("Upgrade"))
    assert world.condition("Applied")["status"] == "True"


def test_a_new_spec_resets_the_backoff() -> None:
    world = settled(stage_work("Prep"))
    world.put(stage_work("Rollback"))
    world.run(8)
    world.put(stage_work("Prep"))
    asked = world.now
    assert world.until(lambda: world.applied, 5)
    assert world.now - asked < 0.05


def test_a_refused_field_is_named() -> None:
    world = settled(stage_work("Prep"))
    world.run(1)
    world.put(stage_work("Prep", extraManifests=[{"name": "a", "namespace": "b"}]))
    world.run(1)
    assert "can not change spec.extraManifests while ibu is in progress" in applied(world)


def test_both_refusals_come_in_one_text() -> None:
    world = settled(stage_work("Prep"))
    world.run(1)
    world.put(stage_work("Rollback", seedImageRef={**SEED, "version": "4.17.0"}))
    world.run(1)
    assert applied(world).startswith(f"{PREFIX}[<nil>: Invalid value: can not change spec.seed")


# -- strategies --------------------------------------------------------------------------------


def test_disarmed_writes_nothing() -> None:
    world = World()
    before = world.ibu["metadata"]["resourceVersion"]
    settled(disarmed(), world)
    assert world.ibu["metadata"]["resourceVersion"] == before
    assert world.fed["stage"] == "Idle"
    assert world.of_manifest("Available")["status"] == "True"


def test_a_look_is_answered_at_once_whatever_the_poll() -> None:
    world = settled(disarmed())
    world.run(5)
    looking = disarmed()
    looking["manifestConfigs"] = [config(DISARMED, watch=False, paths={"look-7": ".spec.stage"})]
    world.put(looking)
    asked = world.now
    assert world.until(lambda: world.applied and world.fed == {"look-7": "Idle"}, 5)
    assert world.now - asked < 0.06


def test_disarming_leaves_the_stage_and_the_run() -> None:
    world = settled(stage_work("Prep", "r1"))
    world.put(disarmed())
    assert world.until(lambda: world.applied and world.fed["stage"] == "Prep", 5)
    assert world.fed["run"] == "r1"
    world.run(600)
    assert world.fed["PrepCompletedStatus"] == "True"


def test_disarmed_cannot_create_a_missing_ibu() -> None:
    world = settled(disarmed())
    old = world.fed
    world.cluster.lca.uninstall(world.now)
    world.run(1)
    world.put(stage_work("Disarmed", strategy=DISARMED, role=True))
    world.run(1)
    assert applied(world).startswith(f'{PREFIX}spec.stage: Unsupported value: "Disarmed": ')
    assert world.of_manifest("Available")["reason"] == "ResourceNotAvailable"
    assert world.condition("Available")["message"] == "1 of 2 resources are not available"
    assert world.fed == old
    world.cluster.lca.install(world.now)
    assert world.until(lambda: world.applied and world.fed["uid"] != old["uid"], 60)


def test_update_replaces_the_spec_and_merges_annotations() -> None:
    manifests = [{"name": "a", "namespace": "b"}]
    world = settled(stage_work("Idle", extraManifests=manifests))
    assert world.ibu["spec"]["extraManifests"] == manifests
    world.cluster.edit_ibu(world.now, annotations={"theirs": "x"})
    world.put(stage_work("Idle", "r2"))
    world.run(1)
    assert "extraManifests" not in world.ibu["spec"]
    assert world.ibu["metadata"]["annotations"] == {"theirs": "x", "ibgu.dev/run": "r2"}


def test_update_of_an_equal_object_writes_nothing() -> None:
    world = settled(stage_work("Idle"))
    before = world.ibu["metadata"]["resourceVersion"]
    world.put(stage_work("Idle", strategy=SSA))
    world.run(1)
    world.put(stage_work("Idle"), labels={"a": "b"})
    world.run(1)
    assert world.ibu["metadata"]["resourceVersion"] == before


def test_server_side_apply_leaves_what_it_does_not_own() -> None:
    manifests = [{"name": "a", "namespace": "b"}]
    world = settled(stage_work("Idle", extraManifests=manifests))
    world.put(stage_work("Idle", strategy=SSA))
    world.run(1)
    assert world.ibu["spec"]["extraManifests"] == manifests


def test_server_side_apply_takes_away_what_it_owned() -> None:
    manifests = [{"name": "a", "namespace": "b"}]
    world = settled(stage_work("Idle", strategy=SSA, extraManifests=manifests))
    world.put(stage_work("Idle", strategy=SSA))
    world.run(1)
    assert "extraManifests" not in world.ibu["spec"]
    assert world.ibu["spec"]["seedImageRef"] == SEED


def test_server_side_apply_conflicts_wait_for_the_periodic_apply() -> None:
    world = settled(stage_work("Idle", strategy=SSA))
    other = {"type": "ServerSideApply", "serverSideApply": {"fieldManager": "work-agent-y"}}
    world.put(stage_work("Prep", strategy=other), name="second")
    world.run(30)
    second = world.works["second"]["status"]["resourceStatus"]["manifests"][1]["conditions"][0]
    assert second["message"] == (
        'Failed to apply manifest: Apply failed with 1 conflict: conflicts with "work-agent-x" '
        "using lca.openshift.io/v1: .spec.stage"
    )
    assert world.cluster.agent.works["second"].retries == 0


def test_read_only_reads_and_is_not_enforced() -> None:
    world = settled(stage_work("Prep"))
    world.put(stage_work("Prep", strategy=READ_ONLY))
    world.run(60)
    world.cluster.set_stage("Idle", world.now)
    world.run(1000)
    assert world.ibu["spec"]["stage"] == "Idle"
    assert world.fed["stage"] == "Idle"


def test_update_is_enforced_at_the_periodic_apply() -> None:
    world = settled(stage_work("Prep"))
    world.run(70)
    world.cluster.set_stage("Idle", world.now)
    world.run(100)
    assert world.ibu["spec"]["stage"] == "Idle"
    world.run(400)
    assert world.ibu["spec"]["stage"] == "Prep"


def test_read_only_and_the_ibu_missing_freezes_the_feedback() -> None:
    world = settled(stage_work("Idle"))
    world.put(stage_work("Idle", strategy=READ_ONLY))
    world.run(1)
    old = world.fed
    world.cluster.lca.uninstall(world.now)
    world.run(600)
    assert world.condition("Applied")["status"] == "True"
    assert world.of_manifest("Available")["reason"] == "ResourceNotAvailable"
    assert world.fed == old
    assert world.cluster.spoke.ibu is None


# -- what is missing on the cluster ------------------------------------------------------------


def test_crd_missing() -> None:
    world = World("crd-missing:10m")
    world.put(stage_work("Prep"))
    world.run(300)
    assert applied(world) == (
        'Failed to apply manifest: the server doesn\'t have a resource type "ImageBasedUpgrade"'
    )
    meta = world.manifest()["resourceMeta"]
    assert (meta["resource"], meta["kind"], meta["name"]) == ("", "ImageBasedUpgrade", "upgrade")
    available = world.of_manifest("Available")
    assert (available["status"], available["reason"]) == ("Unknown", "IncompleteResourceMeta")
    assert available["message"] == "Resource meta is incomplete"
    assert world.until(lambda: world.applied and world.fed.get("stage") == "Prep", 1400)


def test_ibu_missing_and_no_agent() -> None:
    world = World("ibu-missing")
    world.put(stage_work("Prep"))
    world.run(600)
    assert world.ibu["spec"]["stage"] == "Prep"
    assert "status" not in world.ibu
    assert world.fed["stage"] == "Prep"
    assert "observed" not in world.fed


def test_role_that_never_counts() -> None:
    world = World("agent-without-rbac:20m")
    world.put(stage_work("Prep"))
    world.run(1000)
    assert "is forbidden" in applied(world)
    assert world.until(lambda: world.applied, 2000)


def test_a_missing_namespace_stops_only_its_own_manifest() -> None:
    world = World("namespace-missing")
    good = config_map("good", "openshift-lifecycle-agent")
    bad = config_map("bad", "openshift-adp")
    world.put({"workload": {"manifests": [bad, good]}})
    world.run(5)
    assert world.condition("Applied")["status"] == "False"
    manifests = world.works["work"]["status"]["resourceStatus"]["manifests"]
    assert [m["conditions"][0]["message"] for m in manifests] == [
        'Failed to apply manifest: namespaces "openshift-adp" not found',
        "Apply manifest complete",
    ]
    assert world.cluster.spoke.get(Key("", "ConfigMap", "openshift-lifecycle-agent", "good"))


def config_map(name: str, namespace: str) -> JsonObject:
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "1"}}


@pytest.mark.parametrize("kind_order", [True, False])
def test_older_agents_apply_in_the_order_of_the_list(kind_order: bool) -> None:
    world = World()
    world.cluster.agent.timing = AgentTiming(kind_order=kind_order)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new"}}
    made: list[str] = []
    create = world.cluster.spoke.create

    def record(manifest: JsonObject, now: float) -> JsonObject:
        made.append(manifest["kind"])
        return create(manifest, now)

    world.cluster.spoke.create = record  # type: ignore[method-assign]
    world.put({"workload": {"manifests": [config_map("a", "old"), namespace]}})
    world.run(0.5)
    first = ["Namespace", "ConfigMap"] if kind_order else ["ConfigMap", "Namespace"]
    assert made[:2] == first


# -- the pivot ---------------------------------------------------------------------------------


def test_after_the_pivot_the_role_comes_back_and_the_ibu_is_left_alone() -> None:
    world = settled(stage_work("Prep"))
    world.until(lambda: world.finished("Prep"))
    world.put(stage_work("Upgrade", "r2"))
    assert world.until(lambda: not world.cluster.connected)
    frozen = world.works["work"]
    assert world.applied
    uid = world.fed["uid"]
    assert world.until(lambda: world.cluster.connected)
    assert world.works["work"] == frozen
    seen = len(world.history)
    assert world.until(lambda: world.fed["uid"] != uid, 5)
    refused = [
        c
        for _, work in world.history[seen:]
        for c in work["status"]["conditions"]
        if c["type"] == "Applied" and c["status"] == "False"
    ]
    assert refused
    assert refused[0]["observedGeneration"] == 2
    assert world.until(lambda: world.applied, 5)
    assert (world.fed["generation"], world.fed["observed"]) == (1, 1)
    assert world.fed["run"] == "r2"
    assert "expires" in world.fed
    assert world.cluster.spoke.get(key_of(ROLE))


def test_hub_learns_of_the_new_version_when_the_cluster_is_back() -> None:
    world = settled(stage_work("Prep"))
    world.until(lambda: world.finished("Prep"))
    world.put(stage_work("Upgrade"))
    world.until(lambda: world.cluster.lca.node.version == "4.16.5")
    assert claim(world) == "4.14.13"
    world.until(lambda: world.finished("Upgrade"))
    world.run(1)
    assert claim(world) == "4.16.5"
    assert world.mc["metadata"]["labels"]["openshiftVersion"] == "4.16.5"


def claim(world: World) -> str:
    claims = {c["name"]: c["value"] for c in world.mc["status"]["clusterClaims"]}
    return str(claims["version.openshift.io"])


def test_an_armed_rollback_is_refused_by_the_old_etcd_until_the_ibu_is_restored() -> None:
    world = World(durations="60s,rollback-settle=30s")
    settled(stage_work("Prep"), world)
    world.until(lambda: world.finished("Prep"))
    world.put(stage_work("Upgrade"))
    world.until(lambda: world.finished("Upgrade"))
    world.put(stage_work("Rollback"))
    assert world.until(lambda: not world.cluster.connected)
    seen = len(world.history)
    assert world.until(lambda: world.finished("Rollback"))
    world.run(400)
    assert any(NOT_PERMITTED in str(work) for _, work in world.history[seen:])
    assert world.applied
    assert world.fed["RollbackCompletedStatus"] == "True"


def test_two_updates_while_dark_apply_only_the_last() -> None:
    world = settled(stage_work("Prep"))
    world.until(lambda: world.finished("Prep"))
    world.cluster.go_dark()
    world.run(1)
    world.put(stage_work("Upgrade"))
    world.run(30)
    assert world.condition("Applied")["observedGeneration"] == 1
    world.put(stage_work("Idle"))
    world.run(30)
    world.cluster.come_back()
    assert world.until(lambda: world.finished("Abort"))
    assert [run.stage for run in world.cluster.timeline.runs] == ["Prep", "Abort"]


def test_ibu_is_never_written_by_the_agents_restart() -> None:
    world = settled(stage_work("Idle"))
    before = world.cluster.spoke.objects[IBU]
    world.cluster.go_dark()
    world.run(30)
    world.cluster.come_back()
    world.run(30)
    assert world.cluster.spoke.objects[IBU] is before
