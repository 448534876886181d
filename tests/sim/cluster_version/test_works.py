"""The works of an update under the work agent: looks, requests, marks, and their ends."""

from typing import Any

import pytest

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.agent.ssa import merge_patch
from ibgu.sim.cluster_version.objects import CLUSTER_VERSION
from ibgu.sim.spoke import Refusal
from tests.sim.cluster_simulation import feedback_of
from tests.sim.cluster_version.updating import IMAGE, VERSION, Updating

READS = ["get", "list", "watch"]
WRITES = [*READS, "patch", "create", "delete"]
PATHS = {
    "run": r".metadata.annotations.ibgu\.dev/run",
    "image": ".spec.desiredUpdate.image",
    "force": ".spec.desiredUpdate.force",
    "state": ".status.history[0].state",
    "completed": ".status.history[0].completionTime",
    "installed": '.status.history[?(@.state=="Completed")].version',
    "accepted": '.status.conditions[?(@.type=="ReleaseAccepted")].status',
    "invalid": '.status.conditions[?(@.type=="Invalid")].status',
    "updates": ".status.availableUpdates",
}
CREATE_ONLY: JsonObject = {"type": "CreateOnly"}
REQUEST: JsonObject = {"desiredUpdate": {"version": VERSION, "image": IMAGE, "force": False}}


def role(verbs: list[str]) -> JsonObject:
    labels = {"open-cluster-management.io/aggregate-to-work": "true"}
    groups = ["config.openshift.io", "machineconfiguration.openshift.io"]
    rule = {"apiGroups": groups, "resources": ["*"], "verbs": verbs}
    resources = ["clusterversions", "clusteroperators", "machineconfigpools"]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "update", "labels": labels},
        "rules": [{**rule, "resources": resources}],
    }


def apply(manager: str) -> JsonObject:
    options = {"force": True, "fieldManager": manager}
    return {"type": "ServerSideApply", "serverSideApply": options}


def work(
    strategy: JsonObject,
    *others: JsonObject,
    run: str = "",
    spec: JsonObject | None = None,
    verbs: list[str] = WRITES,
    policy: str = "Orphan",
) -> JsonObject:
    version: JsonObject = {"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion"}
    version["metadata"] = {"name": "version"}
    if run:
        version["metadata"]["annotations"] = {"ibgu.dev/run": run}
    if spec is not None:
        version["spec"] = spec
    config = {
        "resourceIdentifier": {
            "group": "config.openshift.io",
            "resource": "clusterversions",
            "name": "version",
        },
        "feedbackRules": [
            {"type": "JSONPaths", "jsonPaths": [{"name": k, "path": v} for k, v in PATHS.items()]}
        ],
        "updateStrategy": strategy,
        "feedbackScrapeType": "Watch",
    }
    return {
        "workload": {"manifests": [role(verbs), version, *others]},
        "deleteOption": {"propagationPolicy": policy},
        "manifestConfigs": [config],
    }


def put(cluster: Updating, spec: JsonObject) -> dict[str, Any]:
    """Returns the feedback once the agent has applied the work."""
    cluster.world.put(spec)
    assert cluster.world.until(lambda: cluster.world.applied, 120)
    cluster.run(1)
    return feedback_of(cluster.world.manifest("ClusterVersion"))


def test_a_look_reads_what_is_there_and_changes_nothing() -> None:
    cluster = Updating()
    before = cluster.object["metadata"]["resourceVersion"]
    fed = put(cluster, work(CREATE_ONLY))
    assert cluster.object["metadata"]["resourceVersion"] == before
    assert fed["state"] == "Completed"
    assert fed["installed"] == "4.16.3"
    assert fed["accepted"] == "True"


def test_a_null_and_a_missing_field_give_no_value_and_no_error() -> None:
    cluster = Updating()
    put(cluster, work(apply("update"), run="r1", spec=REQUEST))
    cluster.until_state("Partial")
    cluster.run(60)
    fed = feedback_of(cluster.world.manifest("ClusterVersion"))
    assert fed["state"] == "Partial"
    assert {"completed", "invalid", "updates"}.isdisjoint(fed)
    assert cluster.world.of_manifest("StatusFeedbackSynced", "ClusterVersion")["status"] == "True"


