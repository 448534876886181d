"""Paths of objects, and bodies of errors."""

import pytest

from ibgu.hub import paths
from ibgu.hub.errors import read_error


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_invalid_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a name of a Kubernetes object"):
        paths.config_map("default", name)


def test_a_name_cannot_leave_its_place() -> None:
    path = paths.config_map("default", "x/../../secrets/y?watch=1#")
    assert path == "/api/v1/namespaces/default/configmaps/x%2F..%2F..%2Fsecrets%2Fy%3Fwatch%3D1%23"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (paths.ibgus(), "/apis/lcm.openshift.io/v1alpha1/imagebasedgroupupgrades"),
        (
            paths.ibgu_status("default", "ran"),
            "/apis/lcm.openshift.io/v1alpha1/namespaces/default/imagebasedgroupupgrades/ran/status",
        ),
        (
            paths.managed_cluster("site-1"),
            "/apis/cluster.open-cluster-management.io/v1/managedclusters/site-1",
        ),
        (
            paths.work("site-1", "w"),
            "/apis/work.open-cluster-management.io/v1/namespaces/site-1/manifestworks/w",
        ),
        (paths.cgus(), "/apis/ran.openshift.io/v1alpha1/clustergroupupgrades"),
        (
            paths.lease("ns", "l"),
            "/apis/coordination.k8s.io/v1/namespaces/ns/leases/l",
        ),
        (paths.events("ns"), "/apis/events.k8s.io/v1/namespaces/ns/events"),
        (paths.secret("ns", "s"), "/api/v1/namespaces/ns/secrets/s"),
        (paths.namespace("kube-system"), "/api/v1/namespaces/kube-system"),
        (paths.deployment("ns", "d"), "/apis/apps/v1/namespaces/ns/deployments/d"),
        (paths.rollout_policy("p"), "/apis/ibgu.dev/v1alpha1/rolloutpolicies/p"),
    ],
)
def test_paths_lead_to_the_api_resources(path: str, expected: str) -> None:
    assert path == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (paths.ibgu_status("default", "ran"), "imagebasedgroupupgrades/status"),
        (paths.works(), "manifestworks"),
        (paths.works("site-1"), "manifestworks"),
        (paths.work("namespaces", "w"), "manifestworks"),
        (paths.managed_cluster("namespaces"), "managedclusters"),
        (paths.TOKEN_REVIEWS, "tokenreviews"),
        (paths.secret("ns", "s"), "secrets"),
        (paths.pod_log("ns", "p"), "pods/log"),
        (paths.namespace("kube-system"), "namespaces"),
        ("/api/v1/namespaces", "namespaces"),
        (paths.VERSION, ""),
        (paths.OPENAPI, ""),
    ],
)
def test_the_resource_of_a_path(path: str, expected: str) -> None:
    assert paths.resource(path) == expected


def test_the_retry_seconds_of_a_status_body_are_read() -> None:
    body = b'{"code":429,"reason":"TooManyRequests","details":{"retryAfterSeconds":3}}'
    error = read_error(429, "Too Many", body, None, method="GET", path="/x")
    assert (error.retry_after, error.reason) == (3, "TooManyRequests")
    assert read_error(429, "Too Many", body, "5", method="GET", path="/x").retry_after == 5
    late = read_error(503, "", b"", "Wed, 21 Oct 2026 07:28:00 GMT", method="GET", path="/x")
    assert (late.retry_after, late.message) == (None, "no details")
