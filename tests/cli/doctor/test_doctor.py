"""The command on a real hub and a real Postgres."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy.engine import make_url
from typer.testing import CliRunner, Result

from ibgu.cli.app import app
from ibgu.db import Journal, dsn, engine
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.waiting import wait_until

Doctor = Callable[..., Result]


@pytest.fixture
def doctor(sandbox_hub: SandboxHub) -> Doctor:
    """`doctor("-o", "json", user="ibgu", DATABASE_URL=...)`; user "" is no kubeconfig at all."""

    def run(*args: str, user: str = "ibgu", **env: str) -> Result:
        kubeconfig = str(sandbox_hub.kubeconfig(user)) if user else ""
        given = {"KUBECONFIG": kubeconfig, "DATABASE_URL": "", "IBGU_TOKEN": ""} | env
        return CliRunner().invoke(app, ["doctor", *args], env=given)

    return run


def levels(result: Result) -> dict[str, str]:
    """Check -> its worst level."""
    order = ["ok", "skipped", "warning", "error"]
    found: dict[str, str] = {}
    for each in json.loads(result.stdout)["findings"]:
        worst = max(found.get(each["check"], "ok"), each["level"], key=order.index)
        found[each["check"]] = worst
    return found


def told(result: Result, check: str) -> str:
    """Returns what was found and is to be done, all of the check's lines."""
    found = [each for each in json.loads(result.stdout)["findings"] if each["check"] == check]
    return "\n".join(f"{each['found']} -> {each['do']}" for each in found)


def test_a_hub_with_ibgus_account_lacks_nothing(doctor: Doctor, database_url: str) -> None:
    result = doctor(*("-o", "json"), DATABASE_URL=database_url, IBGU_PAYLOAD_REFERENCES="namespace")
    found = levels(result)
    for check in (
        "clusters",
        "agents",
        "ConfigMaps and secrets",
        "tenancy",
    ):  # what other tests left there
        found.pop(check)
    assert set(found.values()) == {"ok"}, result.stdout
    assert {"hub", "rights", "feedback", "leadership", "TALM", "schema", "clocks"} <= set(found)


def test_inspections_that_are_on_are_checked(doctor: Doctor) -> None:
    off = doctor("-o", "json")
    assert told(off, "inspections").startswith("off (IBGU_PREFLIGHT_INSPECTIONS); the hub could")
    on = doctor("-o", "json", IBGU_PREFLIGHT_INSPECTIONS="true")
    assert (levels(on)["inspections"], levels(on)["seed images"]) == ("ok", "ok")
    assert told(on, "inspections").startswith("on, and the hub's ManifestWorks have")
    nobody = ("-o", "json", "--account", "ibgu-system:nobody")
    refused = doctor(*nobody, IBGU_PREFLIGHT_INSPECTIONS="true", user="admin")
    assert levels(refused)["inspections"] == "warning"
    words = "ibgu may not get, list, watch, create, patch, delete ManifestWorks"
    assert words in told(refused, "inspections")


MAKES = "may not create imagebasedgroupupgrades.lcm.openshift.io: ibgu makes no rollout"
READS = "may not list policies.policy.open-cluster-management.io: no canary counts as well"


@pytest.mark.parametrize(
    ("spec", "words", "role"),
    [
        (
            {"canaries": {"count": 1, "health": {"nodes": True}, "rollback": True}},
            MAKES,
            "policy-follow-ups",
        ),
        ({"retry": {"attempts": 1}}, MAKES, "policy-follow-ups"),
        ({"canaries": {"count": 1, "health": {"policies": True}}}, READS, "canary-policies"),
    ],
)
def test_a_right_is_asked_for_once_a_policy_needs_it(
    doctor: Doctor, sandbox_hub: SandboxHub, spec: dict[str, Any], words: str, role: str
) -> None:
    nobody = ("-o", "json", "--account", "ibgu-system:nobody")
    assert words not in told(doctor(*nobody, user="admin"), "rights")
    with rollout_policy(sandbox_hub, spec):
        found = told(doctor(*nobody, user="admin"), "rights")
    assert words in found
    assert f"clusterrolebinding ibgu-{role}" in found


