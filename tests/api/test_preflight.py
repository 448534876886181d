"""Preflight of plans and of clusters, with the rights of the caller, on a real API server."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import yaml
from msgspec.structs import replace

from ibgu.api.app import create_app
from ibgu.api.context import Context
from ibgu.api.http.concurrency import TurnLimit
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.preflight.registry import RULES
from ibgu.core.drivers.preflight import RULE_BOOKS
from ibgu.core.model.kinds import RolloutSpec
from ibgu.core.model.names import FLEET_UPDATE
from ibgu.db import Journal
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from tests.api.fleet import open_step, put, rollout, run_upgrade, seen
from tests.api.test_changes import manifest
from tests.core.drivers.ibu.preflight.content import EXTRA, LVMS, SAMPLES
from tests.db.records import member, step

Asked = Callable[..., Awaitable[dict[str, Any]]]
IMAGE = "registry.example:5000/seeds/ran@sha256:" + "1" * 64
RELEASES = {"pf-1": "4.16.3", "pf-2": "4.14.3", "pf-10": "4.18.1"}


@pytest.fixture(autouse=True)
async def clusters(sandbox_hub: SandboxHub) -> AsyncIterator[None]:
    """Three with claims as Advanced Cluster Management shows them; pf-10 has several nodes."""
    async with await HubClient.connect(str(sandbox_hub.kubeconfig("admin"))) as admin:
        for name, release in RELEASES.items():
            body: dict[str, Any] = {
                "apiVersion": "cluster.open-cluster-management.io/v1",
                "kind": "ManagedCluster",
                "metadata": {"name": name, "labels": {"fleet": "pf"}},
                "spec": {"hubAcceptsClient": True},
            }
            await admin.request("POST", paths.MANAGED_CLUSTERS, body=body)
            claims = {
                "version.openshift.io": release,
                "product.open-cluster-management.io": "OpenShift",
                "controlplanetopology.openshift.io": (
                    "HighlyAvailable" if name == "pf-10" else "SingleReplica"
                ),
            }
            available = {
                "type": "ManagedClusterConditionAvailable",
                "status": "True",
                "reason": "ManagedClusterAvailable",
                "message": "Managed cluster is available",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
            status = {
                "clusterClaims": [{"name": k, "value": v} for k, v in claims.items()],
                "conditions": [available],
            }
            await admin.request(
                "PATCH",
                f"{paths.managed_cluster(name)}/status",
                body={"status": status},
                content_type=paths.MERGE_PATCH,
            )
        yield
        for name in RELEASES:
            await admin.request("DELETE", paths.managed_cluster(name))


@pytest.fixture
def preflight(client: httpx.AsyncClient, sandbox_hub: SandboxHub) -> Asked:
    async def preflight(user: str, code: int = 200, **body: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {sandbox_hub.token(user)}"}
        answer = await client.post("/api/v1/preflight", json=body, headers=headers)
        assert answer.status_code == code, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return preflight


@pytest.fixture
def content(kubectl: Kubectl, tmp_path: Path) -> list[str]:
    """ConfigMaps with the samples, and a pull secret of the seed's registry."""
    files = [f"--from-file={SAMPLES / name}" for name in LVMS]
    kubectl("create", "cm", "pf-oadp", "-n", "default", *files)
    kubectl("create", "cm", "pf-extra", "-n", "default", f"--from-file={SAMPLES / EXTRA}")
    docker = tmp_path / "config.json"
    docker.write_text(json.dumps({"auths": {"registry.example:5000": {"auth": "a2VwdC1hd2F5"}}}))
    kubectl(
        *("create", "secret", "generic", "pf-pull", "-n", "default"),
        *("--type=kubernetes.io/dockerconfigjson", f"--from-file=.dockerconfigjson={docker}"),
    )
    return ["cm/pf-oadp", "cm/pf-extra", "secret/pf-pull"]


@pytest.fixture(autouse=True)
def gone(kubectl: Kubectl) -> Iterator[None]:
    yield
    names = ("cm/pf-oadp", "cm/pf-extra", "secret/pf-pull")
    kubectl("delete", *names, "-n", "default", "--ignore-not-found")


