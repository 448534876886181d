"""The chart's admission policy on a real API server, against a tenant of one namespace."""

import json
import ssl
import time
from collections.abc import Iterator

import httpx
import pytest
import yaml

from ibgu.hub import paths
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl, KubectlResult
from tests.charts.rendering import Object, render

POLICIES = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
MOST = 26
"""ConfigMaps whose rights one policy can check."""
MANY = [f"tenant-a/many-{n}-{'x' * 240}" for n in range(MOST)]
"""Names may be long: what a message would say of them costs, too."""
TENANT = "system:serviceaccount:tenant-a:argocd"


def policy(values: Object | None = None, *options: str) -> list[Object]:
    found = (o for o in render(values, (), *options) if o["kind"] in POLICIES)
    return [o for o in found if o["metadata"]["name"] == "ibgu-payload-references"]


def ibgu(name: str, *maps: str, secret: str = "", namespace: str = "tenant-a") -> Object:
    """`maps`: namespace/name, each second one of them under extraManifests."""
    refs = [dict(zip(("namespace", "name"), each.split("/"), strict=True)) for each in maps]
    seed: Object = {"image": "quay.io/x:4.17", "version": "4.17.0"}
    if secret:
        seed["pullSecretRef"] = {"name": secret}
    ibu = {"seedImageRef": seed, "oadpContent": refs[::2], "extraManifests": refs[1::2]}
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "clusterLabelSelectors": [{"matchLabels": {"site": "far"}}],
            "ibuSpec": ibu,
            "plan": [{"actions": ["Prep"], "rolloutStrategy": {"maxConcurrency": 1, "timeout": 9}}],
        },
    }


class Tenant:
    """May do anything with the IBGUs of its namespace, and read some objects there by name."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def __call__(self, *arguments: str, stdin: str = "") -> KubectlResult:
        return self._kubectl.run("--as", TENANT, *arguments, stdin=stdin)

    def create(self, manifest: Object, *options: str) -> KubectlResult:
        return self("create", *options, "-f", "-", stdin=json.dumps(manifest))

    def refused(self, manifest: Object) -> str:
        answer = self.create(manifest)
        assert answer.code, "it was created"
        return answer.err


@pytest.fixture(scope="module")
def hub() -> Iterator[SandboxHub]:
    """A hub of its own: others' IBGUs are not checked."""
    with SandboxHub() as hub:
        yield hub


@pytest.fixture(scope="module")
def kubectl(hub: SandboxHub) -> Kubectl:
    return Kubectl(hub)


@pytest.fixture(scope="module")
def tenant(kubectl: Kubectl) -> Tenant:
    for namespace in ("tenant-a", "tenant-b"):
        kubectl("create", "namespace", namespace)
    mine = ("-n", "tenant-a")
    allow(kubectl, "owner", "imagebasedgroupupgrades.lcm.openshift.io", "*")
    for name in ("reader", "many"):
        kubectl("create", "configmap", name, *mine)
    kubectl("create", "secret", "generic", "database", *mine, "--from-literal=password=hunter2")
    kubectl("create", "configmap", "foreign", "-n", "tenant-b")
    names = ["pull", "oadp", "extra", *(ref.partition("/")[2] for ref in MANY)]
    allow(kubectl, "by-name", "secrets,configmaps", "get", *(f"--resource-name={n}" for n in names))
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(policy()))
    made = Tenant(kubectl)
    effective(made)
    return made


def allow(kubectl: Kubectl, role: str, resources: str, verb: str, *names: str) -> None:
    mine = ("-n", "tenant-a")
    kubectl("create", "role", role, *mine, f"--verb={verb}", f"--resource={resources}", *names)
    kubectl("create", "rolebinding", role, *mine, f"--role={role}", f"--user={TENANT}")


def effective(tenant: Tenant) -> None:
    """Wait until the API server, which learns of a policy by a watch, enforces it."""
    end = time.monotonic() + 180
    while not tenant.create(ibgu("probe", secret="database"), "--dry-run=server").code:
        assert time.monotonic() < end, "the policy is not enforced"
        time.sleep(0.1)


def test_a_secret_that_the_tenant_may_not_read(tenant: Tenant) -> None:
    said = tenant.refused(ibgu("steals", secret="database"))
    assert f"{TENANT} may not get Secret tenant-a/database, which ibgu would bring" in said
    assert "get the right to read it, or name one that you may read" in said


def test_a_config_map_of_another_namespace(tenant: Tenant) -> None:
    said = tenant.refused(ibgu("steals", "tenant-b/foreign"))
    assert f"{TENANT} may not get ConfigMap tenant-b/foreign, which ibgu would bring" in said