def test_the_works_of_a_rollout_in_turn() -> None:
    cluster = Updating()
    put(cluster, work(CREATE_ONLY))
    fed = put(cluster, work(apply("mark"), run="r1"))
    assert fed["run"] == "r1"
    assert "image" not in fed
    fed = put(cluster, work(apply("update"), run="r2", spec=REQUEST))
    assert (fed["run"], fed["image"], fed["force"]) == ("r2", IMAGE, False)
    assert cluster.object["spec"]["clusterID"]
    assert cluster.object["spec"]["channel"] == "stable-4.16"
    fed = put(cluster, work(CREATE_ONLY))
    assert fed["image"] == IMAGE
    fed = put(cluster, work(apply("mark"), run="r3"))
    assert (fed["run"], fed["image"]) == ("r3", IMAGE)
    assert cluster.until_state("Completed")
    cluster.world.remove()
    cluster.run(60)
    assert cluster.world.works == {}
    assert cluster.object["spec"]["desiredUpdate"]["image"] == IMAGE


def test_an_apply_that_leaves_the_request_out_withdraws_it() -> None:
    cluster = Updating(signed=False)
    put(cluster, work(apply("update"), run="r1", spec=REQUEST))
    put(cluster, work(apply("update"), run="r2"))
    assert "desiredUpdate" not in cluster.object["spec"]


def test_a_part_that_oc_owns_stays_when_the_request_is_left_out_and_is_invalid() -> None:
    cluster = Updating(signed=False)
    leftover = {"architecture": "", "version": "", "image": "", "force": False}
    patch = {"spec": {"desiredUpdate": leftover}}
    merge_patch(cluster.spoke, CLUSTER_VERSION, patch, "oc", cluster.world.now)
    put(cluster, work(apply("update"), run="r1", spec=REQUEST))
    put(cluster, work(apply("update"), run="r2"))
    assert cluster.object["spec"]["desiredUpdate"] == {"architecture": "", "force": False}
    assert cluster.condition("Invalid")[0] == "True"


def test_leftovers_of_oc_stay_when_the_image_alone_is_applied() -> None:
    cluster = Updating(signed=False)
    leftover = {"architecture": "", "version": "4.16.4", "image": "x", "force": True}
    patch = {"spec": {"desiredUpdate": leftover}}
    merge_patch(cluster.spoke, CLUSTER_VERSION, patch, "oc", cluster.world.now)
    put(cluster, work(apply("update"), spec={"desiredUpdate": {"image": IMAGE}}))
    assert cluster.object["spec"]["desiredUpdate"] == {**leftover, "image": IMAGE}
    put(cluster, work(apply("update"), spec=REQUEST))
    assert cluster.object["spec"]["desiredUpdate"] == {**leftover, **REQUEST["desiredUpdate"]}


def test_a_patch_of_oc_takes_the_field_from_its_owner() -> None:
    cluster = Updating(signed=False)
    put(cluster, work(apply("update"), run="r1", spec=REQUEST))
    patch = {"spec": {"desiredUpdate": {"image": "x"}}}
    merge_patch(cluster.spoke, CLUSTER_VERSION, patch, "oc", cluster.world.now)
    unforced = {"type": "ServerSideApply", "serverSideApply": {"fieldManager": "update"}}
    cluster.world.put(work(unforced, run="r1", spec=REQUEST))
    cluster.run(5)
    message = cluster.world.of_manifest("Applied", "ClusterVersion")["message"]
    assert '"oc" using config.openshift.io/v1: .spec.desiredUpdate.image' in message


@pytest.mark.parametrize("value", ["amd64", "Multi"])
def test_an_architecture_beside_an_image_is_refused(value: str) -> None:
    cluster = Updating()
    patch = {"spec": {"desiredUpdate": {"architecture": value, "image": IMAGE}}}
    with pytest.raises(Refusal, match="cannot set both Architecture and Image"):
        merge_patch(cluster.spoke, CLUSTER_VERSION, patch, "oc", cluster.world.now)


def test_a_bare_name_of_a_kind_that_requires_a_spec_is_not_created() -> None:
    cluster = Updating()
    pool = {"apiVersion": "machineconfiguration.openshift.io/v1", "kind": "MachineConfigPool"}
    missing: JsonObject = {**pool, "metadata": {"name": "canary"}}
    cluster.world.put(work(CREATE_ONLY, missing))
    cluster.run(5)
    message = cluster.world.of_manifest("Applied", "MachineConfigPool")["message"]
    assert message.endswith('"canary" is invalid: spec: Required value')
    assert cluster.world.of_manifest("Applied", "ClusterVersion")["status"] == "True"


@pytest.mark.parametrize(("policy", "left"), [("Orphan", True), ("Foreground", False)])
def test_only_an_orphaning_work_leaves_the_cluster_version_behind(
    policy: str, *, left: bool
) -> None:
    cluster = Updating()
    put(cluster, work(CREATE_ONLY, policy=policy))
    cluster.world.remove()
    cluster.run(60)
    assert (cluster.spoke.get(CLUSTER_VERSION) is not None) is left
