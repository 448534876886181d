"""Policies as the hub replicates them for a cluster, in the shape of the manual's."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ibgu.core.drivers.ibu.preflight.policies import TARGET, WAVE, Policy

Object = dict[str, Any]


def template(name: str, release: str = "4.17", compliance: str = "musthave") -> Object:
    """An object template of a ConfigurationPolicy; its manifest carries the label of a release,
    unless that is empty."""
    labels = {TARGET: release} if release else {}
    manifest = {
        "apiVersion": "sriovnetwork.openshift.io/v1",
        "kind": "SriovNetwork",
        "metadata": {
            "name": name,
            "namespace": "openshift-sriov-network-operator",
            "labels": labels,
        },
        "spec": {"resourceName": "du_fh", "vlan": 140},
    }
    return {"complianceType": compliance, "objectDefinition": manifest}


def policy(
    *templates: Object,
    name: str = "ztp-site.config",
    namespace: str = "site-1",
    annotations: Mapping[str, str] = {WAVE: "10"},
    **spec: Any,
) -> Object:
    configuration = {
        "apiVersion": "policy.open-cluster-management.io/v1",
        "kind": "ConfigurationPolicy",
        "metadata": {"name": "config"},
        "spec": {
            "remediationAction": "inform",
            "severity": "low",
            "object-templates": list(templates),
        },
    }
    return {
        "apiVersion": "policy.open-cluster-management.io/v1",
        "kind": "Policy",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": dict(annotations),
            "labels": {
                "policy.open-cluster-management.io/root-policy": name,
                "policy.open-cluster-management.io/cluster-name": namespace,
            },
        },
        "spec": {
            "remediationAction": "inform",
            "disabled": False,
            "policy-templates": [{"objectDefinition": configuration}],
            **spec,
        },
    }


def decoded(*policies: Object) -> list[Policy]:
    return [msgspec.convert(each, Policy) for each in policies]