def proposed(*steps: str, **ibu: Any) -> dict[str, Any]:
    body = manifest(*steps)
    body["spec"]["clusterLabelSelectors"] = [{"matchLabels": {"fleet": "pf"}}]
    seed = {"image": IMAGE, "version": "4.17.3", "pullSecretRef": {"name": "pf-pull"}}
    refs = {
        "oadpContent": [{"name": "pf-oadp", "namespace": "default"}],
        "extraManifests": [{"name": "pf-extra", "namespace": "default"}],
    }
    body["spec"]["ibuSpec"] |= {"seedImageRef": seed} | refs | ibu
    return body


def outcomes(found: dict[str, Any]) -> dict[str, str]:
    return {each["rule"]: each["outcome"] for each in found["rules"]}


def findings(found: dict[str, Any], rule: str) -> list[dict[str, Any]]:
    return [each for each in found["findings"] if each["rule"] == rule]


@pytest.mark.usefixtures("content")
async def test_a_manifest_that_is_not_applied_yet(preflight: Asked) -> None:
    found = await preflight("admin", manifest=proposed("Prep", "Upgrade"))
    assert (found["clusters"], found["blocked"]) == (3, 2)
    assert found["blockedClusters"] == ["pf-2", "pf-10"]
    assert [each["rule"] for each in found["rules"]] == [rule.id for rule in RULES]
    (newer,) = findings(found, "P2")
    assert (newer["message"], newer["clusters"], newer["count"]) == (
        "are newer than 4.17.3, which clusters refuse",
        ["pf-10"],
        1,
    )
    assert findings(found, "P1")[0]["clusters"] == findings(found, "P3")[0]["clusters"] == ["pf-2"]
    assert findings(found, "P10")[0]["clusters"] == ["pf-10"]
    told = outcomes(found)
    passed = ("P11", "P12", "P13", "P14", "P15", "P16", "P18", "P21", "P24", "P25", "P39")
    assert {told[rule] for rule in passed} == {"passed"}
    # The sandbox's hub is no OpenShift, and has no Advanced Cluster Management.
    assert {told["P4"], told["P5"]} == {"notApplicable"}
    assert {told[rule] for rule in ("P6", "P9", "P22", "P30", "P32")} == {"unknown"}
    everywhere = [each for each in found["findings"] if each["severity"] == "unknown"]
    assert all((each["count"], each["clusters"]) == (3, []) for each in everywhere)


def update_manifest(version: str, *steps: str) -> dict[str, Any]:
    strategy = {"maxConcurrency": 2, "timeout": 240}
    return {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": FLEET_UPDATE,
        "metadata": {"name": "pf-update", "namespace": "default"},
        "spec": {
            "update": {"release": {"version": version, "image": IMAGE}},
            "clusterLabelSelectors": [{"matchLabels": {"fleet": "pf"}}],
            "plan": [{"actions": each.split(), "rolloutStrategy": strategy} for each in steps],
        },
    }


async def test_a_fleet_update_is_judged_by_the_rules_of_its_kind(preflight: Asked) -> None:
    body = update_manifest("4.17.3", "Check", "Update")
    found = await preflight("admin", manifest=body, inspect=True)
    assert (found["clusters"], found["blockedClusters"]) == (3, ["pf-2", "pf-10"])
    rules = RULE_BOOKS[FLEET_UPDATE].rules
    assert [each["rule"] for each in found["rules"]] == [rule.id for rule in rules]
    assert findings(found, "U2")[0]["message"] == "are newer than 4.17.3, and can't go back"
    assert findings(found, "U3")[0]["clusters"] == ["pf-2"]
    (unsigned,) = findings(found, "U4")
    assert (unsigned["severity"], unsigned["object"], unsigned["field"]) == (
        "warning",
        "FleetUpdate default/pf-update",
        "spec.update.signatures",
    )
    assert outcomes(found)["U9"] == "unknown"
    assert (found["inspectable"], found["inspected"], found["inspecting"]) == (False, 0, 0)


