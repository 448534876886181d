"""The chart's share of an API server that queues: it knows ibgu's requests, and no others."""

import ssl
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
import yaml

from ibgu.hub import paths
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.users import SYSTEM_NAMESPACE
from tests.charts.rendering import render

CONTROLLER, API = (
    f"system:serviceaccount:{SYSTEM_NAMESPACE}:{name}" for name in ("ibgu", "ibgu-api")
)
LEASE = paths.lease(SYSTEM_NAMESPACE, "ibgu-controller")
LEASES = paths.leases(SYSTEM_NAMESPACE)
KINDS = ("FlowSchema", "PriorityLevelConfiguration")
OURS, LEADERS = ("ibgu", "ibgu"), ("ibgu-leader", "leader-election")
PATIENCE = 180.0
"""Seconds; the API server learns of a FlowSchema by a watch."""

Share = Callable[[str, str, str], tuple[str, str]]
"""user, method, path -> names of the FlowSchema and the priority level that the request was given.

Refused or not: queues come before rights."""


@pytest.fixture(scope="module")
def hub() -> Iterator[SandboxHub]:
    """A hub with queues, which the others of these tests do without."""
    with SandboxHub() as hub:
        hub.restart_apiserver("--enable-priority-and-fairness=true")
        yield hub


@pytest.fixture(scope="module")
def share(hub: SandboxHub) -> Iterator[Share]:
    kubectl = Kubectl(hub)
    objects = [o for o in render() if o["kind"] in KINDS]
    kubectl(
        "apply", "--server-side", "--validate=strict", "-f", "-", stdin=yaml.safe_dump_all(objects)
    )
    found = (o for kind in KINDS for o in kubectl.get(kind)["items"])
    names = {o["metadata"]["uid"]: str(o["metadata"]["name"]) for o in found}
    with httpx.Client(
        base_url=hub.url,
        verify=ssl.create_default_context(cafile=str(hub.ca_file)),
        headers={"Authorization": f"Bearer {hub.token('admin')}"},
        trust_env=False,
        timeout=60,
    ) as client:

        def share(user: str, method: str, path: str) -> tuple[str, str]:
            head = client.request(method, path, headers={"Impersonate-User": user}).headers
            schema, level = (
                head["X-Kubernetes-PF-FlowSchema-UID"],
                head["X-Kubernetes-PF-PriorityLevel-UID"],
            )
            return names.get(schema, schema), names.get(level, level)

        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and (
            share(CONTROLLER, "GET", LEASE) != LEADERS
            or share(CONTROLLER, "GET", paths.works()) != OURS
        ):
            time.sleep(0.1)
        yield share


@pytest.mark.parametrize(
    ("user", "method", "path", "expected"),
    [
        (CONTROLLER, "GET", paths.works(), OURS),
        (CONTROLLER, "PATCH", paths.work("site-1", "a"), OURS),
        (CONTROLLER, "GET", paths.VERSION, OURS),
        (CONTROLLER, "GET", LEASE, LEADERS),
        (CONTROLLER, "PATCH", LEASE, LEADERS),
        (CONTROLLER, "GET", f"{LEASES}?watch=true&timeoutSeconds=1", LEADERS),
        (CONTROLLER, "GET", paths.lease("elsewhere", "other"), OURS),
        (API, "POST", "/apis/authentication.k8s.io/v1/tokenreviews", OURS),
    ],
)
def test_ibgus_requests_match_their_flow_schema(
    share: Share, user: str, method: str, path: str, expected: tuple[str, str]
) -> None:
    assert share(user, method, path) == expected


@pytest.mark.parametrize("path", [paths.works(), LEASE])
def test_requests_of_other_accounts_match_no_flow_schema(share: Share, path: str) -> None:
    assert not {*OURS, *LEADERS} & set(share("system:serviceaccount:elsewhere:ibgu", "GET", path))
