"""The chart's policy for the Lease, on a real API server: a tenant can't keep ibgu from leading."""

import json
import time
from collections.abc import Iterator

import pytest
import yaml

from ibgu.hub.client import HubClient
from ibgu.hub.election.competing_leases import CompetingLeases
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl, KubectlResult
from tests.charts.rendering import Object, render

NAME = "ibgu-leader-lease"
LEASE = "ibgu-controller"
TENANT, OPERATOR = "tenant", "operator"


def policy(values: Object | None = None, *options: str) -> list[Object]:
    return [o for o in render(values, (), *options) if o["metadata"]["name"] == NAME]


def lease(namespace: str, name: str = LEASE) -> str:
    renewed = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    return json.dumps(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "holderIdentity": "pod-1",
                "renewTime": renewed,
                "leaseDurationSeconds": 15,
            },
        }
    )


@pytest.fixture(scope="module")
def hub() -> Iterator[SandboxHub]:
    """A hub of its own: on that of all tests others lead in many namespaces."""
    with SandboxHub() as hub:
        yield hub


@pytest.fixture(scope="module")
def kubectl(hub: SandboxHub) -> Kubectl:
    """`tenant` may write Leases in its namespace and ibgu's; `operator` may run ibgu besides."""
    kubectl = Kubectl(hub)
    kubectl("create", "clusterrole", "leases", "--verb=*", "--resource=leases.coordination.k8s.io")
    kubectl("create", "namespace", "tenant-a")
    for namespace in ("tenant-a", "ibgu-system"):
        users = (f"--user={TENANT}", f"--user={OPERATOR}")
        kubectl("create", "rolebinding", "leases", "-n", namespace, "--clusterrole=leases", *users)
    works = "--resource=manifestworks.work.open-cluster-management.io"
    kubectl("create", "clusterrole", "works", "--verb=patch", works)
    kubectl("create", "clusterrolebinding", "works", "--clusterrole=works", f"--user={OPERATOR}")
    # A tenant with such a right in its own namespace could still not run ibgu.
    kubectl(
        "create",
        "rolebinding",
        "works",
        "-n",
        "tenant-a",
        "--clusterrole=works",
        f"--user={TENANT}",
    )
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(policy()))
    end = time.monotonic() + 180
    while not write(kubectl, TENANT, lease("tenant-a"), "create", "--dry-run=server").code:
        assert time.monotonic() < end, "the policy is not enforced"
        time.sleep(0.1)
    return kubectl


def write(kubectl: Kubectl, user: str, manifest: str, *verb: str) -> KubectlResult:
    return kubectl.run("--as", user, *verb, "-f", "-", stdin=manifest)


async def test_a_tenant_cannot_keep_ibgu_from_leading(kubectl: Kubectl, hub: SandboxHub) -> None:
    refused = write(kubectl, TENANT, lease("tenant-a"), "create")
    assert refused.code
    assert (
        "tenant may not write the Lease tenant-a/ibgu-controller: only who may patch ManifestWorks "
        "in all namespaces can run ibgu on this hub."
    ) in refused.err
    async with await HubClient.connect(str(hub.kubeconfig("ibgu"))) as client:
        assert await CompetingLeases(client, "ibgu-system", LEASE).find() is None


async def test_a_rival_lease_of_another_ibgu_is_still_found(
    kubectl: Kubectl, hub: SandboxHub
) -> None:
    written = write(kubectl, OPERATOR, lease("tenant-a"), "create")
    assert not written.code, written.err
    async with await HubClient.connect(str(hub.kubeconfig("ibgu"))) as client:
        rival = await CompetingLeases(client, "ibgu-system", LEASE).find()
    assert rival is not None
    assert rival.namespace == "tenant-a"
    renewed = write(kubectl, TENANT, lease("tenant-a"), "apply")
    assert "may not write the Lease" in renewed.err
    patch = ("--type=merge", "-p", '{"spec":{"holderIdentity":"me"}}')
    stolen = kubectl.run("--as", TENANT, "patch", "lease", LEASE, "-n", "tenant-a", *patch)
    assert "may not write the Lease" in stolen.err


def test_other_leases_of_a_tenant_are_allowed(kubectl: Kubectl) -> None:
    written = write(kubectl, TENANT, lease("tenant-a", "my-controller"), "create")
    assert not written.code, written.err


def test_the_releases_own_namespace_is_its_owners(kubectl: Kubectl) -> None:
    """ibgu's account needs no right in all namespaces to lead."""
    written = write(kubectl, TENANT, lease("ibgu-system"), "create")
    assert not written.code, written.err


@pytest.mark.parametrize(
    ("values", "options", "rendered"),
    [
        ({}, ("--kube-version=1.30.0",), True),
        ({}, ("--kube-version=1.29.9",), False),
        ({"leasePolicy": {"enabled": "always"}}, ("--kube-version=1.29.9",), True),
        ({"leasePolicy": {"enabled": "never"}}, (), False),
        ({"payloadPolicy": {"enabled": "never"}}, (), True),
    ],
)
def test_when_it_is_installed(values: Object, options: tuple[str, ...], rendered: bool) -> None:
    kinds = ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]
    assert [o["kind"] for o in policy(values, *options)] == (kinds if rendered else [])
