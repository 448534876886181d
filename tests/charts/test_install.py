"""The chart on a real API server: every object as it is checked there, and helm's own way."""

import base64
import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ibgu.sandbox.demo.sample import NAMESPACES
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.users import SYSTEM_NAMESPACE
from tests.charts.rendering import CASES, CHART, NEEDED, OPENSHIFT, Object, helm, render
from tests.docs.site import DOCS, fences
from tests.tools.binaries import tools

STRICT = ("--server-side", "--force-conflicts", "--validate=strict")
ELSEWHERE = tuple(api.split("/")[0] for api in OPENSHIFT)
"""API groups that other operators bring."""


@pytest.fixture(scope="module")
def hub() -> Iterator[SandboxHub]:
    """A hub of its own: what is installed here would give ibgu rights on that of all tests."""
    with SandboxHub(namespaces=NAMESPACES) as hub:
        yield hub


@pytest.fixture(scope="module")
def kubectl(hub: SandboxHub) -> Kubectl:
    return Kubectl(hub)


def known(objects: list[Object]) -> list[Object]:
    return [o for o in objects if not o["apiVersion"].startswith(ELSEWHERE)]


@pytest.mark.parametrize("case", CASES)
def test_the_api_server_takes_every_object(kubectl: Kubectl, case: str) -> None:
    objects = known(render(CASES[case], OPENSHIFT))
    manifests = yaml.safe_dump_all(objects)
    answers = kubectl("apply", *STRICT, "--dry-run=server", "-f", "-", stdin=manifests)
    assert len(answers.splitlines()) == len(objects)


def test_the_lines_for_an_installation_by_hand_are_taken(kubectl: Kubectl) -> None:
    [block] = [each.text for each in fences(DOCS / "getting-started.md") if "helm t" in each.text]
    lines = block.replace("\\\n", " ").replace("charts/ibgu", str(CHART)).splitlines()
    answers = []
    for line in lines:
        if line.startswith("helm template"):
            rendering, _, applying = line.partition("|")
            (_, *rendered), (_, *applied) = shlex.split(rendering), shlex.split(applying, True)
            answers.append(kubectl(*applied, "--dry-run=server", stdin=helm(*rendered)))
    assert "serviceaccount/ibgu " in answers[0]
    assert answers[0].count("rolebinding.rbac.authorization.k8s.io/ibgu-payloads ") == 3
    assert "validatingadmissionpolicy.admissionregistration.k8s.io/ibgu-grants " in answers[1]


@pytest.mark.parametrize("case", ["split", "combined", "bundled", "oauth proxy"])
def test_pods_run_where_only_restricted_ones_may(kubectl: Kubectl, case: str) -> None:
    label = "pod-security.kubernetes.io/enforce=restricted"
    kubectl("label", "namespace", SYSTEM_NAMESPACE, label, "--overwrite")
    for o in known(render(CASES[case])):
        if o["kind"] in ("Deployment", "StatefulSet", "Job"):
            kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod_of(o)))


