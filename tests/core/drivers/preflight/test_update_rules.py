"""The rules of FleetUpdates, each where it holds and where it does not."""

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.preflight import PreflightFacts, RuleOutcome
from ibgu.core.model.kinds import IntermediateRelease, MirrorSource, Pauses, Release
from tests.core.drivers.ibu.preflight.hub import cluster
from tests.core.drivers.preflight.update_facts import (
    DIGEST,
    OTHER_DIGEST,
    REPOSITORY,
    SIGNATURE,
    WELL,
    found_by,
    outcomes,
    planned,
    report,
    with_releases,
)

MINOR = planned("Check Mirror", "Update", release=Release("4.17.1", f"r@sha256:{DIGEST}"))
BETWEEN = IntermediateRelease("4.15.20", f"{REPOSITORY}@sha256:{OTHER_DIGEST}", ["c2lnbmVk"])
EUS = planned("Check Mirror", "Update", via=BETWEEN)
PULLED_ELSEWHERE = "the clusters pull the release from there"


def test_a_correct_fleet_update_has_neither_errors_nor_warnings() -> None:
    found = outcomes(WELL)
    assert {found.pop(rule) for rule in ("U9",)} == {RuleOutcome.UNKNOWN}
    assert {found.pop(rule) for rule in ("U11", "U12")} == {RuleOutcome.NOT_APPLICABLE}
    assert set(found.values()) == {RuleOutcome.PASSED}
    assert report(WELL).blocked == ()


def test_rules_of_image_based_upgrades_say_nothing_of_a_fleet_update() -> None:
    several_nodes = replace(WELL, clusters=(cluster("site-1", topology="HighlyAvailable"),))
    assert report(several_nodes).blocked == ()
    assert {"P10", "P6", "P31"}.isdisjoint(outcomes(WELL))


def test_rules_of_every_kind_judge_a_fleet_update_too() -> None:
    held = replace(WELL, holders={"site-2": "ran/other"}, problems=("spec.plan: no",))
    found = outcomes(replace(held, clusters=(cluster("site-2", Available="Unknown"),)))
    assert (found["P33"], found["P34"], found["P35"]) == (
        RuleOutcome.WARNING,
        RuleOutcome.WARNING,
        RuleOutcome.ERROR,
    )


def test_a_plan_that_only_retracts_is_not_judged_by_what_leads_forward() -> None:
    for facts in (planned("Retract"), planned("Check", "Update", "Retract", begun=2)):
        found = outcomes(facts)
        assert {found[f"U{n}"] for n in range(1, 11)} == {RuleOutcome.NOT_APPLICABLE}


def test_without_an_update_or_without_clusters_rules_do_not_apply() -> None:
    without = replace(WELL, spec=replace(WELL.spec, update=None))
    assert {outcomes(without)[f"U{n}"] for n in range(1, 11)} == {RuleOutcome.NOT_APPLICABLE}
    nobody = outcomes(replace(WELL, clusters=()))
    assert {nobody[rule] for rule in ("U1", "U2", "U3", "U7", "U8", "U9")} == {
        RuleOutcome.NOT_APPLICABLE
    }


def test_clusters_of_another_product_have_no_cluster_version() -> None:
    other = replace(WELL, clusters=(cluster("site-1", product="MicroShift"),))
    assert found_by("U1", other) == [
        "error site-1 status.clusterClaims[product.open-cluster-management.io]: "
        "run MicroShift, which has no ClusterVersion"
    ]


def test_a_cluster_that_reports_no_release_is_unknown_to_each_rule_of_releases() -> None:
    silent = with_releases(WELL, "", "4.16.3")
    field = "status.clusterClaims[version.openshift.io]"
    for rule in ("U1", "U2", "U3"):
        assert found_by(rule, silent) == [
            f"unknown site-1 {field}: report no release that can be read"
        ]


@pytest.mark.parametrize(
    ("release", "rule", "words"),
    [
        ("4.16.12", "U2", ""),
        ("4.16.13", "U2", "are newer than 4.16.12, and can't go back"),
        ("4.17.1", "U2", "are newer than 4.16.12, and can't go back"),
        ("4.16.12-rc.1", "U2", ""),
        ("4.15.30", "U3", ""),
        ("4.14.30", "U3", "are more than one minor release behind 4.16.12"),
        ("3.11.0", "U3", "are more than one minor release behind 4.16.12"),
        ("4.17.1", "U3", ""),
    ],
)
def test_a_release_is_reached_forward_by_one_minor_release_at_most(
    release: str, rule: str, words: str
) -> None:
    found = found_by(rule, with_releases(WELL, release, "4.16.3"))
    field = "status.clusterClaims[version.openshift.io]"
    assert found == ([f"error site-1 {field}: {words}"] if words else [])


