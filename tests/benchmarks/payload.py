"""The payload of the documentation's IBGU: pull secret, manifests, OADP."""

import json
from base64 import b64encode
from typing import Any

from ibgu.hub import paths
from ibgu.hub.client import HubClient

PULL_SECRET = ("default", "bench-pull-secret")
MANIFESTS = ("default", "bench-extra-manifests")
OADP = ("openshift-adp", "bench-oadp")

_REGISTRIES = 5
_MACHINE_CONFIGS = 4
_APPLICATIONS = 3


def references() -> dict[str, Any]:
    """Returns the references for ibuSpec."""
    return {
        "seedImageRef": {"pullSecretRef": {"name": PULL_SECRET[1]}},
        "extraManifests": [_named(MANIFESTS)],
        "oadpContent": [_named(OADP)],
    }


async def bring(admin: HubClient) -> None:
    """Brings what `references` refers to, to the hub; some 14 KiB."""
    for found, path in (
        (_pull_secret(), paths.secret(*PULL_SECRET)),
        (_config_map(MANIFESTS, _manifests()), paths.config_map(*MANIFESTS)),
        (_config_map(OADP, _oadp()), paths.config_map(*OADP)),
    ):
        await admin.request("POST", path.rpartition("/")[0], body=found)


def _named(where: tuple[str, str]) -> dict[str, str]:
    return {"namespace": where[0], "name": where[1]}


def _pull_secret() -> dict[str, Any]:
    """Returns a pull secret like a cluster's global one: a token of some 300 characters for each
    registry."""
    token = b64encode(b"robot:" + b"x" * 210).decode()
    auths = {f"registry-{n}.example.com:5000": {"auth": token} for n in range(_REGISTRIES)}
    data = b64encode(json.dumps({"auths": auths}).encode()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/dockerconfigjson",
        "metadata": _named(PULL_SECRET),
        "data": {".dockerconfigjson": data},
    }


def _config_map(where: tuple[str, str], data: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _named(where), "data": data}


def _manifests() -> dict[str, str]:
    """Unit files and a CatalogSource, as sites have them: some 6 KiB."""
    unit = "\n".join(f"Environment=SITE_SETTING_{n}=value-of-the-site-{n}" for n in range(25))
    return {f"{n}-site.yaml": _machine_config(n, unit) for n in range(_MACHINE_CONFIGS)}


def _machine_config(number: int, unit: str) -> str:
    return json.dumps(
        {
            "apiVersion": "machineconfiguration.openshift.io/v1",
            "kind": "MachineConfig",
            "metadata": {
                "name": f"99-site-{number}",
                "labels": {"machineconfiguration.openshift.io/role": "master"},
            },
            "spec": {
                "config": {
                    "ignition": {"version": "3.2.0"},
                    "systemd": {"units": [{"name": f"site-{number}.service", "contents": unit}]},
                }
            },
        }
    )


def _oadp() -> dict[str, str]:
    """A Backup and a Restore for the cluster's registration and for each application."""
    found = {}
    for name in ("acm-klusterlet", *(f"app-{n}" for n in range(_APPLICATIONS))):
        found[f"{name}-backup.yaml"] = json.dumps(_velero("Backup", name, _backup(name)))
        found[f"{name}-restore.yaml"] = json.dumps(
            _velero("Restore", name, {"backupName": name, "restorePVs": True})
        )
    return found


def _velero(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "velero.io/v1",
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": OADP[0],
            "labels": {"velero.io/storage-location": "default"},
            "annotations": {"lca.openshift.io/apply-wave": "1"},
        },
        "spec": spec,
    }


def _backup(name: str) -> dict[str, Any]:
    kinds = ("deployments", "services", "secrets", "configmaps", "serviceaccounts", "roles")
    return {
        "includedNamespaces": [name],
        "includedNamespaceScopedResources": [*kinds, "persistentvolumeclaims", "rolebindings"],
        "includedClusterScopedResources": ["persistentvolumes", "clusterrolebindings"],
    }