def pod_of(workload: Object) -> Object:
    template = workload["spec"]["template"]
    claims = [
        {"name": claim["metadata"]["name"], "emptyDir": {}}
        for claim in workload["spec"].get("volumeClaimTemplates", [])
    ]
    spec = template["spec"] | {"volumes": template["spec"]["volumes"] + claims}
    metadata = template["metadata"] | {
        "name": workload["metadata"]["name"],
        "namespace": SYSTEM_NAMESPACE,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def test_helm_installs_upgrades_and_removes_it(hub: SandboxHub, kubectl: Kubectl) -> None:
    """Hooks are for a cluster that runs pods."""
    at = ("--kubeconfig", str(hub.kubeconfig("admin")), "--namespace", SYSTEM_NAMESPACE)
    values = json.dumps(NEEDED | CASES["bundled"])
    common = ("ibgu", str(CHART), *at, "--no-hooks", "--take-ownership", "--values", "-")
    kubectl("delete", *CRD)
    helm("install", *common, stdin=values)
    assert kubectl.get(*CRD)
    first = secret(kubectl)
    assert "STATUS: deployed" in helm("status", "ibgu", *at)

    kubectl("label", *CRD, "olm.managed=true")  # as TALM's would be
    helm("upgrade", *common, "--set", "controller.replicas=3", stdin=values)
    deployment = kubectl.get("deployment", "ibgu-controller", "-n", SYSTEM_NAMESPACE)
    assert deployment["spec"]["replicas"] == 3
    assert secret(kubectl) == first, "the database would refuse another password"

    helm("uninstall", "ibgu", *at, "--no-hooks")
    assert not kubectl("get", "deployments,secrets,flowschemas", "-l", LABEL, "-A", "-o", "name")
    crd = kubectl.get(*CRD)  # removing ibgu must not remove the users' IBGUs
    assert crd["metadata"]["labels"] == {"olm.managed": "true"}


def test_helm_keeps_the_secrets_of_the_proxy(hub: SandboxHub, kubectl: Kubectl) -> None:
    """New secrets would sign everybody out, and pods that still run could sign nobody in."""
    kubectl.apply(served_by_openshift("route.openshift.io", "Route", "Namespaced"))
    kubectl.apply(served_by_openshift("oauth.openshift.io", "OAuthClient", "Cluster"))
    kubectl("wait", "--for=condition=Established", "crd", "--all")
    at = ("--kubeconfig", str(hub.kubeconfig("admin")), "--namespace", SYSTEM_NAMESPACE)
    values = json.dumps(NEEDED | CASES["oauth proxy"])
    common = ("ibgu", str(CHART), *at, "--no-hooks", "--take-ownership", "--values", "-")
    helm("install", *common, stdin=values)
    first = secret(kubectl, "ibgu-oauth-proxy")
    client = kubectl.get("oauthclient", f"ibgu-{SYSTEM_NAMESPACE}")
    assert client["secret"] == first["client-secret"]
    helm("upgrade", *common, "--set", "controller.replicas=3", stdin=values)
    assert secret(kubectl, "ibgu-oauth-proxy") == first
    assert kubectl.get("oauthclient", f"ibgu-{SYSTEM_NAMESPACE}")["secret"] == client["secret"]
    helm("uninstall", "ibgu", *at, "--no-hooks")
    assert not kubectl("get", "oauthclients,secrets", "-l", LABEL, "-A", "-o", "name")


def served_by_openshift(group: str, kind: str, scope: str) -> Object:
    """A resource of OpenShift's as far as helm needs it."""
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, as OpenShift serves it"},
        },
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "scope": scope,
            "versions": [version],
        },
    }


CRD = ("customresourcedefinition", "imagebasedgroupupgrades.lcm.openshift.io")
LABEL = "app.kubernetes.io/instance=ibgu,app.kubernetes.io/name=ibgu"


def secret(kubectl: Kubectl, name: str = "ibgu-postgres") -> dict[str, str]:
    data = kubectl.get("secret", name, "-n", SYSTEM_NAMESPACE)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


@pytest.fixture(scope="module")
def schemas(kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """kubeconform's schemas, made of what this very API server says."""
    folder = tmp_path_factory.mktemp("schemas")
    index: dict[str, Any] = json.loads(kubectl("get", "--raw", "/openapi/v3"))["paths"]
    for path in index:
        if path == "api/v1" or (path.startswith("apis/") and path.count("/") == 2):
            document = json.loads(kubectl("get", "--raw", f"/openapi/v3/{path}"))
            _write_schemas(folder, document.get("components", {}))
    return folder


def _write_schemas(folder: Path, components: dict[str, Any]) -> None:
    for name, schema in components.get("schemas", {}).items():
        for kind in schema.get("x-kubernetes-group-version-kind", []):
            whole = {"$ref": f"#/components/schemas/{name}", "components": components}
            file = (
                f"{kind['group'] or kind['version']}_{kind['kind'].lower()}_{kind['version']}.json"
            )
            (folder / file).write_text(json.dumps(whole))


@pytest.mark.parametrize("case", CASES)
def test_rendered_objects_pass_kubeconform(schemas: Path, case: str) -> None:
    file = "{{ .Group }}_{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json"
    objects = known(render(CASES[case], OPENSHIFT))
    done = subprocess.run(
        [
            tools().kubeconform,
            "-summary",
            "-output",
            "json",
            "-schema-location",
            f"{schemas}/{file}",
        ],
        input=yaml.safe_dump_all(objects),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["summary"]["valid"] == len(objects)