def test_each_cluster_is_judged_by_the_hop_that_it_needs_next() -> None:
    facts = with_releases(EUS, "4.13.9", "4.14.30", "4.15.3", "4.15.31", "4.16.3", "4.16.13")
    field = "status.clusterClaims[version.openshift.io]"
    assert found_by("U3", facts) == [
        f"error site-1 {field}: are more than one minor release behind 4.15.20"
    ]
    assert found_by("U2", facts) == [
        f"error site-6 {field}: are newer than 4.16.12, and can't go back"
    ]
    (asked,) = found_by("U8", facts)
    assert asked.startswith("unknown site-1,site-2,site-3,site-4 ")


def test_acks_of_either_hop_are_of_use() -> None:
    acks = ["ack-4.14-a", "ack-4.15-b", "ack-4.16-c"]
    facts = with_releases(planned("Check", "Update", via=BETWEEN, acks=acks), "4.14.30")
    assert [line for line in found_by("U8", facts) if "ack-" in line] == [
        "warning spec.update.acks: ack-4.16-c is for clusters of another minor release than any of "
        "these runs"
    ]


def test_each_release_has_a_signature_of_its_own() -> None:
    assert found_by("U4", EUS) == []
    swapped = replace(BETWEEN, signatures=[SIGNATURE])
    assert found_by("U4", planned("Check Mirror", "Update", via=swapped)) == [
        f"error spec.update.via.signatures[0]: is of sha256:{DIGEST}, which is not the digest of "
        "spec.update.via.image"
    ]
    (unsigned,) = found_by("U4", planned("Check", "Update", via=replace(BETWEEN, signatures=[])))
    assert unsigned.startswith("warning spec.update.via.signatures: names no signature")


def test_mirror_brings_what_either_release_needs() -> None:
    found = found_by("U5", planned("Check", "Update", via=BETWEEN, mirrors=[]))
    assert [line.partition(": ")[0] for line in found] == [
        "warning spec.update.via.signatures",
        "warning spec.update.signatures",
    ]
    elsewhere = replace(BETWEEN, image=f"quay.example/old@sha256:{OTHER_DIGEST}")
    (lost,) = found_by("U6", planned("Mirror", "Update", via=elsewhere))
    assert "has no source quay.example/old" in lost


def test_clusters_at_fault_are_blocked_and_the_others_are_not() -> None:
    assert report(with_releases(WELL, "4.14.1", "4.16.3", "4.17.1")).blocked == (
        "site-1",
        "site-3",
    )


def test_a_release_without_a_signature_is_a_warning() -> None:
    found = found_by("U4", planned("Check", "Update", signatures=[]))
    assert found == [
        "warning spec.update.signatures: names no signature: a cluster that has none from another "
        "source refuses the release"
    ]
    assert outcomes(planned("Check", signatures=[]))["U4"] is RuleOutcome.NOT_APPLICABLE


def test_a_signature_of_another_digest_is_an_error() -> None:
    other = Release("4.16.12", f"{REPOSITORY}@sha256:{OTHER_DIGEST}")
    found = found_by("U4", planned("Check Mirror", "Update", release=other))
    assert found == [
        f"error spec.update.signatures[0]: is of sha256:{DIGEST}, which is not the digest of "
        "spec.update.release.image"
    ]


def test_a_signature_that_only_the_cluster_can_read_is_left_to_it() -> None:
    assert found_by("U4", planned("Check Mirror", "Update", signatures=["c2lnbmVk"])) == []
    by_tag = Release("4.16.12", f"{REPOSITORY}:4.16.12")
    assert found_by("U4", planned("Check Mirror", "Update", release=by_tag)) == []


