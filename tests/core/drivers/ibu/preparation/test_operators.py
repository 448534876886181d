"""The installation of Lifecycle Agent and OADP."""

import pytest

from ibgu.core.drivers.ibu.preparation import (
    LIFECYCLE_AGENT,
    OADP,
    Catalog,
    Operator,
    OperatorsPreparation,
)
from ibgu.core.drivers.ibu.preparation.model import IBU
from ibgu.core.model.kinds import JsonObject
from tests.core.drivers.ibu.preflight.answers import operator
from tests.core.drivers.ibu.preparation.answers import IDLE, OURS, PREPARED, Objects, readings

BOTH = OperatorsPreparation(((LIFECYCLE_AGENT, "stable"), (OADP, "stable-1.4")))
AGENT_ONLY = OperatorsPreparation(((LIFECYCLE_AGENT, "stable"),))


def installed(csv: str, subscription: str) -> JsonObject:
    found = operator(csv)
    found["status"]["components"]["refs"].append({"kind": "Subscription", "name": subscription})
    return found


def subscribed(channel: str, **labels: str) -> JsonObject:
    spec = {
        "channel": channel,
        "source": "redhat-operators",
        "sourceNamespace": "openshift-marketplace",
        "installPlanApproval": "Automatic",
    }
    return {"metadata": {"labels": labels}, "spec": spec}


def kinds(preparation: OperatorsPreparation, objects: Objects) -> list[tuple[str, str]]:
    """Returns kind and name of what is applied."""
    found = readings(preparation, objects)
    assert not preparation.objection(found)
    return [
        (each.target.kind, each.target.name)
        for version in preparation.writes(found)
        for each in version
    ]


AGENT_OBJECTS = [
    ("Namespace", "openshift-lifecycle-agent"),
    ("OperatorGroup", "lifecycle-agent-operatorgroup"),
    ("Subscription", "lifecycle-agent"),
]
OADP_OBJECTS = [
    ("Namespace", "openshift-adp"),
    ("OperatorGroup", "redhat-oadp-operator"),
    ("Subscription", "redhat-oadp-operator"),
]


def test_both_are_installed_where_there_is_neither() -> None:
    assert kinds(BOTH, {}) == [*AGENT_OBJECTS, *OADP_OBJECTS]


def test_only_the_missing_one_is_installed_beside_one_of_a_policy() -> None:
    theirs = {LIFECYCLE_AGENT.installed: installed("lifecycle-agent.v4.16.2", "by-policy")}
    assert kinds(BOTH, theirs) == OADP_OBJECTS


def test_nothing_is_written_where_the_subscription_is_as_wanted() -> None:
    ours: Objects = {LIFECYCLE_AGENT.subscription: subscribed("stable", **OURS)}
    assert kinds(AGENT_ONLY, ours) == []
    other: Objects = {LIFECYCLE_AGENT.subscription: subscribed("release-4.17", **OURS)}
    assert kinds(AGENT_ONLY, other) == AGENT_OBJECTS


@pytest.mark.parametrize(
    "theirs",
    [
        {LIFECYCLE_AGENT.installed: installed("lifecycle-agent.v4.16.2", "other-name")},
        {LIFECYCLE_AGENT.subscription: subscribed("stable")},
        {LIFECYCLE_AGENT.group: {}},
        {LIFECYCLE_AGENT.other_groups[0]: {}},
    ],
)
def test_an_operator_that_somebody_else_installs_is_left_alone(theirs: Objects) -> None:
    found = readings(AGENT_ONLY, theirs)
    assert AGENT_ONLY.objection(found).startswith("has them already, managed elsewhere: lifecycle-")


def test_a_cluster_without_olm_is_left_alone() -> None:
    unserved = frozenset({"Subscription", "OperatorGroup", "Operator"})
    assert BOTH.objection(readings(BOTH, {}, unserved)) == "does not serve OLM's Subscriptions"


def test_a_cluster_in_the_middle_of_an_upgrade_is_left_alone() -> None:
    found = readings(BOTH, {IBU: PREPARED})
    assert "the ImageBasedUpgrade is in stage Prep, not idle" in BOTH.objection(found)
    assert not BOTH.objection(readings(BOTH, {IBU: IDLE}))


def test_the_state_names_the_versions() -> None:
    ours = {LIFECYCLE_AGENT.installed: installed("lifecycle-agent.v4.16.2", "lifecycle-agent")}
    found = readings(BOTH, ours)
    assert BOTH.state(found) == "lifecycle-agent.v4.16.2, redhat-oadp-operator not installed yet"


def test_the_summary_says_what_is_subscribed_to() -> None:
    catalog = Catalog("mirrored", "catalogs", "Manual")
    assert OperatorsPreparation(((OADP, "stable-1.5"),), catalog).summary() == (
        "redhat-oadp-operator (stable-1.5) from catalogs/mirrored, approval Manual"
    )


def test_objects_have_ibgus_label_and_files_for_git_have_none() -> None:
    ((namespace, group, subscription),) = AGENT_ONLY.writes(readings(AGENT_ONLY, {}))
    assert "labels" not in namespace.manifest["metadata"]
    assert group.manifest["metadata"]["labels"] == OURS
    assert group.manifest["spec"] == {"targetNamespaces": ["openshift-lifecycle-agent"]}
    assert subscription.manifest["metadata"]["labels"] == OURS
    assert subscription.manifest["spec"]["name"] == "lifecycle-agent"
    assert not any(each.force for each in (namespace, group, subscription))
    files = AGENT_ONLY.files()
    assert [each["kind"] for each in files] == ["Namespace", "OperatorGroup", "Subscription"]
    assert not any("labels" in each["metadata"] for each in files)
    assert files[0]["metadata"]["annotations"] == {"workload.openshift.io/allowed": "management"}


@pytest.mark.parametrize(
    ("of", "channel", "words"),
    [
        (LIFECYCLE_AGENT, "stable", ""),
        (LIFECYCLE_AGENT, "release-4.16", ""),
        (LIFECYCLE_AGENT, "release-4.15", "release-4.15 is before 4.16, which is required"),
        (OADP, "stable-1.4", ""),
        (OADP, "stable-1.3", "stable-1.3 is before 1.4, which is required"),
        (OADP, "a b", "'a b' isn't the name of a channel, such as stable-1.4"),
        (OADP, "", "'' isn't the name of a channel, such as stable-1.4"),
    ],
)
def test_a_channel_before_the_required_release_is_a_fault(
    of: Operator, channel: str, words: str
) -> None:
    assert of.channel_fault(channel) == words


def test_the_agents_rights_are_limited_to_these_names_but_for_create() -> None:
    unnamed = [each for each in BOTH.rules if "resourceNames" not in each]
    assert [each["verbs"] for each in unnamed] == [["create"]]
    assert unnamed[0]["resources"] == ["operatorgroups", "subscriptions"]
