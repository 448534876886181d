"""Checks of a cluster that a seed image is to be generated from."""

from typing import Any

import pytest

from ibgu.core.drivers.ibu.preflight import ClusterFacts, RuleOutcome
from ibgu.core.drivers.ibu.preflight.facts import Lookup
from ibgu.core.drivers.ibu.seeds import (
    Attachments,
    CandidateCheck,
    CandidateFacts,
    check_candidate,
)

NOTHING = Attachments(Lookup.FOUND)


def checks(
    *,
    local: bool = False,
    rollouts: tuple[str, ...] = (),
    works: Attachments = NOTHING,
    addons: Attachments = NOTHING,
    **cluster: Any,
) -> dict[str, CandidateCheck]:
    given = {"release": "4.17.3", "topology": "SingleReplica"} | cluster
    facts = CandidateFacts(
        cluster=ClusterFacts(name="seed-1", **given),
        local=local,
        rollouts=rollouts,
        works=works,
        addons=addons,
    )
    return {each.title: each for each in check_candidate(facts)}


def test_only_facts_of_the_cluster_are_unknown_where_all_is_well() -> None:
    found = list(checks().values())
    outcomes = [each.outcome for each in found]
    assert outcomes == [RuleOutcome.PASSED] * 6 + [RuleOutcome.UNKNOWN] * 3
    assert found[1].message == "the seed will be of 4.17.3"


@pytest.mark.parametrize(
    ("title", "changes", "outcome", "words"),
    [
        ("single-node OpenShift", {"local": True}, RuleOutcome.ERROR, "it is the hub, which has"),
        (
            "single-node OpenShift",
            {"topology": "HighlyAvailable"},
            RuleOutcome.ERROR,
            "its topology is HighlyAvailable, not SingleReplica",
        ),
        ("single-node OpenShift", {"topology": ""}, RuleOutcome.UNKNOWN, "it reports no topology"),
        ("release", {"release": "latest"}, RuleOutcome.UNKNOWN, "it reports no release that can"),
        (
            "release",
            {"release": "4.14.2"},
            RuleOutcome.ERROR,
            "4.14.2 is older than 4.14.13, the first supported release",
        ),
        (
            "connection to the hub",
            {"deleting": True},
            RuleOutcome.WARNING,
            "it is being detached already",
        ),
        (
            "connection to the hub",
            {"reachable": False},
            RuleOutcome.WARNING,
            "it is not reachable: when you detach it, the hub's agent stays on it",
        ),
        (
            "rollouts",
            {"rollouts": ("ran/a", "a rollout of another namespace")},
            RuleOutcome.ERROR,
            "it is an unfinished member of ran/a, a rollout of another namespace",
        ),
        (
            "add-ons",
            {"addons": Attachments(Lookup.FORBIDDEN)},
            RuleOutcome.UNKNOWN,
            "were not read: you may not list them",
        ),
        (
            "add-ons",
            {"addons": Attachments(Lookup.FOUND, ("search", "policy"))},
            RuleOutcome.WARNING,
            "has search, policy",
        ),
        (
            "ManifestWorks",
            {"works": Attachments(Lookup.FORBIDDEN)},
            RuleOutcome.UNKNOWN,
            "were not read: you may not list them",
        ),
        (
            "ManifestWorks",
            {"works": Attachments(Lookup.FOUND, tuple("abcdefg"))},
            RuleOutcome.WARNING,
            "has a, b, c, d, e and 2 more",
        ),
    ],
)
def test_a_cluster_with_an_obstacle_is_reported(
    title: str, changes: dict[str, Any], outcome: RuleOutcome, words: str
) -> None:
    found = checks(**changes)[title]
    assert found.outcome is outcome
    assert found.message.startswith(words)
    assert found.remedy


def test_a_hub_without_add_ons_has_none() -> None:
    assert checks(addons=Attachments(Lookup.MISSING))["add-ons"].outcome is RuleOutcome.PASSED