async def test_a_preview_of_a_fleet_update_has_the_findings_of_its_kind(
    client: httpx.AsyncClient, sandbox_hub: SandboxHub
) -> None:
    headers = {"Authorization": f"Bearer {sandbox_hub.token('admin')}"}
    body = {"manifest": update_manifest("4.18.1", "Check", "Update")}
    answer = await client.post("/api/v1/preview", json=body, headers=headers)
    (far,) = answer.json()["errors"]
    assert far.startswith("2 of 3 clusters are more than one minor release behind 4.18.1")
    assert far.endswith("[U3]")
    words = " ".join(answer.json()["warnings"])
    assert "[U4]" in words
    assert "single-node" not in words


@pytest.mark.usefixtures("content")
async def test_content_is_judged_where_the_hub_has_it(preflight: Asked, kubectl: Kubectl) -> None:
    wrong = (SAMPLES / LVMS[0]).read_text().replace('apply-wave: "1"', "apply-wave: one")
    kubectl("patch", "cm", "pf-oadp", "-n", "default", "-p", json.dumps({"data": {LVMS[0]: wrong}}))
    found = await preflight("admin", manifest=proposed("Prep"))
    waves = findings(found, "P18")
    assert waves
    assert all(each["severity"] == "error" for each in waves)
    assert waves[0]["file"] == f"ConfigMap default/pf-oadp {LVMS[0]}"
    line = wrong.splitlines()[waves[0]["line"] - 1]
    assert "apply-wave" in line
    assert found["blocked"] == 3


@pytest.mark.usefixtures("content")
async def test_a_hub_template_is_an_error_of_the_rollout(
    preflight: Asked, kubectl: Kubectl
) -> None:
    data = {LVMS[0]: "a: 1\nb: {{hub .ManagedClusterName hub}}\n"}
    kubectl("patch", "cm", "pf-oadp", "-n", "default", "-p", json.dumps({"data": data}))
    found = await preflight("admin", manifest=proposed("Prep"))
    (template,) = findings(found, "P42")
    assert (template["severity"], template["line"]) == ("error", 2)
    assert template["file"] == f"ConfigMap default/pf-oadp {LVMS[0]}"
    assert outcomes(found)["P39"] == "passed"
    assert found["blocked"] == 3


@pytest.mark.usefixtures("content")
async def test_rules_on_unreadable_objects_are_unknown(preflight: Asked) -> None:
    found = await preflight("olga", manifest=proposed("Prep"))
    told = outcomes(found)
    assert {told[rule] for rule in ("P12", "P13", "P14", "P16", "P25", "P39")} == {"unknown"}
    assert findings(found, "P13")[0]["message"] == "was not checked: you may not read it"


async def test_no_secret_is_in_the_answer(
    client: httpx.AsyncClient, sandbox_hub: SandboxHub, content: list[str], kubectl: Kubectl
) -> None:
    headers = {"Authorization": f"Bearer {sandbox_hub.token('admin')}"}
    image = IMAGE.replace("registry.example:5000", "quay.example")
    other = proposed("Prep")
    other["spec"]["ibuSpec"]["seedImageRef"]["image"] = image
    answer = await client.post("/api/v1/preflight", json={"manifest": other}, headers=headers)
    (words,) = findings(answer.json(), "P12")
    assert words["message"] == "has no credentials for quay.example, the seed's registry"
    assert "a2VwdC1hd2F5" not in answer.text
    assert "registry.example:5000" not in answer.text


async def test_config_maps_that_are_too_large_are_not_judged(
    preflight: Asked, kubectl: Kubectl, tmp_path: Path
) -> None:
    large = tmp_path / "large.yaml"
    large.write_text(yaml.safe_dump({"kind": "x" * 600_000}))
    kubectl("create", "cm", "pf-oadp", "-n", "default", f"--from-file={large}")
    missing = {"pullSecretRef": {"name": "pf-pull"}, "image": IMAGE, "version": "4.17.3"}
    found = await preflight("admin", manifest=proposed("Prep", seedImageRef=missing))
    (size,) = findings(found, "P39")
    assert "a ManifestWork carries at most 512000" in size["message"]
    told = outcomes(found)
    assert (told["P12"], told["P13"], told["P14"]) == ("warning", "passed", "warning")
    assert (told["P16"], told["P25"]) == ("unknown", "unknown")


