"""The contents that every sandbox hub has from the start: CRDs, namespaces, RBAC."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from ibgu.resources import shipped
from ibgu.sandbox.rest import SandboxRest
from ibgu.sandbox.users import SYSTEM_NAMESPACE, sandbox_rbac

_CHART = "charts/ibgu"
_SERVED = {
    "cluster.open-cluster-management.io/v1": "managedclusters",
    "cluster.open-cluster-management.io/v1beta2": "managedclustersetbindings",
    "ibgu.dev/v1alpha1": "fleetupdates",
    "lcm.openshift.io/v1alpha1": "imagebasedgroupupgrades",
    "work.open-cluster-management.io/v1": "manifestworks",
}


def install(admin: SandboxRest, ocm_crds: Path, namespaces: Sequence[str]) -> None:
    for manifest in everything(ocm_crds, namespaces):
        admin.apply(manifest)


def everything(ocm_crds: Path, namespaces: Sequence[str]) -> list[dict[str, Any]]:
    return [
        *manifests(ocm_crds),
        *manifests(shipped(_CHART) / "crds"),
        *(_namespace(name) for name in (SYSTEM_NAMESPACE, *namespaces)),
        *chart_rbac(),
        *_grant_policy(),
        *sandbox_rbac(payload_namespaces(namespaces)),
    ]


def payload_namespaces(namespaces: Sequence[str]) -> list[str]:
    """Returns where ibgu may read on a hub with these namespaces, by the chart's defaults."""
    values = yaml.safe_load((shipped(_CHART) / "values.yaml").read_text())
    return [name for name in values["payloadNamespaces"] if name in ("default", *namespaces)]


def served(admin: SandboxRest) -> bool:
    """Whether the new kinds answer, and their schemas stand in the OpenAPI index as well.

    The second comes later than the first, and ibgu reads the schemas when it starts.
    """
    index = json.loads(admin.get("/openapi/v3"))["paths"]
    return all(
        f"apis/{group_version}" in index
        and admin.answers(f"/apis/{group_version}/{resource}?limit=1")
        for group_version, resource in _SERVED.items()
    )


def chart_rbac() -> Iterator[dict[str, Any]]:
    """The chart's roles; its Role goes to the namespace that ibgu would run in."""
    for manifest in manifests(shipped(_CHART) / "files" / "rbac"):
        if manifest["kind"] == "Role":
            manifest["metadata"]["namespace"] = SYSTEM_NAMESPACE
        yield manifest


def _grant_policy() -> Iterator[dict[str, Any]]:
    """The chart's admission policy without which no approval counts."""
    specs = yaml.safe_load((shipped(_CHART) / "files" / "grants.yaml").read_text())
    for kind, spec in (("", specs["policy"]), ("Binding", specs["binding"])):
        yield {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": f"ValidatingAdmissionPolicy{kind}",
            "metadata": {"name": specs["binding"]["policyName"]},
            "spec": spec,
        }


def manifests(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.yaml")):
        yield from yaml.safe_load_all(path.read_text())


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