def test_sets_by_which_a_policy_holds_nothing_are_named(
    doctor: Doctor, sandbox_hub: SandboxHub, unique_name: Callable[[str], str]
) -> None:
    kubectl, by_labels = Kubectl(sandbox_hub), unique_name("by-labels")
    cluster_set = {
        "apiVersion": "cluster.open-cluster-management.io/v1beta2",
        "kind": "ManagedClusterSet",
        "metadata": {"name": by_labels},
        "spec": {"clusterSelector": {"selectorType": "LabelSelector", "labelSelector": {}}},
    }
    kubectl.apply(cluster_set)
    check = "cluster sets of policies"
    with rollout_policy(sandbox_hub, {"inFlight": 1, "clusters": {"clusterSets": ["global"]}}):
        assert levels(doctor("-o", "json", user="admin"))[check] == "ok"
    with rollout_policy(sandbox_hub, {"inFlight": 1, "clusters": {"clusterSets": ["mistyped"]}}):
        found = doctor("-o", "json", user="admin")
        assert levels(found)[check] == "warning"
        assert "of-doctor: mistyped" in told(found, check)
    with rollout_policy(sandbox_hub, {"inFlight": 1, "clusters": {"clusterSets": [by_labels]}}):
        found = doctor("-o", "json", user="admin")
        assert levels(found)[check] == "error"
        assert f"of-doctor: {by_labels}" in told(found, check)
    kubectl("delete", "managedclusterset", by_labels)


def test_a_cluster_that_a_lost_rollout_keeps_from_automatic_import_is_found(
    doctor: Doctor, sandbox_hub: SandboxHub, unique_name: Callable[[str], str]
) -> None:
    kubectl, name = Kubectl(sandbox_hub), unique_name("kept")
    marks = {
        "import.open-cluster-management.io/disable-auto-import": "true",
        "ibgu.dev/auto-import-by": f"uid-{name}",
    }
    cluster = {
        "apiVersion": "cluster.open-cluster-management.io/v1",
        "kind": "ManagedCluster",
        "metadata": {"name": name, "annotations": marks},
        "spec": {"hubAcceptsClient": True},
    }
    kubectl.apply(cluster)
    try:
        found = doctor("-o", "json")
        assert levels(found)["automatic import"] == "warning"
        assert name in told(found, "automatic import")
    finally:
        kubectl("delete", "managedcluster", name)


@contextmanager
def rollout_policy(hub: SandboxHub, spec: dict[str, Any]) -> Iterator[None]:
    """A policy for rollouts of no namespace."""
    policy = {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": "RolloutPolicy",
        "metadata": {"name": "of-doctor"},
        "spec": {"rollouts": {"namespaces": ["nowhere"]}, **spec},
    }
    kubectl = Kubectl(hub)
    kubectl.apply(policy)
    try:
        yield
    finally:
        kubectl("delete", "rolloutpolicy", "of-doctor")


@pytest.fixture(scope="module")
def older_hub() -> Iterator[SandboxHub]:
    """Open Cluster Management before 0.14, and an ibgu that was installed before the catalogue."""
    with SandboxHub() as hub:
        kubectl = Kubectl(hub)
        works = kubectl.get("crd", "manifestworks.work.open-cluster-management.io")
        for version in works["spec"]["versions"]:
            spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
            option = spec["manifestConfigs"]["items"]["properties"]
            option["updateStrategy"]["properties"]["type"]["enum"].remove("ReadOnly")
        kubectl("replace", "-f", "-", stdin=json.dumps(works))
        kubectl("delete", "crd", "seedimages.ibgu.dev", "rolloutpolicies.ibgu.dev")

        def published() -> bool:
            works, own = (
                kubectl("get", "--raw", f"/openapi/v3/apis/{group}")
                for group in ("work.open-cluster-management.io/v1", "ibgu.dev/v1alpha1")
            )
            gone = '"SeedImage"' not in own and '"RolloutPolicy"' not in own
            return gone and '"ReadOnly"' not in works

        wait_until(published, "the older schemas", lambda: None)
        yield hub


