"""P29: the manifests of policies that the Lifecycle Agent counts."""

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.preflight import PreflightFacts, RuleOutcome
from ibgu.core.drivers.ibu.preflight.plan import MANIFEST_COUNT
from ibgu.core.drivers.ibu.preflight.policies import (
    WAVE,
    ClusterPolicies,
    LabelledManifests,
    labelled,
)
from ibgu.core.drivers.ibu.preflight.releases import label_values
from tests.core.drivers.ibu.preflight.hub import ITSELF, WELL, outcome, told
from tests.core.drivers.ibu.preflight.policies import Object, decoded, policy, template

AT = f"{ITSELF.object} metadata.annotations[{MANIFEST_COUNT}]"


def counting(count: str, **policies: ClusterPolicies) -> PreflightFacts:
    """Two clusters, whose policies are the same unless they are given by name (site_2)."""
    found = {name.replace("_", "-"): each for name, each in policies.items()}
    return replace(WELL, annotations={MANIFEST_COUNT: count}, policies=found)


def having(*policies: Object, version: str = "4.17.3") -> ClusterPolicies:
    return ClusterPolicies(labelled(decoded(*policies), label_values(version)))


TWO = having(policy(template("fh"), template("mh", "4.17.3"), template("other", "")))


def test_labels_that_name_a_release() -> None:
    assert label_values("4.17.3") == ("4.17.3", "4.17")
    assert label_values("4.17.0-rc.1") == ("4.17.0", "4.17", "4.17.0-rc.1")
    assert label_values("4.17") == ()


def test_labelled_manifests_are_counted() -> None:
    assert TWO.found == LabelledManifests(2)
    assert outcome("P29", counting("2", site_1=TWO, site_2=TWO)) is RuleOutcome.PASSED


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (policy(template("fh"), remediationAction="Enforce"), "1 in enforced policies"),
        (policy(template("fh"), disabled=True), "1 in disabled policies"),
        (
            policy(template("fh"), template("mh"), annotations={}),
            f"2 in policies without the annotation {WAVE}",
        ),
        (policy(template("fh"), template("mh"), template("x", "4.16")), "1 labelled '4.16'"),
    ],
)
def test_labelled_manifests_that_do_not_count_are_named(found: Object, reason: str) -> None:
    facts = counting("3", site_1=having(found), site_2=having(found))
    [line] = told("P29", facts)
    assert line.startswith(f"error site-1,site-2 {AT}: have ")
    assert line.endswith(
        f" manifests in policies for the target release, not 3: Prep fails (not counted: {reason})"
    )


def test_clusters_are_grouped_by_the_number_of_their_manifests() -> None:
    few = having(policy(template("fh")), policy(template("gone", compliance="mustnothave")))
    assert told("P29", counting("2", site_1=TWO, site_2=few)) == [
        f"error site-2 {AT}: have 1 manifests in policies for the target release, not 2: Prep fails"
    ]
    assert told("P29", counting("0", site_1=having(), site_2=having())) == []


def test_a_template_without_a_way_to_apply_it_is_an_error() -> None:
    """The Lifecycle Agent rejects it whatever the number is."""
    strange = having(policy(template("fh"), template("mh", compliance="")))
    [line] = told("P29", counting("1", site_1=strange, site_2=strange))
    assert line.endswith("that is neither musthave nor mustonlyhave: Prep fails")


@pytest.mark.parametrize(
    "definition",
    [{}, {"spec": None}, {"spec": {"object-templates": "none"}},
     {"spec": {"object-templates": [None, {"objectDefinition": {"metadata": {"labels": []}}}]}}],
)  # fmt: skip
def test_templates_of_another_shape_have_no_manifest(definition: Object) -> None:
    templates = [{"objectDefinition": definition}, {}]
    body = policy()
    body["spec"]["policy-templates"] = templates
    assert having(body).found == LabelledManifests()


def test_policies_that_were_not_read_are_unknown() -> None:
    unread = ClusterPolicies(problem="you may not list policies in the cluster's namespace")
    words = "were not compared with their policies"
    assert told("P29", counting("2", site_1=unread)) == [
        f"unknown site-1 {AT}: {words}: you may not list policies in the cluster's namespace",
        f"unknown site-2 {AT}: {words}: they were not read",
    ]


def test_a_number_that_is_none_is_an_error() -> None:
    for count in ("many", "05", "-1", "1" * 5000):
        assert told("P29", counting(count))[0].endswith("is not a whole number: Prep fails")


def test_only_prep_and_upgrade_compare_the_number() -> None:
    facts = counting("2", site_1=TWO, site_2=TWO)
    assert outcome("P29", WELL) is RuleOutcome.NOT_APPLICABLE
    assert outcome("P29", replace(facts, clusters=())) is RuleOutcome.NOT_APPLICABLE
    later = replace(facts, seed=None, first=Action.UPGRADE)
    assert outcome("P29", later) is RuleOutcome.PASSED
    ending = replace(later, first=Action.FINALIZE_UPGRADE)
    assert outcome("P29", ending) is RuleOutcome.NOT_APPLICABLE
