"""Preflight of content with hub templates, with the rights of the caller, on a real API server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ibgu.sandbox.kubectl import Kubectl
from tests.api.test_preflight import (
    Asked,
    clusters,
    findings,
    outcomes,
    preflight,
    proposed,
)

__all__ = ["clusters", "preflight"]
pytestmark = pytest.mark.hub
ZONE = "{{hub .ManagedClusterLabels.zone hub}}"
IP = '{{hub fromConfigMap "" "pft-data" (printf "%s-ip" .ManagedClusterName) hub}}'
MANIFEST = f"""apiVersion: v1
kind: ConfigMap
metadata:
  name: site
  namespace: default
  labels:
    zone: {ZONE}
data:
  ip: {IP}
"""
REFS = {"oadpContent": [], "extraManifests": [{"name": "pft-extra", "namespace": "default"}]}


def config_map(name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@pytest.fixture(autouse=True)
def content(kubectl: Kubectl, clusters: None) -> Iterator[None]:
    kubectl.apply(config_map("pft-extra", manifest=MANIFEST))
    addresses = {f"{name}-ip": "10.0.0.1" for name in ("pf-1", "pf-2", "pf-10")}
    kubectl.apply(config_map("pft-data", **addresses))
    kubectl("label", "managedcluster", "pf-1", "pf-10", "zone=a", "--overwrite")
    yield
    kubectl("delete", "cm", "pft-extra", "pft-data", "-n", "default", "--ignore-not-found")


def named(*names: str) -> dict[str, Any]:
    body = proposed("Prep", **REFS)
    body["metadata"]["annotations"] = {"ibgu.dev/template-config-maps": ",".join(names)}
    return body


async def test_the_cluster_without_a_label_is_named_and_the_content_has_no_finding(
    preflight: Asked,
) -> None:
    found = await preflight("admin", manifest=named("pft-data"))
    (wrong,) = findings(found, "P42")
    assert wrong["severity"] == "error"
    assert wrong["clusters"] == ["pf-2"]
    place = "ConfigMap default/pft-extra manifest, line 7, column 11: "
    assert wrong["message"] == f"{place}the cluster has no label 'zone'"
    assert outcomes(found)["P25"] == outcomes(found)["P39"] == "passed"
    assert "10.0.0.1" not in json.dumps(found)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ((), "does not name ConfigMap 'pft-data'"),
        (("pft-data", "pft-gone"), "default/pft-gone, which templates may read, is not on the hub"),
        (("..",), "ConfigMap default/.. can't exist: "),
    ],
)
async def test_values_that_no_template_may_read_are_an_error_for_all(
    preflight: Asked, names: tuple[str, ...], problem: str
) -> None:
    (wrong,) = findings(await preflight("admin", manifest=named(*names)), "P42")
    assert wrong["severity"] == "error"
    assert problem in wrong["message"]
    assert wrong["clusters"] == []


async def test_a_template_that_is_not_supported_is_an_error_with_its_line(
    preflight: Asked, kubectl: Kubectl
) -> None:
    bad = MANIFEST.replace(IP, '{{hub fromSecret "" "pull" "x" hub}}')
    kubectl.apply(config_map("pft-extra", manifest=bad))
    (wrong,) = findings(await preflight("admin", manifest=named("pft-data")), "P42")
    assert (wrong["line"], wrong["severity"]) == (9, "error")
    assert wrong["message"].startswith("template in column 7: fromSecret is not supported")


async def test_values_are_read_with_the_rights_of_the_caller(
    preflight: Asked, kubectl: Kubectl
) -> None:
    role = ("--verb=get", "--resource=configmaps", "--resource-name=pft-extra")
    kubectl("create", "role", "pft-extra", "-n", "default", *role)
    kubectl("create", "rolebinding", "pft-extra", "-n", "default", "--role=pft-extra", "--user=bob")
    kubectl("create", "clusterrole", "pft-lister", "--verb=list", "--resource=managedclusters")
    kubectl("create", "clusterrolebinding", "pft-lister", "--clusterrole=pft-lister", "--user=bob")
    try:
        found = await preflight("bob", manifest=named("pft-data"))
    finally:
        kubectl("delete", "clusterrolebinding,clusterrole", "pft-lister")
        kubectl("delete", "rolebinding,role", "pft-extra", "-n", "default")
    (unread,) = findings(found, "P42")
    assert unread["severity"] == "unknown"
    assert unread["message"].endswith("was not read: you may not read it")