def test_a_hub_that_is_too_old_for_inspections_is_warned_about(older_hub: SandboxHub) -> None:
    env = {"KUBECONFIG": str(older_hub.kubeconfig("ibgu")), "DATABASE_URL": ""}
    on = env | {"IBGU_PREFLIGHT_INSPECTIONS": "true"}
    found = CliRunner().invoke(app, ["doctor", "-o", "json"], env=on)
    assert (levels(found)["inspections"], levels(found)["seed images"]) == ("warning", "warning")
    assert levels(found)["FleetUpdate"] == "ok"
    assert "came with Open Cluster Management 0.14" in told(found, "inspections")
    assert told(found, "seed images").endswith("-f charts/ibgu/crds/seedimages.yaml")
    assert levels(found)["RolloutPolicy"] == "skipped"
    assert "there are no policies" in told(found, "RolloutPolicy")
    assert "rolloutpolicies" not in told(found, "rights")
    off = CliRunner().invoke(app, ["doctor", "-o", "json"], env=env)
    assert levels(off)["inspections"] == "ok"


def test_a_hub_without_the_admission_policy_is_warned_about(doctor: Doctor) -> None:
    result = doctor("-o", "json")
    assert levels(result)["references"] == "warning"
    words = told(result, "references")
    assert "anyone who may create an IBGU can deliver any ConfigMap or pull secret" in words
    assert "else set IBGU_PAYLOAD_REFERENCES=namespace" in words


def test_the_hub_alone(doctor: Doctor) -> None:
    result = doctor("-o", "json")
    assert levels(result)["database"] == "skipped"
    assert "DATABASE_URL is not set" in told(result, "database")
    assert levels(result)["rights"] == "ok"


def test_the_database_alone(database_url: str) -> None:
    result = CliRunner().invoke(
        app, ["doctor"], env={"DATABASE_URL": database_url, "KUBECONFIG": ""}
    )
    assert result.exit_code == 0, result.output
    assert "skipped  hub       KUBECONFIG is not set" in result.stdout
    assert "✔ ok       schema" in result.stdout


def test_doctor_without_hub_and_database_exits_with_2(doctor: Doctor) -> None:
    result = doctor(user="")
    assert result.exit_code == 2
    assert "set KUBECONFIG, DATABASE_URL, or both" in result.stderr


def test_a_database_without_tables(doctor: Doctor, empty_url: str) -> None:
    result = doctor("-o", "json", user="", DATABASE_URL=empty_url)
    assert result.exit_code == 2
    assert "ibgu migrate" in told(result, "schema")


async def test_a_leadership_that_changes_again_and_again(doctor: Doctor, database_url: str) -> None:
    pool = engine(database_url)
    for number in range(7):
        assert await Journal(pool, "hub").lead(f"pod-{number % 2}") == number + 1
    await pool.dispose()
    result = await asyncio.to_thread(doctor, "-o", "json", user="", DATABASE_URL=database_url)
    assert levels(result)["leader"] == "warning"
    words = told(result, "leader")
    assert "pod-0 took the lead from pod-1 at " in words
    assert "leadership has changed 6 times in the last 10 minutes" in words
    assert "IbguLeaderFlaps" in words


async def test_a_user_who_may_not_write(doctor: Doctor, database_url: str) -> None:
    connection = await asyncpg.connect(dsn(database_url))
    try:
        # Postgres lets its superuser do anything, whatever is granted.
        await connection.execute("DROP ROLE IF EXISTS ibgu_reader")
        await connection.execute("CREATE ROLE ibgu_reader LOGIN PASSWORD 'reads'")
        await connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO ibgu_reader")
        theirs = make_url(database_url).set(username="ibgu_reader", password="reads")
        url = theirs.render_as_string(hide_password=False)
        result = await asyncio.to_thread(doctor, "-o", "json", user="", DATABASE_URL=url)
        assert result.exit_code == 2
        assert "claims" in told(result, "schema")
        assert "GRANT" in told(result, "schema")
    finally:
        await connection.execute("DROP OWNED BY ibgu_reader")
        await connection.execute("DROP ROLE ibgu_reader")
        await connection.close()


@pytest.mark.parametrize(
    "url", ["postgresql://x@127.0.0.1:9/x", "mysql://x@127.0.0.1/x", "no address"]
)
def test_a_database_that_is_not_to_be_had(doctor: Doctor, url: str) -> None:
    result = doctor("-o", "json", user="", DATABASE_URL=url)
    assert result.exit_code == 2
    assert levels(result)["database"] == "error"