@pytest.mark.parametrize("place", range(3))
def test_an_unreadable_config_map_among_three_is_named(tenant: Tenant, place: int) -> None:
    maps = ["tenant-a/oadp", "tenant-a/extra", MANY[0]]
    maps[place] = "tenant-a/reader"
    said = tenant.refused(ibgu("steals", *maps, secret="pull"))
    assert "may not get ConfigMap tenant-a/reader" in said


@pytest.mark.parametrize("maps", [[], MANY[:1], MANY[:3], MANY], ids=len)
def test_references_that_the_tenant_may_read_are_admitted(tenant: Tenant, maps: list[str]) -> None:
    name = f"honest-{len(maps)}"
    answer = tenant.create(ibgu(name, *maps, secret="pull"))
    assert not answer.code, answer.err


def test_the_last_one_is_checked(tenant: Tenant) -> None:
    said = tenant.refused(ibgu("steals", *MANY[:-1], "tenant-b/foreign", secret="pull"))
    assert "may not get ConfigMap tenant-b/foreign" in said


def test_one_more_than_can_be_checked_is_refused(tenant: Tenant) -> None:
    said = tenant.refused(ibgu("greedy", *MANY, "tenant-a/oadp", secret="pull"))
    assert f"name {MOST + 1} ConfigMaps, and ibgu checks the rights to {MOST} at most" in said
    said = tenant.refused(ibgu("greedy", *MANY, *MANY, *MANY))
    assert f"name {3 * MOST} ConfigMaps" in said


def test_names_that_nobody_has_are_refused(tenant: Tenant) -> None:
    """An empty name would ask about all; a long one costs more than an expression may."""
    for ref in ("/oadp", "tenant-a/", f"tenant-b/{'x' * 200_000}"):
        assert "denied" in tenant.refused(ibgu("steals", ref))


def test_every_change_of_the_spec_is_checked(kubectl: Kubectl, tenant: Tenant) -> None:
    """Somebody's IBGU gets a step more, and with it clusters; its labels are nobody's business."""
    kubectl.apply(ibgu("theirs", "tenant-b/foreign", secret="database"))
    step = {"actions": ["Upgrade"], "rolloutStrategy": {"maxConcurrency": 1, "timeout": 9}}
    patch = json.dumps([{"op": "add", "path": "/spec/plan/-", "value": step}])
    mine = ("patch", "ibgu", "theirs", "-n", "tenant-a", "--type=json", "-p", patch)
    said = tenant(*mine)
    assert said.code
    assert "may not get Secret tenant-a/database" in said.err
    annotated = tenant("annotate", "ibgu", "theirs", "-n", "tenant-a", "ibgu.dev/pause=now")
    assert not annotated.code, annotated.err
    assert not kubectl.run(*mine).code


def test_status_is_not_checked(hub: SandboxHub, kubectl: Kubectl, tenant: Tenant) -> None:
    """ibgu writes it, and may not read what the IBGU refers to."""
    kubectl.apply(ibgu("reported", "tenant-b/foreign", secret="database"))
    answer = httpx.patch(
        f"{hub.url}{paths.ibgu_status('tenant-a', 'reported')}",
        timeout=60,
        content='{"status": {"observedGeneration": 1}}',
        headers={
            "Authorization": f"Bearer {hub.token('ibgu')}",
            "Content-Type": paths.MERGE_PATCH,
        },
        verify=ssl.create_default_context(cafile=str(hub.ca_file)),
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("values", "options", "rendered"),
    [
        ({}, ("--kube-version=1.30.0",), True),
        ({}, ("--kube-version=v1.33.4+gke.1",), True),
        ({}, ("--kube-version=1.29.9",), False),
        ({"payloadPolicy": {"enabled": "always"}}, ("--kube-version=1.29.9",), True),
        ({"payloadPolicy": {"enabled": "never"}}, (), False),
    ],
)
def test_when_it_is_installed(values: Object, options: tuple[str, ...], rendered: bool) -> None:
    assert [o["kind"] for o in policy(values, *options)] == (list(POLICIES) if rendered else [])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "namespace"),
        ({"settings": {"IBGU_PAYLOAD_REFERENCES": "trust"}}, "trust"),
        ({"payloadPolicy": {"enabled": "never"}}, None),
    ],
)
def test_with_it_older_ibgus_are_not_trusted(values: Object, expected: str | None) -> None:
    (controller,) = (
        o
        for o in render(values)
        if o["metadata"]["name"] == "ibgu-controller" and o["kind"] == "Deployment"
    )
    env = controller["spec"]["template"]["spec"]["containers"][0]["env"]
    found = {each["name"]: each.get("value") for each in env}
    assert found.get("IBGU_PAYLOAD_REFERENCES") == expected
