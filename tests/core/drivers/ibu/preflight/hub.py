"""A hub where all is well for an upgrade to 4.17.3, and what the rules find in a variant of it."""

from datetime import timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from ibgu.core.drivers.ibu.preflight import (
    ClusterFacts,
    PreflightFacts,
    RuleOutcome,
    RuleResult,
    cluster_facts,
    judge,
)
from ibgu.core.drivers.ibu.preflight.facts import (
    ConfigMapFacts,
    HubRelease,
    Lookup,
    PayloadFacts,
    PullSecretFacts,
    StepFacts,
)
from ibgu.core.model.document import ObjectField
from ibgu.core.model.kinds import ManagedCluster, SeedImageRef
from tests.core.drivers.ibu.preflight.content import EXTRA, LVMS, documents

IMAGE = "registry.example:5000/seeds/ran@sha256:12"
ITSELF = ObjectField("ImageBasedGroupUpgrade ran/ran-417")


def cluster(name: str = "site-1", **claims: str) -> ClusterFacts:
    """A cluster of Advanced Cluster Management; `claims`: values instead of the usual ones,
    and labels that have a slash."""
    given = {
        "product.open-cluster-management.io": claims.get("product", "OpenShift"),
        "controlplanetopology.openshift.io": claims.get("topology", "SingleReplica"),
        "version.openshift.io": claims.get("version", "4.16.3"),
        "region.open-cluster-management.io": "north",
    }
    status = {
        "clusterClaims": [{"name": k, "value": v} for k, v in given.items() if v],
        "conditions": [
            {"type": f"ManagedClusterCondition{each}", "status": claims.get(each, "True")}
            for each in ("Available", "ClockSynced")
        ],
        "version": {"kubernetes": "v1.29.7"},
    }
    labels = {"openshiftVersion": claims["label"]} if "label" in claims else {}
    labels |= {key: value for key, value in claims.items() if "/" in key}
    body = {
        "metadata": {"name": name, "labels": labels},
        "spec": {"hubAcceptsClient": True, "leaseDurationSeconds": 60},
        "status": status,
    }
    return cluster_facts(msgspec.convert(body, ManagedCluster))


def config_map(*names: str, oadp: bool = True, **changes: Any) -> ConfigMapFacts:
    given = ConfigMapFacts("openshift-adp/oadp-cm", Lookup.FOUND, oadp, "", documents(names))
    return replace(given, **changes)


OADP = config_map(*LVMS)
MANIFESTS = config_map(EXTRA, oadp=False, name="ran/extra")
SECRET = PullSecretFacts("ran/pull", Lookup.FOUND, registries=("registry.example:5000",))
PAYLOAD = PayloadFacts(
    (OADP, MANIFESTS),
    SECRET,
    hub=HubRelease(Lookup.FOUND, "4.18.1"),
    acm=HubRelease(Lookup.FOUND, "2.12.0"),
    agent_pull_secret=True,
)
WELL = PreflightFacts(
    clusters=(cluster("site-1"), cluster("site-2")),
    itself=ITSELF,
    steps=(
        StepFacts(1, 2, 1, timedelta(hours=4), timedelta()),
        StepFacts(2, 2, 1, timedelta(hours=4), timedelta(minutes=45)),
    ),
    target="4.17.3",
    seed=SeedImageRef(image=IMAGE, version="4.17.3"),
    payload=PAYLOAD,
)


def with_payload(**changes: Any) -> PreflightFacts:
    return replace(WELL, payload=replace(PAYLOAD, **changes))


def result(rule: str, facts: PreflightFacts) -> RuleResult:
    (found,) = (each for each in judge(facts).results if each.rule.id == rule)
    return found


def outcome(rule: str, facts: PreflightFacts) -> RuleOutcome:
    return result(rule, facts).outcome


def told(rule: str, facts: PreflightFacts) -> list[str]:
    """Returns what the rule finds, a line for each finding."""
    return [
        " ".join(filter(None, (f"{f.severity}", ",".join(f.clusters), f.at.object, f.at.field)))
        + f": {f.message}"
        for f in result(rule, facts).findings
    ]
