"""The sample rollout: what is applied, and the lines to try after it."""

import json
from typing import Any

from msgspec import Struct

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model.names import IBGU
from ibgu.sandbox.demo.options import DemoOptions
from ibgu.sim.faults import parse_fault
from ibgu.sim.spec import FleetSpec

NAME = "demo"
NAMESPACE = "default"
NAMESPACES = ("openshift-adp", "openshift-lifecycle-agent")
"""The namespaces of the ConfigMaps: people create them before they install ibgu."""
SEED = "4.17.0-rc.1"
NAMED = ("spoke1", "spoke4", "spoke6")
"""Clusters of the documentation's examples: spoke6 fails its Prep, spoke1 its Upgrade, and the Prep
of spoke4 warns."""
FAULTS = (
    "prep.precache@spoke6",
    "upgrade.init-monitor@spoke1",
    "validation-warning@spoke4",
    "prep.seed-image=0.04",
    "upgrade.restore=0.03",
)
FLEET_LABEL = "fleet"


class Sample(Struct, frozen=True, kw_only=True):
    """Sample is what a demo plays: one for each kind that asks for rollouts."""

    kind: str
    fleet: FleetSpec
    manifests: tuple[dict[str, Any], ...]
    """What is applied: the rollout's object, after what it refers to."""
    next_steps: tuple[dict[str, Any], ...]
    """The steps that are appended, one after the other."""
    failing: set[str]
    """The clusters that are made to fail."""
    open: set[str]
    """The clusters with faults that the user has asked for: they may fail or not."""
    action: str
    """The action that brings a cluster to its release."""
    lines: tuple[str, ...]
    """What to try beside it."""


def fleet(options: DemoOptions) -> FleetSpec:
    return FleetSpec.parse(
        count=options.clusters,
        names=NAMED,
        seed=options.seed,
        scale=1 / options.speed,
        faults=(*FAULTS, *options.faults),
        version="4.16.9",
        labels=[f"{FLEET_LABEL}={NAME}"],
    )


def with_faults(fleet: FleetSpec, options: DemoOptions) -> set[str]:
    """Returns the clusters that have one of the faults that the user has asked for."""
    asked = {parse_fault(text).fault for text in options.faults}
    return {name for name, given in fleet.faults_by_cluster().items() if asked & set(given)}


def concurrency(options: DemoOptions) -> int:
    """A fifth of the fleet at a time."""
    return max(2, options.clusters // 5)


def rollout(options: DemoOptions) -> dict[str, Any]:
    """An IBGU as the documentation has it, on the whole fleet; its first step is Prep."""
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {
            "clusterLabelSelectors": [{"matchLabels": {FLEET_LABEL: NAME}}],
            "ibuSpec": {
                "seedImageRef": {
                    "image": f"registry.example.com/seed/image:{SEED}",
                    "version": SEED,
                    "pullSecretRef": {"name": "seed-pull-secret"},
                },
                "extraManifests": [
                    {"name": "example-extra-manifests", "namespace": "openshift-lifecycle-agent"}
                ],
                "oadpContent": [{"name": "oadp-cm", "namespace": "openshift-adp"}],
            },
            "plan": [step("Prep", concurrency(options), 60)],
        },
    }


_LABELLED = (
    "apps/v1/deployments/open-cluster-management-agent/klusterlet",
    "v1/secrets/open-cluster-management-agent/bootstrap-hub-kubeconfig",
    "rbac.authorization.k8s.io/v1/clusterroles/klusterlet",
    "rbac.authorization.k8s.io/v1/clusterroles/open-cluster-management:klusterlet-work:ibu-role",
    "operator.open-cluster-management.io/v1/klusterlets/klusterlet",
)
_KLUSTERLET = f"""\
apiVersion: velero.io/v1
kind: Backup
metadata:
  name: acm-klusterlet
  namespace: openshift-adp
  labels:
    velero.io/storage-location: default
  annotations:
    lca.openshift.io/apply-label: "{",".join(_LABELLED)}"
spec:
  includedNamespaces: [open-cluster-management-agent]
  includedNamespaceScopedResources: [deployments, secrets]
  includedClusterScopedResources:
    - klusterlets.operator.open-cluster-management.io
    - clusterroles.rbac.authorization.k8s.io
---
apiVersion: velero.io/v1
kind: Restore
metadata:
  name: acm-klusterlet
  namespace: openshift-adp
  labels:
    velero.io/storage-location: default
  annotations:
    lca.openshift.io/apply-wave: "1"
spec:
  backupName: acm-klusterlet
"""
"""What brings a cluster back to its hub after the upgrade, as in docs/guides/first-rollout.md."""


def sources() -> list[dict[str, Any]]:
    """The ConfigMaps and the pull secret that the rollout names."""
    return [
        _object("ConfigMap", "openshift-adp", "oadp-cm", data={"acm-klusterlet.yaml": _KLUSTERLET}),
        _object(
            "ConfigMap",
            "openshift-lifecycle-agent",
            "example-extra-manifests",
            data={"namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: extra}"},
        ),
        _object(
            "Secret",
            NAMESPACE,
            "seed-pull-secret",
            type="kubernetes.io/dockerconfigjson",
            stringData={".dockerconfigjson": '{"auths": {"registry.example.com": {}}}'},
        ),
    ]


def _object(kind: str, namespace: str, name: str, **content: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **content}


def step(action: str, max_concurrency: int, timeout: int) -> dict[str, Any]:
    strategy = {"maxConcurrency": max_concurrency, "timeout": timeout}
    return {"actions": [action], "rolloutStrategy": strategy}


def next_steps(options: DemoOptions) -> list[dict[str, Any]]:
    """Returns the steps that the documentation appends after Prep, one after the other."""
    slots = concurrency(options)
    return [
        step("AbortOnFailure", 5, 10),
        step("Upgrade", slots, 60),
        step("AbortOnFailure", 5, 10),
        step("FinalizeUpgrade", 10, 10),
    ]


def patch_of(item: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"op": "add", "path": "/spec/plan/-", "value": item}]


def of_upgrade(options: DemoOptions) -> Sample:
    found = fleet(options)
    asked = with_faults(found, options)
    given = found.faults_by_cluster().items()
    return Sample(
        kind=IBGU,
        fleet=found,
        manifests=(*sources(), rollout(options)),
        next_steps=tuple(next_steps(options)),
        failing={name for name, faults in given if not all(f.harmless for f in faults)} - asked,
        open=asked,
        action=Action.UPGRADE.value,
        lines=tuple(_lines(options)),
    )


def _lines(options: DemoOptions) -> list[str]:
    """Each step waits for nothing: one that is appended too early simply comes later."""
    steps = [
        f"  kubectl patch ibgu {NAME} --type=json -p '{json.dumps(patch_of(item))}'"
        for item in next_steps(options)
    ]
    return [
        "  kubectl get ibgu",
        "  kubectl get ibgu demo -o yaml",
        f"  kubectl get managedclusters -l {Action.PREP.failed_label}",
        "  kubectl events --for ibgu/demo",
        "  ibgu status demo",
        "  ibgu explain spoke6",
        "  ibgu works spoke6",
        f"  ibgu preflight -l {FLEET_LABEL}={NAME} --target {SEED} --inspect",
        "When Prep is done, go on as the documentation does (clusters that failed first):",
        *steps,
    ]
