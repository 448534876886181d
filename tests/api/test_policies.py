"""The policies of clusters, counted on a real API server with the real CRD."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ibgu.hub.client import HubClient
from ibgu.hub.policies import FORBIDDEN, NO_POLICIES, TOO_LATE, read_policies
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.waiting import wait_until
from tests.api.test_preflight import Asked, clusters, findings, outcomes, preflight, proposed
from tests.core.drivers.ibu.preflight.policies import policy, template
from tests.neighbours.programs import crd

__all__ = ["clusters", "preflight"]

NAMES = ("pf-1", "pf-2", "pf-10")
ANNOTATION = "lca.openshift.io/target-ocp-version-manifest-count"
ROLE = "pf-policies"


@contextmanager
def served(kubectl: Kubectl) -> Iterator[None]:
    """The hub serves policies, and has a namespace for each cluster."""
    definition = str(crd("policy.open-cluster-management.io_policies"))
    kubectl("apply", "-f", definition)
    kubectl("wait", "--for=condition=Established", "-f", definition)
    try:
        yield
    finally:
        kubectl("delete", "-f", definition)


@pytest.fixture
def policies(kubectl: Kubectl) -> Iterator[None]:
    """All clusters have two labelled manifests for 4.17.3, in two policies; pf-2 has one more."""
    for name in NAMES:
        kubectl.run("create", "namespace", name)
    with served(kubectl):
        for name in NAMES:
            kubectl.apply(policy(template("fh"), namespace=name))
            other = policy(template("mh", "4.17.3"), name="ztp-group.config", namespace=name)
            kubectl.apply(other)
        more = policy(template("one-too-many"), name="ztp-more.config", namespace="pf-2")
        kubectl.apply(more)
        # The policy that was written: no copy, and so not on the cluster.
        root = policy(template("root"), name="ztp.root", namespace="pf-1")
        del root["metadata"]["labels"]
        kubectl.apply(root)
        yield


def counting(number: int) -> dict[str, Any]:
    body = proposed("Prep")
    body["metadata"]["annotations"] = {ANNOTATION: str(number)}
    return body


@pytest.mark.usefixtures("policies")
async def test_clusters_with_another_number_are_found_and_the_others_pass(
    preflight: Asked,
) -> None:
    [wrong] = findings(await preflight("admin", manifest=counting(2)), "P29")
    assert (wrong["severity"], wrong["clusters"]) == ("error", ["pf-2"])
    assert wrong["message"] == (
        "have 3 manifests in policies for the target release, not 2: Prep fails"
    )
    found = await preflight("admin", manifest=counting(3))
    assert findings(found, "P29")[0]["clusters"] == ["pf-1", "pf-10"]
    found = await preflight("admin", manifest=proposed("Prep"))
    assert outcomes(found)["P29"] == "notApplicable"


@pytest.mark.usefixtures("policies")
async def test_clusters_with_the_number_pass(preflight: Asked, kubectl: Kubectl) -> None:
    kubectl("delete", "policies.policy.open-cluster-management.io", "ztp-more.config", "-n", "pf-2")
    assert outcomes(await preflight("admin", manifest=counting(2)))["P29"] == "passed"


@pytest.mark.usefixtures("policies")
async def test_policies_are_read_with_the_rights_of_the_caller(
    preflight: Asked, kubectl: Kubectl
) -> None:
    [unread] = findings(await preflight("olga", manifest=counting(2)), "P29")
    assert unread["severity"] == "unknown"
    assert unread["message"] == f"were not compared with their policies: {FORBIDDEN}"
    assert unread["count"] == 3
    resource = "--resource=policies.policy.open-cluster-management.io"
    kubectl("create", "clusterrole", ROLE, "--verb=list", resource)
    try:
        for name in NAMES[:2]:
            grant = ("create", "rolebinding", ROLE, f"--clusterrole={ROLE}", "--user=olga")
            kubectl(*grant, "-n", name)
        told = {
            each["severity"]: each["clusters"]
            for each in findings(await preflight("olga", manifest=counting(2)), "P29")
        }
        assert told == {"error": ["pf-2"], "unknown": ["pf-10"]}
    finally:
        kubectl("delete", "clusterrole", ROLE)


async def test_a_hub_without_policies_compares_nothing(preflight: Asked) -> None:
    [unread] = findings(await preflight("admin", manifest=counting(2)), "P29")
    assert (unread["severity"], unread["count"]) == ("unknown", 3)
    assert unread["message"] == f"were not compared with their policies: {NO_POLICIES}"


@pytest.fixture
async def admin(sandbox_hub: SandboxHub) -> AsyncIterator[HubClient]:
    async with await HubClient.connect(str(sandbox_hub.kubeconfig("admin"))) as client:
        yield client


async def test_clusters_that_the_hub_does_not_list_in_time_say_so(admin: HubClient) -> None:
    found = await read_policies(admin, NAMES, ("4.17",), seconds=0.0)
    assert {each.problem for each in found.values()} == {TOO_LATE}


@pytest.mark.usefixtures("policies")
async def test_policies_that_can_not_be_read_say_so(admin: HubClient, kubectl: Kubectl) -> None:
    """An older CRD may let them through."""
    change = {
        "op": "replace",
        "path": "/spec/versions/0/schema/openAPIV3Schema",
        "value": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    }
    name = "policies.policy.open-cluster-management.io"
    kubectl("patch", "crd", name, "--type=json", "-p", json.dumps([change]))
    broken = json.dumps(policy(name="ztp.broken", namespace="pf-1", disabled="yes"))

    def created() -> bool:
        return not kubectl.run("create", "-f", "-", "--validate=false", stdin=broken).code

    wait_until(created, "the schema that takes anything", lambda: None)
    found = await read_policies(admin, NAMES, ("4.17.3", "4.17"))
    assert "object pf-1/ztp.broken is malformed" in found["pf-1"].problem
    assert found["pf-10"].found is not None