async def test_clusters_by_their_labels(preflight: Asked) -> None:
    found = await preflight("olga", selector="fleet=pf")
    told = outcomes(found)
    assert (found["clusters"], told["P1"], told["P2"], told["P35"]) == (
        *(3, "error", "notApplicable", "notApplicable"),
    )
    aimed = await preflight("olga", selector="fleet in (pf)", target="4.17.3")
    assert outcomes(aimed)["P2"] == outcomes(aimed)["P3"] == "error"
    nobody = await preflight("olga", selector="fleet=none")
    assert (nobody["clusters"], nobody["blocked"], nobody["findings"]) == (0, 0, [])


@pytest.fixture
def entry(kubectl: Kubectl) -> Iterator[str]:
    """The SeedImage pf-seed: of the image of `proposed`, for clusters with the label of pf-1."""
    body = {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": "SeedImage",
        "metadata": {"name": "pf-seed"},
        "spec": {"image": IMAGE, "release": "4.17.3", "profile": {"hardware": "r750"}},
    }
    kubectl.apply(body)
    kubectl("label", "managedcluster", "pf-1", "profile.ibgu.dev/hardware=r750")
    kubectl("label", "managedcluster", "pf-2", "profile.ibgu.dev/hardware=xr8620")
    yield "pf-seed"
    kubectl("delete", "seedimage", "pf-seed")


async def test_clusters_are_compared_with_the_seed_image_that_a_manifest_names(
    preflight: Asked, entry: str
) -> None:
    named = proposed("Prep")
    named["metadata"]["annotations"] = {"ibgu.dev/seed-image": entry}
    found = await preflight("olga", manifest=named)
    assert outcomes(found)["P41"] == "passed"
    told = {each["severity"]: each for each in findings(found, "P32")}
    assert (told["error"]["clusters"], told["unknown"]["clusters"]) == (["pf-2"], ["pf-10"])
    assert told["error"]["message"] == (
        "have 'xr8620', but SeedImage pf-seed is for hardware 'r750'"
    )

    named["spec"]["ibuSpec"]["seedImageRef"]["version"] = "4.17.2"
    (wrong,) = findings(await preflight("olga", manifest=named), "P41")
    assert wrong["message"] == "is '4.17.2', but SeedImage pf-seed has 4.17.3"


@pytest.mark.parametrize("name", ["pf-none", "pf/none", "", "n" * 254])
async def test_a_seed_image_that_is_not_in_the_catalogue_is_an_error(
    preflight: Asked, name: str
) -> None:
    named = proposed("Prep")
    named["metadata"]["annotations"] = {"ibgu.dev/seed-image": name}
    (missing,) = findings(await preflight("olga", manifest=named), "P41")
    assert (missing["severity"], missing["field"]) == (
        "error",
        "metadata.annotations[ibgu.dev/seed-image]",
    )
    assert missing["message"].endswith("which is not in the catalogue")


async def test_a_seed_image_is_read_with_the_rights_of_the_caller(
    preflight: Asked, kubectl: Kubectl, entry: str
) -> None:
    kubectl("create", "clusterrole", "pf-lister", "--verb=list", "--resource=managedclusters")
    kubectl("create", "clusterrolebinding", "pf-lister", "--clusterrole=pf-lister", "--user=bob")
    try:
        named = proposed("Prep")
        named["metadata"]["annotations"] = {"ibgu.dev/seed-image": entry}
        found = await preflight("bob", manifest=named)
    finally:
        kubectl("delete", "clusterrolebinding,clusterrole", "pf-lister")
    (unread,) = findings(found, "P41")
    assert unread["message"] == "pf-seed was not compared: you may not read SeedImages"
    assert outcomes(found)["P32"] == "unknown"


async def test_the_seed_image_of_a_rollout_is_the_annotation_of_its_object(
    preflight: Asked, journal: Journal, kubectl: Kubectl, entry: str
) -> None:
    body = proposed("Prep")
    body["metadata"] |= {"name": "pf-named", "annotations": {"ibgu.dev/seed-image": entry}}
    kubectl.apply(body)
    uid = kubectl.get("ibgu", "pf-named", "-n", "default")["metadata"]["uid"]
    spec = msgspec.convert(body["spec"], RolloutSpec)
    try:
        await seen(journal, replace(rollout("pf-named"), uid=uid, name="pf-named", spec=spec))
        found = await preflight("olga", namespace="default", name="pf-named")
        assert outcomes(found)["P41"] == "passed"
        kubectl("annotate", "ibgu", "pf-named", "-n", "default", "ibgu.dev/seed-image-")
        found = await preflight("olga", namespace="default", name="pf-named")
        assert outcomes(found)["P41"] == "notApplicable"
    finally:
        kubectl("delete", "ibgu", "pf-named", "-n", "default")


