"""Previews of a plan, asked for with the rights of the caller."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from msgspec.structs import replace

from ibgu.api.app import create_app
from ibgu.api.context import Context
from ibgu.api.http.concurrency import FleetLists
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.timing.durations import DurationsByAction, DurationStats
from ibgu.core.model import Kind, OnMember, RolloutState, StepState
from ibgu.core.model.kinds import LabelSelector, ObjectRef
from ibgu.db import Journal
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from tests.api.fleet import (
    failed,
    fleet,
    open_step,
    put,
    rollout,
    run_upgrade,
    seen,
    spec,
    succeeded,
    tell,
)
from tests.api.test_changes import manifest
from tests.db.records import NOW, member, step

Preview = Callable[..., Awaitable[httpx.Response]]
NAMES = ("pv-1", "pv-2", "pv-10")


@pytest.fixture(autouse=True)
async def clusters(sandbox_hub: SandboxHub) -> AsyncIterator[None]:
    """Three that carry the label fleet=pv; pv-2 is not accepted."""
    async with await HubClient.connect(str(sandbox_hub.kubeconfig("admin"))) as admin:
        for name in NAMES:
            labels = {"fleet": "pv", "openshiftVersion": "4.16.3"}
            body = {
                "apiVersion": "cluster.open-cluster-management.io/v1",
                "kind": "ManagedCluster",
                "metadata": {"name": name, "labels": labels},
                "spec": {"hubAcceptsClient": name != "pv-2"},
            }
            await admin.request("POST", paths.MANAGED_CLUSTERS, body=body)
        yield
        for name in NAMES:
            await admin.request("DELETE", paths.managed_cluster(name))


@pytest.fixture
def preview(client: httpx.AsyncClient, sandbox_hub: SandboxHub) -> Preview:
    async def preview(user: str, **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {sandbox_hub.token(user)}"}
        return await client.post("/api/v1/preview", json=body, headers=headers)

    return preview


def proposed(*steps: str, **ibu: Any) -> dict[str, Any]:
    body = manifest(*steps)
    body["spec"]["clusterLabelSelectors"] = [{"matchLabels": {"fleet": "pv"}}]
    body["spec"]["ibuSpec"] |= ibu
    return body


async def test_an_annotation_that_is_misspelt(preview: Preview) -> None:
    body = proposed("Prep")
    body["metadata"]["annotations"] = {"ibgu.dev/rampup": "true"}
    found = (await preview("olga", manifest=body)).json()
    assert [words for words in found["warnings"] if "ibgu.dev/rampup does nothing" in words]


def proposed_in(namespace: object) -> dict[str, Any]:
    body = proposed("Prep")
    body["metadata"]["namespace"] = namespace
    return {"manifest": body}


async def test_an_object_as_the_hub_shows_it_is_previewed(preview: Preview) -> None:
    body = proposed("Prep") | {"status": {"phase": "Running", "clusters": [{"name": "pv-1"}]}}
    body["metadata"] |= {
        "creationTimestamp": "2026-11-20T02:00:00Z",
        "generation": 3,
        "managedFields": [{"manager": "kubectl", "operation": "Update"}],
        "resourceVersion": "17",
        "uid": "0f5a2a38-6b54-4a5e-9f4e-2f1f7a2f4c11",
    }
    answer = await preview("olga", manifest=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["selected"], found["valid"], found["problems"]) == (2, True, [])


async def test_a_misspelt_field_is_a_problem(preview: Preview) -> None:
    """The API server would drop it where a client does not ask it to be strict."""
    answer = await preview("olga", manifest=proposed("Prep", oadpContents=[]))
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert not found["valid"]
    assert 'unknown field "spec.ibuSpec.oadpContents"' in found["problems"][0]


async def test_a_manifest_that_is_not_applied_yet(preview: Preview) -> None:
    missing = [{"name": "oadp-cm", "namespace": "default"}]
    body = proposed("Prep", oadpContent=missing)
    body["spec"]["ibuSpec"]["seedImageRef"]["pullSecretRef"] = {"name": "pull"}
    answer = await preview("olga", manifest=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["selected"], found["valid"], found["problems"]) == (2, True, [])
    assert found["excluded"] == [
        {
            "why": "not accepted by the hub (spec.hubAcceptsClient)",
            "count": 1,
            "clusters": ["pv-2"],
        }
    ]
    (only,) = found["steps"]
    assert only["order"] == ["pv-1", "pv-10"]
    assert (only["waves"], only["allowedMinutesPerSite"], only["measured"]) == (1, 240.0, None)
    assert found["ends"]["likely"] is None
    told = "\n".join(found["warnings"])
    assert "2 of 2 clusters are not reachable now" in told
    assert "is named by a tag" in told
    assert "ConfigMap default/oadp-cm: was not checked: you may not read it [P13]" in told
    assert "Secret default/pull: was not checked" in told
    as_admin = (await preview("admin", manifest=body)).json()["warnings"]
    assert (
        "ConfigMap default/oadp-cm: is not on the hub: create it, or deliver it to the clusters "
        "another way [P13]"
    ) in as_admin


@pytest.mark.parametrize("key", ["password", ".dockerconfigjson"])
async def test_a_preview_reports_a_secret_that_is_no_pull_secret(
    preview: Preview, kubectl: Kubectl, key: str
) -> None:
    """The rollout would be held by it once it has begun; nothing of its content is shown."""
    name = f"preview-{key.lstrip('.')}"
    password = '{"auths": {}, "password": "kept-from-all"}'
    kubectl(
        *("create", "secret", "generic", name, "-n", "default", "--type=Opaque"),
        f"--from-literal={key}={password}",
    )
    body = proposed("Prep")
    body["spec"]["ibuSpec"]["seedImageRef"]["pullSecretRef"] = {"name": name}
    answer = await preview("admin", manifest=body)
    found = answer.json()
    assert found["valid"] is (key != "password")
    assert found["problems"] == [
        f"Secret default/{name}: has the type Opaque and no key .dockerconfigjson, and nothing of "
        "it is carried: a pull secret has the key .dockerconfigjson and the type "
        "kubernetes.io/dockerconfigjson or Opaque. Name a pull secret in "
        "seedImageRef.pullSecretRef [P12]"
    ] * (key == "password")
    assert "kept-from-all" not in answer.text
    (unread,) = (
        words
        for words in (await preview("olga", manifest=body)).json()["warnings"]
        if f"Secret default/{name}" in words
    )
    assert unread.endswith("was not checked: you may not read it [P12]")
    kubectl("delete", "secret", name, "-n", "default")


async def test_the_hubs_admission_is_asked(preview: Preview) -> None:
    body = proposed("Prep")
    body["spec"]["ibuSpec"]["seedImageRef"]["image"] = "no image"
    found = (await preview("olga", manifest=body)).json()
    assert not found["valid"]
    assert "spec.ibuSpec.seedImageRef.image" in found["problems"][0]
    reader = (await preview("alice", manifest=proposed("Prep"))).json()
    assert reader["valid"]
    assert 'User "alice" cannot create resource' in reader["warnings"][-1]


async def test_a_rollback_that_leaves_out_what_the_upgrade_had(
    preview: Preview, journal: Journal, kubectl: Kubectl
) -> None:
    """The preview was clean; then the clusters refused the Rollback, and failed in two minutes."""
    content = [ObjectRef("oadp-cm", "openshift-adp")]
    before = replace(spec(), ibu_spec=replace(spec().ibu_spec, oadp_content=content))
    one = rollout(spec=before)
    await seen(journal, one)
    done = await open_step(journal, step(one, 0, Action.UPGRADE))
    upgraded = member(done, "pv-1", 0)
    await put(journal, upgraded)
    await run_upgrade(journal, upgraded)
    kubectl("label", "managedcluster", "pv-1", "lcm.openshift.io/ibgu-upgrade-completed=")
    found = (await preview("olga", manifest=proposed("Rollback"))).json()
    assert (found["selected"], found["valid"]) == (1, True)
    told = [words for words in found["warnings"] if "ibuSpec" in words]
    assert told == [
        "spec.ibuSpec.oadpContent is missing: 1 cluster was prepared or upgraded by default/ran-r1 "
        "with another value, and refuses Rollback, because no field may change before Idle; copy "
        "the field from there (pv-1)"
    ]
    same = [{"name": "oadp-cm", "namespace": "openshift-adp"}]
    as_before = await preview("olga", manifest=proposed("Rollback", oadpContent=same))
    assert not [words for words in as_before.json()["warnings"] if "ibuSpec" in words]


async def test_references_to_what_can_not_exist(preview: Preview) -> None:
    wrong = [{"name": "..", "namespace": "default"}, {"name": "oadp", "namespace": ""}]
    body = proposed("Prep", oadpContent=wrong)
    body["spec"]["ibuSpec"]["seedImageRef"]["pullSecretRef"] = {"name": "."}
    found = (await preview("olga", manifest=body)).json()
    assert not found["valid"]
    assert found["problems"][:3] == [
        "Secret default/.: can't exist: '.' is not a name of a Kubernetes object [P12]",
        "ConfigMap default/..: can't exist: '..' is not a name of a Kubernetes object [P13]",
        "ConfigMap /oadp: can't exist: '' is not a name of a Kubernetes object [P13]",
    ]


async def test_only_as_many_config_maps_as_the_policy_allows_are_looked_for(
    preview: Preview,
) -> None:
    """5,000 entries were 5,000 reads, one after the other."""
    one = {"name": "pv", "namespace": "default"}
    many = [{"name": f"pv-{number}", "namespace": "default"} for number in range(5000)]
    same = (await preview("olga", manifest=proposed("Prep", oadpContent=[one] * 5000))).json()
    found = (await preview("olga", manifest=proposed("Prep", oadpContent=many))).json()
    assert sum(words.startswith("ConfigMap default/pv: ") for words in same["warnings"]) == 1
    assert sum(words.startswith("ConfigMap default/pv-") for words in found["warnings"]) == 26
    [left] = [words for words in found["warnings"] if "names 4974" in words]
    assert left.startswith("spec.ibuSpec.oadpContent: names 4974 ConfigMaps more than the 26 that")


async def test_a_forbidden_caller_is_refused_at_once_and_others_queue(
    context: Context, sandbox_hub: SandboxHub, journal: Journal
) -> None:
    """A list of the whole fleet takes seconds, and each request of anybody made one."""
    lists = FleetLists(of_user=1, at_a_time=1)
    await fleet(journal)
    transport = httpx.ASGITransport(app=create_app(replace(context, fleet_lists=lists)))
    async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as client:

        async def asked(user: str, path: str, **body: Any) -> httpx.Response:
            headers = {"Authorization": f"Bearer {sandbox_hub.token(user)}"}
            return await client.post(f"/api/v1/{path}", json=body, headers=headers)

        async with lists.turn("nobody"):
            refused = await asked("alice", "rollouts/default/ran-r1/retry")
            assert (refused.status_code, refused.json()["verb"]) == (403, "create")
            waiting = asyncio.create_task(asked("olga", "preview", manifest=proposed("Prep")))
            while lists._places._taken.total() < 2:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.01)
            second = await asked("olga", "preview", manifest=proposed("Prep"))
            assert (second.status_code, second.headers["retry-after"]) == (429, "1")
            assert not waiting.done()
        assert (await waiting).status_code == 200


@pytest.mark.parametrize("seconds", [2**63 - 1, 10**30])
async def test_a_time_that_no_calendar_has(preview: Preview, seconds: int) -> None:
    times = {"initMonitorTimeoutSeconds": seconds}
    answer = await preview("olga", manifest=proposed("Upgrade", autoRollbackOnFailure=times))
    assert answer.status_code == 200
    assert f"Invalid value: {seconds}" in answer.json()["problems"][0]


async def test_five_thousand_clusters_by_name(preview: Preview) -> None:
    names = ["pv-1", *(f"{i:x<63}" for i in range(10_000, 14_999))]
    body = proposed("Prep")
    chosen = {"key": "name", "operator": "In", "values": names}
    body["spec"]["clusterLabelSelectors"] = [{"matchExpressions": [chosen]}]
    answer = await preview("olga", manifest=body)
    assert (answer.status_code, answer.json()["problems"]) == (200, [])


async def test_a_plan_that_can_not_be(preview: Preview) -> None:
    found = (await preview("olga", manifest=proposed("Upgrade", "Prep"))).json()
    assert not found["valid"]
    assert found["problems"][0].startswith("spec.plan: invalid combinations of actions")
    assert (found["steps"], found["ends"]) == ([], None)


async def make_available(sandbox_hub: SandboxHub, name: str) -> None:
    condition = {
        "type": "ManagedClusterConditionAvailable",
        "status": "True",
        "reason": "ManagedClusterAvailable",
        "message": "",
        "lastTransitionTime": NOW.isoformat(),
    }
    async with await HubClient.connect(str(sandbox_hub.kubeconfig("admin"))) as admin:
        await admin.request(
            "PATCH",
            f"{paths.managed_cluster(name)}/status",
            body={"status": {"conditions": [condition]}},
            content_type=paths.MERGE_PATCH,
        )


async def test_the_end_is_a_range_for_the_clusters_that_the_plan_reaches(
    app: FastAPI, preview: Preview, sandbox_hub: SandboxHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def measured() -> DurationsByAction:
        return {Action.PREP: DurationStats(12, 600.0, 900.0, (600.0,))}

    monkeypatch.setattr(app.state.measured, "duration_stats", measured)
    dark = (await preview("olga", manifest=proposed("Prep"))).json()["ends"]
    assert (dark["likely"], dark["slow"]) == (None, None)
    await make_available(sandbox_hub, "pv-1")
    ends = (await preview("olga", manifest=proposed("Prep"))).json()["ends"]
    assert ends["likely"] < ends["slow"] < ends["latest"]
    assert ends["basis"] == [
        "Prep measured 12 times here: half took 10 min, 95 of 100 at most 15 min",
        "no cluster fails",
    ]
    assert ends["unreached"] == [
        {"why": "the hub can't reach them now", "count": 1, "clusters": ["pv-10"]}
    ]


async def test_steps_to_append(preview: Preview, journal: Journal) -> None:
    one = rollout("pv", spec=replace(spec(), plan=spec().plan[:1]))
    await seen(journal, one)
    await open_step(journal, step(one, 0, Action.PREP, max_concurrency=2))
    body = {"namespace": "default", "name": "ran-pv", "append": [{"actions": ["Upgrade"]}]}
    found = (await preview("alice", **body)).json()
    (upgrade,) = found["steps"]
    assert (upgrade["step"], upgrade["slots"], upgrade["timeoutMinutes"]) == (2, 2, 240)
    assert found["warnings"][0].startswith("spec.clusterLabelSelectors is absent")
    wrong = (await preview("alice", **(body | {"append": [{"actions": ["Rollback"]}]}))).json()
    assert not wrong["valid"]
    over = step(one, 0, Action.PREP, state=StepState.FINISHED, max_concurrency=2)
    await open_step(journal, over)
    assert (await preview("alice", **body)).json()["ends"]["likely"] is not None


async def test_annotations_of_the_rollout_count_for_steps_to_append(
    preview: Preview, journal: Journal
) -> None:
    asked = {"ibgu.dev/backup": "etcd"}
    chosen = [LabelSelector(match_labels={"fleet": "pv"})]
    plan = replace(spec(), plan=spec().plan[:1], cluster_label_selectors=chosen)
    one = rollout("pv", spec=plan, controls=asked)
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP, total=1))
    await put(journal, member(prep, "pv-1", 0))
    body = {"namespace": "default", "name": "ran-pv", "append": [{"actions": ["Upgrade"]}]}
    warnings = (await preview("alice", **body)).json()["warnings"]
    assert [each for each in warnings if "ibgu.dev/backup: etcd is not Etcd or Full" in each]


async def test_a_cluster_that_failed_in_the_running_step_is_left_out(
    preview: Preview, journal: Journal
) -> None:
    chosen = [LabelSelector(match_labels={"fleet": "pv"})]
    one = rollout("pv", spec=replace(spec(), plan=spec().plan[:1], cluster_label_selectors=chosen))
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP, total=2))
    await put(journal, member(prep, "pv-1", 0), failed(prep, "pv-10", 1, "no space"))
    body = {"namespace": "default", "name": "ran-pv", "append": [{"actions": ["Upgrade"]}]}
    (upgrade,) = (await preview("alice", **body)).json()["steps"]
    assert upgrade["order"] == ["pv-1"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"namespace": "default", "name": "x", "manifest": {}},
        {"manifest": {"kind": "ImageBasedGroupUpgrade"}},
        {"manifest": {"kind": "Other", "metadata": {}}},
        {"manifest": {"metadata": {}, "spec": {"plan": 3}}},
        {"namespace": ".", "name": "x"},
        *(proposed_in(namespace) for namespace in (".", "..", "a/b", "A", "a.b", "x" * 64, 7)),
        {"manifest": {"kind": "ImageBasedGroupUpgrade", "metadata": {}, "x": "\ud800"}},
    ],
)
async def test_bodies_that_can_not_be_used(
    client: httpx.AsyncClient, sandbox_hub: SandboxHub, body: dict[str, Any]
) -> None:
    """In ASCII any character may be escaped, also half of one."""
    token = f"Bearer {sandbox_hub.token('olga')}"
    headers = {"Authorization": token, "Content-Type": "application/json"}
    answer = await client.post("/api/v1/preview", content=json.dumps(body), headers=headers)
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, "invalid")


async def test_forbidden_callers_and_unknown_rollouts_are_refused(preview: Preview) -> None:
    bob = await preview("bob", manifest=proposed("Prep"))
    assert bob.status_code == 403
    assert bob.json()["detail"].startswith("bob may not list managedclusters")
    gone = await preview("alice", namespace="default", name="none")
    assert gone.status_code == 404


@pytest.mark.parametrize("what", ["preview", "preflight"])
async def test_a_deleted_rollout_is_not_judged(
    client: httpx.AsyncClient, journal: Journal, sandbox_hub: SandboxHub, what: str
) -> None:
    await seen(journal, rollout("gone", state=RolloutState.DELETED, deleted_at=NOW))
    headers = {"Authorization": f"Bearer {sandbox_hub.token('alice')}"}
    body = {"namespace": "default", "name": "ran-gone"}
    answer = await client.post(f"/api/v1/{what}", json=body, headers=headers)
    assert answer.status_code == 409
    assert answer.json()["detail"] == "the ImageBasedGroupUpgrade was deleted"


async def test_with_tenancy_a_namespace_takes_what_is_bound_to_it(
    context: Context, sandbox_hub: SandboxHub
) -> None:
    """The caller's rights count: a user who can't read what is bound reads which one is missing."""
    api = "cluster.open-cluster-management.io/v1beta2"
    chosen = {"matchExpressions": [{"key": "name", "operator": "In", "values": ["pv-1"]}]}
    selector = {"selectorType": "LabelSelector", "labelSelector": chosen}
    meta = {"name": "pv"}
    found = {"apiVersion": api, "kind": "ManagedClusterSet", "metadata": meta}
    bound = {"apiVersion": api, "kind": "ManagedClusterSetBinding", "metadata": meta}
    where = paths.cluster_set_bindings("default")
    app = create_app(replace(context, tenancy=True))
    async with (
        await HubClient.connect(str(sandbox_hub.kubeconfig("admin"))) as admin,
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://ibgu") as rest,
    ):

        async def asked(user: str) -> httpx.Response:
            headers = {"Authorization": f"Bearer {sandbox_hub.token(user)}"}
            body = {"manifest": proposed("Prep")}
            return await rest.post("/api/v1/preview", json=body, headers=headers)

        label = {"metadata": {"labels": {"name": "pv-1"}}}
        path = paths.managed_cluster("pv-1")
        await admin.request("PATCH", path, body=label, content_type=paths.MERGE_PATCH)
        unbound = (await asked("admin")).json()
        assert "no ManagedClusterSet is bound to namespace default" in unbound["problems"][0]
        spec = {"clusterSelector": selector}
        await admin.request("POST", paths.CLUSTER_SETS, body=found | {"spec": spec})
        await admin.request("POST", where, body=bound | {"spec": {"clusterSet": "pv"}})
        told = (await asked("admin")).json()
        refused = await asked("olga")
        await admin.request("DELETE", f"{where}/pv")
        await admin.request("DELETE", f"{paths.CLUSTER_SETS}/pv")
    assert (told["selected"], told["steps"][0]["order"]) == (1, ["pv-1"])
    why = "in no cluster set that is bound to namespace default"
    assert {"why": why, "count": 2, "clusters": ["pv-2", "pv-10"]} in told["excluded"]
    assert refused.status_code == 403
    assert refused.json()["resource"] == "managedclustersetbindings"


async def test_a_preview_warns_of_passed_rollback_deadlines(
    preview: Preview, journal: Journal, sandbox_hub: SandboxHub
) -> None:
    upgraded = {"lcm.openshift.io/ibgu-upgrade-completed": ""}
    async with await HubClient.connect(str(sandbox_hub.kubeconfig("admin"))) as admin:
        for name in ("pv-1", "pv-10"):
            body = {"metadata": {"labels": upgraded}}
            await admin.request(
                "PATCH",
                paths.managed_cluster(name),
                body=body,
                content_type=paths.MERGE_PATCH,
            )
    one = rollout()
    await seen(journal, one)
    over = await open_step(
        journal, step(one, 0, Action.UPGRADE, state=StepState.FINISHED, finished_at=NOW, total=2)
    )
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=30)
    first, second = succeeded(over, "pv-1", 0), succeeded(over, "pv-10", 1)
    await put(journal, replace(first, rollback_until=soon), second)
    words = "the rollback deadline has passed"
    await tell(journal, OnMember(Kind.ROLLBACK_DEADLINE, second, words, warning=True))
    found = (await preview("alice", manifest=proposed("Rollback"))).json()
    assert found["errors"] == [
        "1 of 2 clusters can't be rolled back any more: their rollback deadline has passed, "
        "so they refuse a Rollback (pv-10) [P36]"
    ]
    assert [words for words in found["warnings"] if "rolled back" in words] == [
        f"the first cluster can be rolled back until {soon:%Y-%m-%dT%H:%M:%SZ} only: a "
        "cluster that has not begun by its own deadline is refused [P36]",
    ]
    found = (await preview("alice", manifest=proposed("FinalizeUpgrade"))).json()
    assert not [words for words in found["warnings"] if "rolled back" in words]


RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture
async def freeze(sandbox_hub: SandboxHub) -> AsyncIterator[None]:
    """A policy that freezes the clusters of this module in namespace default, for rollouts with the
    label tier=slow; carol may list clusters, and no policies."""
    body = {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": "RolloutPolicy",
        "metadata": {"name": "pv-freeze"},
        "spec": {
            "rollouts": {
                "namespaces": ["default"],
                "selector": {"matchLabels": {"tier": "slow"}},
            },
            "clusters": {"selector": {"matchLabels": {"fleet": "pv"}}},
            "inFlight": 1,
            "freezes": [{"from": "2020-01-01T00:00:00Z", "until": "2120-01-01T00:00:00Z"}],
        },
    }
    group, version = "rbac.authorization.k8s.io", f"{RBAC.removeprefix('/apis/')}"
    rule = {"apiGroups": ["cluster.open-cluster-management.io"], "verbs": ["list"]}
    role = {
        "apiVersion": version,
        "kind": "ClusterRole",
        "metadata": {"name": "pv-clusters"},
        "rules": [rule | {"resources": ["managedclusters"]}],
    }
    binding = {
        "apiVersion": version,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "pv-clusters"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "pv-clusters"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "carol"}],
    }
    async with await HubClient.connect(str(sandbox_hub.kubeconfig("admin"))) as admin:
        await admin.request("POST", paths.ROLLOUT_POLICIES, body=body)
        await admin.request("POST", f"{RBAC}/clusterroles", body=role)
        await admin.request("POST", f"{RBAC}/clusterrolebindings", body=binding)
        yield
        await admin.request("DELETE", paths.rollout_policy("pv-freeze"))
        await admin.request("DELETE", f"{RBAC}/clusterrolebindings/pv-clusters")
        await admin.request("DELETE", f"{RBAC}/clusterroles/pv-clusters")


def about_policies(found: httpx.Response) -> list[str]:
    words = found.json()["warnings"]
    return [each for each in words if "RolloutPolic" in each or "the policy" in each]


@pytest.mark.usefixtures("freeze")
async def test_a_preview_says_what_policies_would_hold(preview: Preview) -> None:
    body = proposed("Prep")
    assert about_policies(await preview("alice", manifest=body)) == []
    body["metadata"]["labels"] = {"tier": "slow"}
    assert about_policies(await preview("alice", manifest=body)) == [
        "2 of 2 clusters can't start Prep now: policy pv-freeze: the policy freezes all starts "
        "until 2120-01-01T00:00:00Z (pv-1, pv-10)",
        "RolloutPolicy/pv-freeze is checked when a cluster starts: it may delay clusters of this "
        "plan",
    ]
    assert about_policies(await preview("alice", manifest=proposed("Abort"))) == []


@pytest.mark.usefixtures("freeze")
async def test_a_preview_leaves_out_policies_that_its_user_may_not_read(preview: Preview) -> None:
    (words,) = about_policies(await preview("carol", manifest=proposed("Prep")))
    assert words.startswith("you may not list RolloutPolicies, so this leaves out what they hold")


async def test_a_budget_of_the_hub_that_is_spent_is_warned_of(
    preview: Preview, journal: Journal, sandbox_hub: SandboxHub
) -> None:
    one = rollout("fails", name="fails")
    await seen(journal, one)
    opened = await open_step(journal, step(one, 0, Action.PREP))
    ended_at = datetime.now(UTC) - timedelta(minutes=1)
    await put(journal, failed(opened, "pv-1", 0, "no space left", ended_at=ended_at))
    spec = {
        "rollouts": {"namespaces": ["default"]},
        "clusters": {"selector": {"matchLabels": {"fleet": "pv"}}},
        "failureBudget": {"maximum": 0, "per": "Hub", "withinMinutes": 60},
    }
    body = {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": "RolloutPolicy",
        "metadata": {"name": "pv-budget"},
        "spec": spec,
    }
    async with await HubClient.connect(str(sandbox_hub.kubeconfig("admin"))) as admin:
        await admin.request("POST", paths.ROLLOUT_POLICIES, body=body)
        try:
            found = (await preview("alice", manifest=proposed("Prep"))).json()
        finally:
            await admin.request("DELETE", paths.rollout_policy("pv-budget"))
    assert found["ends"]["likely"] is None
    assert [
        each for each in found["warnings"] if each.startswith("Prep would not start: 1 cluster")
    ]
