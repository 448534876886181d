"""Findings as a preview shows them."""

from datetime import timedelta

from msgspec.structs import replace

from ibgu.core.drivers.ibu.preflight import PreflightFacts, finding_sentences, judge
from ibgu.core.drivers.ibu.preflight.facts import Lookup
from ibgu.core.drivers.ibu.preflight.sentences import FindingSentences
from tests.core.drivers.ibu.preflight.content import LVMS, documents
from tests.core.drivers.ibu.preflight.hub import OADP, WELL, cluster, with_payload


def told(facts: PreflightFacts) -> FindingSentences:
    return finding_sentences(judge(facts))


def test_a_correct_plan_has_no_problems_and_no_warnings() -> None:
    assert told(WELL) == FindingSentences([], [], [])


def test_clusters_are_counted_and_some_are_named() -> None:
    fleet = tuple(cluster(f"s{n}", version="4.12.9" if n < 9 else "4.16.1") for n in range(1, 10))
    found = told(replace(WELL, clusters=fleet))
    assert found.problems == []
    assert found.errors[0] == (
        "8 of 9 clusters are older than 4.14.13, the first supported release "
        "(s1, s2, s3, s4, s5, …) [P1]"
    )


def test_warnings_and_errors_of_clusters_keep_their_severity() -> None:
    """P2 is an error for the newer cluster alone."""
    fleet = (cluster("s1", version="4.17.3"), cluster("s2", version="4.18.0"))
    found = told(replace(WELL, clusters=fleet))
    refused = "which clusters refuse"
    assert found.errors == [f"1 of 2 clusters are newer than 4.17.3, {refused} (s2) [P2]"]
    assert found.warnings == [
        f"1 of 2 clusters have 4.17.3 already, {refused} unless the rollout's seed has brought it "
        "(s1) [P2]",
    ]


def test_a_finding_that_blocks_every_cluster_is_a_problem() -> None:
    missing = replace(OADP, lookup=Lookup.IMPOSSIBLE, problem="no name", documents=())
    words = "ConfigMap openshift-adp/oadp-cm: can't exist: no name [P13]"
    assert told(with_payload(config_maps=(missing,))) == FindingSentences([words], [], [])


def test_an_unreadable_reference_is_a_warning() -> None:
    forbidden = replace(OADP, lookup=Lookup.FORBIDDEN, documents=())
    words = "ConfigMap openshift-adp/oadp-cm: was not checked: you may not read it [P13]"
    assert told(with_payload(config_maps=(forbidden,))) == FindingSentences([], [], [words])


def test_a_field_of_the_rollout_and_a_line_of_a_config_map() -> None:
    short = replace(WELL.steps[1], allowed=timedelta(minutes=3))
    (words,) = told(replace(WELL, steps=(short,))).warnings
    assert words.startswith("spec.plan[1].rolloutStrategy: step 2: ")
    broken = documents(LVMS, ('apply-wave: "1"', "apply-wave: one"))
    problems = told(with_payload(config_maps=(replace(OADP, documents=broken),))).problems
    assert "metadata.annotations[lca.openshift.io/apply-wave] (1-agent.yaml:" in problems[0]
    assert problems[0].endswith(" [P18]")


def test_a_long_list_is_cut() -> None:
    many = tuple(f"wrong {n}" for n in range(31))
    problems = told(replace(WELL, problems=many)).problems
    assert problems[29:] == ["wrong 29 [P35]", "1 more findings: `ibgu preflight` lists them"]