async def upgrading(journal: Journal) -> None:
    """The rollout ran-pf in namespace default upgrades pf-1."""
    one = rollout("pf")
    await seen(journal, one)
    upgrade = await open_step(journal, step(one, 0, Action.UPGRADE, total=1))
    running = member(upgrade, "pf-1", 0)
    await put(journal, running)
    await run_upgrade(journal, running)


@pytest.fixture
def carol(kubectl: Kubectl) -> Iterator[str]:
    """A user who may see clusters and no rollout."""
    name = "pf-carol"
    kubectl(
        *("create", "clusterrolebinding", name),
        *("--clusterrole=sandbox-cluster-reader", "--user=carol"),
    )
    yield "carol"
    kubectl("delete", "clusterrolebinding", name)


async def test_a_manifest_names_no_rollout_of_a_namespace_that_it_claims(
    preflight: Asked, journal: Journal, carol: str
) -> None:
    await upgrading(journal)
    for name in ("guessed", "ran-pf"):
        claims = proposed("Prep")
        claims["metadata"] = {"namespace": "default", "name": name}
        (held,) = findings(await preflight(carol, manifest=claims), "P34")
        assert held["message"] == "wait for another rollout, which works on them"


async def test_clusters_that_another_rollout_works_on(preflight: Asked, journal: Journal) -> None:
    await upgrading(journal)
    words = "which works on them"
    (held,) = findings(await preflight("olga", selector="fleet=pf"), "P34")
    assert held["clusters"] == ["pf-1"]
    assert held["message"] in (
        f"wait for another rollout, {words}",
        f"wait for default/ran-pf, {words}",
    )
    # The rollout itself waits for nobody.
    found = await preflight("admin", manifest=proposed("Prep"))
    (other,) = findings(found, "P34")
    assert other["message"] == f"wait for ran-pf, {words}"
    itself = proposed("Prep")
    itself["metadata"]["name"] = "ran-pf"
    assert outcomes(await preflight("admin", manifest=itself))["P34"] == "passed"
    # All its steps have begun: nothing is to be checked.
    done = await preflight("alice", namespace="default", name="ran-pf")
    assert done["clusters"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"selector": ""},
        {"selector": "a in"},
        {"selector": "a=b", "manifest": {}},
        {"selector": "a=b", "target": "4.17"},
        {"selector": "a=b", "target": "v4.17.3"},
        {"namespace": "default", "name": "x", "target": "4.17.3"},
        {"manifest": {"kind": "Other", "metadata": {}}},
    ],
)
async def test_bodies_that_can_not_be_used(preflight: Asked, body: dict[str, Any]) -> None:
    answer = await preflight("olga", 422, **body)
    assert answer["type"].endswith("/invalid")


async def test_forbidden_and_unknown_targets_are_refused(preflight: Asked) -> None:
    assert (await preflight("bob", 403, selector="a=b"))["resource"] == "managedclusters"
    assert await preflight("alice", 404, namespace="default", name="none")


async def test_few_selections_are_judged_at_a_time(
    context: Context, sandbox_hub: SandboxHub
) -> None:
    one = TurnLimit("preflights", 2, 1, at_a_time=1, retry_seconds=1.0)
    transport = httpx.ASGITransport(app=create_app(replace(context, preflights=one)))
    headers = {"Authorization": f"Bearer {sandbox_hub.token('olga')}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as client:
        async with one.turn("olga"):
            body = {"selector": "fleet=pf"}
            refused = await client.post("/api/v1/preflight", json=body, headers=headers)
        judged = await client.post("/api/v1/preflight", json=body, headers=headers)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert (judged.status_code, judged.json()["clusters"]) == (200, len(RELEASES))