def test_signatures_and_mirrors_without_mirror_reach_no_cluster() -> None:
    words = "is not brought to the clusters: the plan has no Mirror"
    assert found_by("U5", planned("Check", "Update")) == [
        f"warning spec.update.signatures: {words}",
        f"warning spec.update.mirrors: {words}",
    ]
    assert found_by("U5", planned("Check", "Update", signatures=[], mirrors=[])) == []
    assert found_by("U5", planned("Mirror", "Update", begun=1)) == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (REPOSITORY, ""),
        ("quay.example", ""),
        ("quay.example/openshift/", ""),
        ("quay.example/openshift/rel", PULLED_ELSEWHERE),
        ("quay.example/openshift/release/more", PULLED_ELSEWHERE),
    ],
)
def test_mirrors_have_a_source_for_the_release_image(source: str, words: str) -> None:
    found = found_by("U6", planned("Mirror", "Update", mirrors=[MirrorSource(source, ["m"])]))
    assert [line.split(": ")[-1] for line in found] == ([words] if words else [])


def test_a_release_image_that_is_named_by_its_mirror_needs_no_source() -> None:
    mirrors = [MirrorSource("registry.example/other", ["quay.example/openshift"])]
    assert found_by("U6", planned("Mirror", "Update", mirrors=mirrors)) == []
    assert found_by("U6", planned("Mirror", "Update", mirrors=[])) == []


def test_clusters_before_4_15_are_warned_of_a_second_kind_of_mirrors() -> None:
    facts = with_releases(WELL, "4.12.9", "4.13.0", "4.14.9", "4.15.0", "")
    (found,) = found_by("U7", facts)
    assert found.startswith("warning site-2,site-3 ")
    assert "does not take beside an ImageContentSourcePolicy" in found
    without = with_releases(planned("Mirror", "Update", mirrors=[]), "4.14.9")
    assert found_by("U7", without) == []
    assert outcomes(planned("Check", "Update"))["U7"] is RuleOutcome.NOT_APPLICABLE


def test_clusters_allow_the_next_minor_release_themselves() -> None:
    facts = with_releases(MINOR, "4.16.9", "4.17.0", "")
    assert found_by("U8", facts) == [
        "unknown site-1 status.conditions[Upgradeable]: were not asked: Check reads it on each "
        "cluster, and Update does before it begins"
    ]
    assert found_by("U8", WELL) == []


def acked(*acks: str) -> PreflightFacts:
    return planned("Check", "Update", acks=list(acks))


def test_an_ack_for_a_release_that_no_cluster_runs_is_a_warning() -> None:
    facts = with_releases(acked("ack-4.16-kube-api", "ack-4.1-kube-api"), "4.16.1", "4.16.2")
    assert found_by("U8", facts) == [
        "warning spec.update.acks: ack-4.1-kube-api is for clusters of another minor release than "
        "any of these runs"
    ]
    unknown = with_releases(acked("ack-4.1-kube-api"), "4.16.1", "")
    assert found_by("U8", unknown) == []


def test_pools_and_operators_are_unknown_until_check_reads_them() -> None:
    assert found_by("U9", WELL) == [
        "unknown: was not read: Check reads it on each cluster, and Update does before it begins"
    ]


def test_budgets_are_unknown_until_check_reads_them() -> None:
    assert outcomes(WELL)["U11"] is RuleOutcome.NOT_APPLICABLE
    named = planned("Check", "Update", disruption_budgets=["shop/database"])
    assert found_by("U11", named) == [
        "unknown: was not read: Check reads it on each cluster, and warns of one that allows none"
    ]


def test_a_step_has_time_for_its_soak_times() -> None:
    """A step of the sample allows 4 hours per cluster."""
    pools = ["canary", "worker", "infra"]

    def found(minutes: int, *steps: str) -> list[str]:
        return found_by("U12", planned(*steps, pause=Pauses(pools, soak_minutes=minutes)))

    assert found(120, "Update", "Pools") == [
        "warning spec.plan[1].rolloutStrategy: step 2: its soak times alone take 4 h on each "
        "cluster, but the step allows 4 h per cluster"
    ]
    assert found(100, "Update", "Pools") == []
    (both,) = found(100, "Update Pools")
    assert "step 1: its soak times alone take 5 h on each cluster" in both
    assert outcomes(WELL)["U12"] is RuleOutcome.NOT_APPLICABLE


def test_an_update_without_check_is_a_warning() -> None:
    (found,) = found_by("U10", planned("Mirror", "Update"))
    assert found.startswith("warning spec.plan: has no Check: ")
    assert found_by("U10", planned("Check", "Mirror", "Update", begun=1)) == []


def test_hostile_texts_of_a_spec_stay_one_line() -> None:
    wild = planned("Check", "Update", acks=["ack-9.9-\n\x1b[31m"], mirrors=[MirrorSource("\n", [])])
    for each in report(wild).findings:
        assert each.message.isprintable()