def test_a_hub_that_is_not_there(doctor: Doctor) -> None:
    result = doctor("-o", "json", KUBECONFIG="/nowhere/at-all")
    assert result.exit_code == 2
    assert "there is no such file" in told(result, "hub")


def test_a_user_without_rights_gets_every_missing_right(doctor: Doctor) -> None:
    result = doctor("-o", "json", user="carol")
    assert result.exit_code == 2
    words = told(result, "rights")
    for right in ("list, watch imagebasedgroupupgrades", "create manifestworks", "tokenreviews"):
        assert right in words
    assert levels(result)["TALM"] == "skipped"
    assert "--user=carol" in words


def test_an_administrator_asks_for_ibgus_account(doctor: Doctor) -> None:
    result = doctor("-o", "json", "--account", "ibgu-system:ibgu", user="admin")
    assert levels(result)["rights"] == "ok"
    other = doctor("-o", "json", "--account", "ibgu-system:nobody", user="admin")
    assert "--serviceaccount=ibgu-system:nobody" in told(other, "rights")


def test_an_account_is_a_namespace_and_a_name(doctor: Doctor) -> None:
    result = doctor("--account", "ibgu")
    assert result.exit_code == 2
    assert "ibgu-system:ibgu" in result.stderr


def test_another_token_is_named_where_a_person_asks(doctor: Doctor) -> None:
    result = doctor("-o", "json", "--user", "-n", "default", user="alice", IBGU_TOKEN="other")
    assert levels(result)["token"] == "warning"
    assert "IBGU_TOKEN is set, and every command sends it" in told(result, "token")


@pytest.mark.parametrize(("user", "code"), [("alice", 1), ("bob", 1), ("carol", 2)])
def test_a_person_who_asks(doctor: Doctor, user: str, code: int) -> None:
    result = doctor("-o", "json", "--user", "-n", "default", user=user)
    assert result.exit_code == code
    assert levels(result)["token"] == "ok"


def lease(namespace: str, age: timedelta) -> dict[str, Any]:
    renewed = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "9a2365a3.openshift.io", "namespace": namespace},
        "spec": {"holderIdentity": "talm", "renewTime": renewed, "leaseDurationSeconds": 137},
    }


@pytest.mark.parametrize(("minutes", "level"), [(0, "error"), (10, "ok")])
def test_a_live_talm(
    doctor: Doctor, kubectl: Kubectl, namespace: str, minutes: int, level: str
) -> None:
    kubectl.apply(lease(namespace, timedelta(minutes=minutes)))
    result = doctor("-o", "json", IBGU_TALM_NAMESPACES=f"nowhere,{namespace}", user="admin")
    assert levels(result)["TALM"] == level
    if level == "error":
        assert f"oc scale deployment {'cluster-group'}" in told(result, "TALM")
        assert f"-n {namespace}" in told(result, "TALM")


def test_a_namespace_that_is_not_there(doctor: Doctor) -> None:
    result = doctor("-o", "json", user="admin", IBGU_NAMESPACE="not-made-yet")
    assert "oc create namespace not-made-yet" in told(result, "leadership")
    assert [*levels(result)].index("leadership") < [*levels(result)].index("rights")


def prep(name: str, namespace: str, **ibu: Any) -> dict[str, Any]:
    """An IBGU that selects no cluster."""
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "clusterLabelSelectors": [{"matchLabels": {"nobody": "matches"}}],
            "ibuSpec": {"seedImageRef": {"image": "quay.io/x:1", "version": "4.17.0"}, **ibu},
            "plan": [
                {"actions": ["Prep"], "rolloutStrategy": {"maxConcurrency": 1, "timeout": 10}}
            ],
        },
    }


def fleet_update(name: str, namespace: str) -> dict[str, Any]:
    release = {"version": "4.16.12", "image": f"quay.io/x@sha256:{'a' * 64}"}
    check = {"actions": ["Check"], "rolloutStrategy": {"maxConcurrency": 1, "timeout": 10}}
    return {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": "FleetUpdate",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"update": {"release": release}, "plan": [check]},
    }


