"""P1 to P5."""

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.preflight import PreflightFacts, RuleOutcome
from ibgu.core.drivers.ibu.preflight.facts import HubRelease, Lookup
from ibgu.core.drivers.ibu.preflight.releases import parsed
from tests.core.drivers.ibu.preflight.hub import WELL, cluster, outcome, told, with_payload

CLAIM = "ManagedCluster status.clusterClaims[version.openshift.io]"


def at(version: str, target: str = "4.17.3") -> PreflightFacts:
    fleet = (cluster("site-1"), cluster("site-2", version=version))
    return replace(WELL, clusters=fleet, target=target)


@pytest.mark.parametrize(
    ("rule", "version", "words"),
    [
        ("P1", "4.14.12", "are older than 4.14.13, the first supported release"),
        ("P2", "4.18.0-rc.1", "are newer than 4.17.3, which clusters refuse"),
        ("P3", "4.14.20", "are more than 2 minor releases behind 4.17.3"),
    ],
)
def test_a_release_from_which_no_way_leads_to_the_seed(rule: str, version: str, words: str) -> None:
    assert told(rule, at(version)) == [f"error site-2 {CLAIM}: {words}"]


def test_the_seeds_own_release_may_be_the_rollouts_work_and_is_a_warning() -> None:
    refused = "which clusters refuse unless the rollout's seed has brought it"
    assert told("P2", at("4.17.3")) == [f"warning site-2 {CLAIM}: have 4.17.3 already, {refused}"]


@pytest.mark.parametrize(
    ("rule", "version"),
    [("P1", "4.14.13"), ("P2", "4.17.2"), ("P2", "4.17.3-rc.2"), ("P3", "4.15.0")],
)
def test_releases_that_are_just_right(rule: str, version: str) -> None:
    assert outcome(rule, at(version)) is RuleOutcome.PASSED


@pytest.mark.parametrize("rule", ["P1", "P2", "P3"])
def test_a_release_that_the_cluster_does_not_report_is_unknown(rule: str) -> None:
    expected = f"unknown site-2 {CLAIM}: report no release that can be read"
    assert told(rule, at("?")) == [expected]
    assert told(rule, at("")) == [expected]


def test_the_label_counts_where_the_claim_is_missing() -> None:
    assert cluster(version="", label="4.15.1").release == "4.15.1"
    assert cluster(version="4.16.3", label="4.15.1").release == "4.16.3"


def test_another_product_has_no_image_based_upgrade() -> None:
    facts = replace(WELL, clusters=(cluster(product="EKS"), cluster("site-2", product="")))
    assert told("P1", facts) == [
        "error site-1 ManagedCluster status.clusterClaims[product.open-cluster-management.io]: "
        "run EKS, which has no image-based upgrade"
    ]


def test_without_a_target_that_can_be_read_nothing_is_compared() -> None:
    for rule in ("P2", "P3", "P4", "P5"):
        assert outcome(rule, at("4.10.1", target="latest")) is RuleOutcome.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("rule", "field", "old", "words"),
    [
        (
            "P4",
            "hub",
            "4.16.9",
            "warning ClusterVersion version status.desired.version: 4.16.9 is before 4.17.3",
        ),
        (
            "P5",
            "acm",
            "2.10.1",
            "warning MultiClusterHub status.currentVersion: 2.10.1 is before 2.10.2",
        ),
    ],
)
def test_the_hub_itself(rule: str, field: str, old: str, words: str) -> None:
    def seen(lookup: Lookup, release: str = "") -> PreflightFacts:
        return with_payload(**{field: HubRelease(lookup, release)})

    assert told(rule, seen(Lookup.FOUND, old)) == [words]
    assert told(rule, seen(Lookup.FORBIDDEN))[0].endswith("was not read: you may not")
    assert told(rule, seen(Lookup.FOUND, "?"))[0].endswith("can't be read")
    assert outcome(rule, seen(Lookup.MISSING)) is RuleOutcome.NOT_APPLICABLE


def test_releases_compare_as_semantic_versions() -> None:
    order = ["4.9.9", "4.17.3-0.nightly", "4.17.3-rc.2", "4.17.3-rc.10", "4.17.3-rc.10.1", "4.17.3"]
    found = [parsed(each) for each in order]
    assert all(found)
    assert found == sorted(found, key=lambda each: each or (0, 0, 0, ()))
    assert parsed("4.17.3+build") == parsed("4.17.3")
    assert parsed("4.17") is parsed("\u0664.17.3") is None
