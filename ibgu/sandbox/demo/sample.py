"""The sample rollout: what is applied, and the lines to try after it."""

from typing import Any

from ibgu.sandbox.demo.options import DemoOptions
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


def fleet(options: DemoOptions) -> FleetSpec:
    return FleetSpec.parse(
        count=options.clusters,
        names=NAMED,
        seed=options.seed,
        scale=1 / options.speed,
        faults=FAULTS,
        version="4.16.9",
        labels=[f"{FLEET_LABEL}={NAME}"],
    )


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


def sources() -> list[dict[str, Any]]:
    """The ConfigMaps and the pull secret that the rollout names."""
    return [
        _object("ConfigMap", "openshift-adp", "oadp-cm", data={"backup.yaml": "kind: Backup"}),
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
            stringData={".dockerconfigjson": "{}"},
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