def test_namespaces_that_share_a_hub(
    doctor: Doctor, kubectl: Kubectl, unique_name: Callable[[str], str]
) -> None:
    name, namespace = unique_name("shares"), unique_name("a-team")  # named first, and so always
    kubectl("create", "namespace", namespace)
    objects = [fleet_update(name, namespace), prep(name, "default")]
    cluster_set = {
        "apiVersion": "cluster.open-cluster-management.io/v1beta2",
        "kind": "ManagedClusterSet",
        "metadata": {"name": name},
    }
    binding: dict[str, Any] = {
        **cluster_set,
        "kind": "ManagedClusterSetBinding",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"clusterSet": name},
    }
    for each in objects:
        kubectl.apply(each)
    try:
        words = told(doctor("-o", "json"), "tenancy")
        assert (
            "each of them reaches the whole fleet, and an Abort, Rollback or Retract there" in words
        )
        assert "set IBGU_TENANCY=clustersets" in words
        words = told(doctor("-o", "json", IBGU_PREEMPTION="namespace"), "tenancy")
        assert "reaches the whole fleet ->" in words
        unbound = told(doctor("-o", "json", IBGU_TENANCY="clustersets"), "tenancy")
        assert "no ManagedClusterSet is bound to" in unbound
        assert namespace in unbound
        for made in (cluster_set, binding):
            kubectl.apply(made)
        assert namespace not in told(doctor("-o", "json", IBGU_TENANCY="clustersets"), "tenancy")
    finally:
        kubectl("delete", "managedclusterset", name, "--ignore-not-found")
        for each in objects:
            kubectl("delete", each["kind"], name, "-n", each["metadata"]["namespace"])


def test_unreadable_references_of_ibgus_are_found(
    doctor: Doctor, kubectl: Kubectl, namespace: str, unique_name: Callable[[str], str]
) -> None:
    name = unique_name("refers")
    seed = {"image": "quay.io/x:1", "version": "4.17.0", "pullSecretRef": {"name": "pull"}}
    oadp = [{"name": "oadp", "namespace": namespace}]
    kubectl.apply(prep(name, namespace, seedImageRef=seed, oadpContent=oadp))
    try:
        words = told(doctor("-o", "json"), "ConfigMaps and secrets")
        remedies = (part.partition("\n")[0] for part in words.split("-> oc ")[1:])
        line = next(each for each in remedies if namespace in each.split())
        assert "configmap oadp, secret pull; steps with Prep" in words
        kubectl(*line.split())
        words = told(doctor("-o", "json"), "ConfigMaps and secrets")
        assert f"namespace {namespace}" not in words
    finally:
        kubectl("delete", "ibgu", name, "-n", namespace)


@pytest.fixture
def asking(sandbox_hub: SandboxHub) -> Iterator[None]:
    """A policy asks two sources whether its canaries are well."""
    kubectl = Kubectl(sandbox_hub)
    health = {"metrics": [{"source": name, "query": "up"} for name in ("noc", "thanos")]}
    policy = {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": "RolloutPolicy",
        "metadata": {"name": "asking"},
        "spec": {"canaries": {"count": 1, "health": health}},
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(policy))
    yield
    kubectl("delete", "rolloutpolicy", "asking")


def test_sources_that_policies_ask_and_ibgu_does_not_know_are_named(
    doctor: Doctor, asking: None, tmp_path: Path
) -> None:
    result = doctor("-o", "json")
    assert levels(result)["health sources"] == "warning"
    words = told(result, "health sources")
    assert "that they hold: noc in asking, thanos in asking ->" in words
    path = tmp_path / "sources.yaml"
    thanos = {"name": "thanos", "url": "https://thanos.example"}
    path.write_text(json.dumps({"sources": [thanos]}))
    result = doctor("-o", "json", IBGU_HEALTH_SOURCES_FILE=str(path))
    assert "that they hold: noc in asking ->" in told(result, "health sources")
    path.write_text("sources: 1")
    result = doctor("-o", "json", IBGU_HEALTH_SOURCES_FILE=str(path))
    assert levels(result)["health sources"] == "error"
    assert "IBGU_HEALTH_SOURCES_FILE: sources: Expected `array`" in told(result, "health sources")
