"""The user that TALM's pods are, read from its Deployment: unknown while it is being rolled out."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest

from ibgu.controller.clock import Clock
from ibgu.controller.lookups.talm import DEPLOYMENT, LEASE, LiveTalms
from ibgu.core.model.kinds import JsonObject
from ibgu.core.talm.beside import LiveTalm
from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl

SETTLED = {
    "observedGeneration": 1,
    "replicas": 2,
    "updatedReplicas": 2,
    "readyReplicas": 2,
    "availableReplicas": 2,
}


@pytest.fixture
def namespace(unique_name: Callable[[str], str], kubectl: Kubectl) -> str:
    """Returns a namespace with a TALM whose service account is `old`."""
    name = unique_name("talm")
    labels = {"app": "talm"}
    pod = {"serviceAccountName": "old", "containers": [{"name": "manager", "image": "talm"}]}
    kubectl("create", "namespace", name)
    kubectl.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": DEPLOYMENT, "namespace": name},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }
    )
    return name


@pytest.fixture
async def talms(sandbox_hub: SandboxHub, namespace: str) -> AsyncIterator[LiveTalms]:
    async def read() -> datetime:
        return datetime.now(UTC)

    clock = Clock(read)
    await clock.sync()
    url, ca = sandbox_hub.url, str(sandbox_hub.ca_file)
    async with await HubClient.with_token(url, sandbox_hub.token("admin"), ca) as client:
        yield LiveTalms(client, clock, [namespace], {})


def report(kubectl: Kubectl, namespace: str, status: JsonObject) -> None:
    """Writes the status that the Deployment's controller would write."""
    patch(kubectl, namespace, {"status": status}, "--subresource=status")


def patch(kubectl: Kubectl, namespace: str, body: JsonObject, *options: str) -> None:
    merge = ("--type=merge", "-p", json.dumps(body))
    kubectl("patch", "deployment", DEPLOYMENT, "-n", namespace, *options, *merge)


def run_as(kubectl: Kubectl, namespace: str, account: str | None) -> None:
    # The API server copies the deprecated name of the field, which would bring the old one back.
    spec = {"serviceAccountName": account, "serviceAccount": account}
    patch(kubectl, namespace, {"spec": {"template": {"spec": spec}}})


async def test_the_account_is_unknown_until_all_pods_are_the_new_ones(
    kubectl: Kubectl, namespace: str, talms: LiveTalms
) -> None:
    unknown = [LiveTalm(namespace)]
    report(kubectl, namespace, SETTLED)
    assert await talms.find() == [_of(namespace, "old")]
    run_as(kubectl, namespace, "new")
    assert await talms.find() == unknown, "the Deployment's controller has not seen the change"
    report(kubectl, namespace, {"observedGeneration": 2, "updatedReplicas": 0})
    assert await talms.find() == unknown
    report(kubectl, namespace, {"replicas": 3, "updatedReplicas": 2})
    assert await talms.find() == unknown, "an old pod is left"
    report(kubectl, namespace, {"replicas": 2})
    assert await talms.find() == [_of(namespace, "new")]


async def test_a_deployment_that_names_no_account_runs_as_default(
    kubectl: Kubectl, namespace: str, talms: LiveTalms
) -> None:
    run_as(kubectl, namespace, None)
    report(kubectl, namespace, {**SETTLED, "observedGeneration": 2})
    assert await talms.find() == [_of(namespace, "default")]


async def test_without_its_controllers_mark_the_account_of_the_spec_counts(
    kubectl: Kubectl, namespace: str, talms: LiveTalms
) -> None:
    """A hub whose Deployments nobody carries out has a TALM that was started by hand."""
    assert await talms.find() == []
    renewed = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    kubectl.apply(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": LEASE, "namespace": namespace},
            "spec": {"holderIdentity": "talm-1", "renewTime": renewed},
        }
    )
    assert await talms.find() == [_of(namespace, "old")]


def _of(namespace: str, account: str) -> LiveTalm:
    return LiveTalm(namespace, f"system:serviceaccount:{namespace}:{account}")
