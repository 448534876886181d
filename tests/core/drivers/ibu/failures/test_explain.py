"""Every real message of the Lifecycle Agent matches its own row, and no other one."""

import re

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.failures import KNOWN, Failure, explain
from ibgu.core.drivers.ibu.failures.known import Onward
from ibgu.core.drivers.ibu.meanings import IBU_MEANINGS
from tests.core.drivers.ibu.failures.messages import BOTH, CASES, CLEANUP

GENERAL = {Failure.CLEANUP_FAILED}
"""Rows that speak where no other one of their stage does."""


@pytest.mark.parametrize(("action", "message", "name"), CASES)
def test_each_message_finds_its_row(action: Action, message: str, name: Failure) -> None:
    found = explain(action, message)
    assert found is not None
    assert found.name is name


@pytest.mark.parametrize(("action", "message", "name"), [c for c in CASES if c[1] != BOTH])
def test_no_other_row_of_the_stage_fits(action: Action, message: str, name: Failure) -> None:
    fitting = {
        row.name for row in KNOWN if action.stage in row.stages and row.pattern.search(message)
    }
    assert fitting - GENERAL == {name} - GENERAL


@pytest.mark.parametrize(("action", "message", "name"), CASES)
def test_found_inside_the_text_of_a_time_out(action: Action, message: str, name: Failure) -> None:
    found = explain(action, f"Action did not complete before the timeout. Last seen: {message}")
    assert found is not None
    assert found.name is name


def test_every_row_is_tried_and_every_name_has_one_row() -> None:
    names = [row.name for row in KNOWN]
    assert sorted(names) == sorted(Failure)
    assert {name for _, _, name in CASES} == set(Failure)


def test_every_row_says_what_it_means_and_what_to_do() -> None:
    for row in KNOWN:
        for text in (row.means, row.fix, row.remedy):
            assert text[0].isupper()
            assert text.endswith(".")


def test_the_fix_leaves_the_command_that_comes_after_it_to_the_remedy() -> None:
    for row in KNOWN:
        assert "AbortOnFailure" not in row.remedy
        assert "ibgu retry" not in row.fix
        assert row.remedy == " ".join(filter(None, (row.fix, row.onward)))
    assert {row.onward for row in KNOWN} == set(Onward)


def test_a_command_of_a_remedy_shows_where_the_name_goes() -> None:
    causes = [*IBU_MEANINGS.causes.values(), IBU_MEANINGS.aborted]
    texts = [*(row.remedy for row in KNOWN), *(each.do for each in causes)]
    found = re.findall(
        r"`ibgu (?:retry|rollback|confirm-cleanup|stragglers)[^`]*`", " ".join(texts)
    )
    assert found
    assert [each for each in found if each.split()[2:3] not in (["NAME"], ["NAME`"])] == []


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize(
    "message",
    [
        "",
        "Prep failed",
        "Upgrade failed",
        "Rollback failed",
        "In progress",
        "Rollback requested",
        "Precache job in progress. job-name: lca-prep-precache, job-namespace: "
        "openshift-lifecycle-agent. total: 136 (pulled: 3, failed: 0)",
        "Stateroot setup job in progress. job-name: lca-prep-stateroot-setup, job-namespace: "
        "openshift-lifecycle-agent",
        "Backup of Application Data is in progress",
        "Applying Policy Manifests",
        "Aborting",
    ],
)
def test_ordinary_words_are_no_known_failure(action: Action, message: str) -> None:
    assert explain(action, message) is None


def test_a_row_of_another_stage_is_not_taken() -> None:
    assert explain(Action.PREP, "Uncontrolled rollback") is None


def test_an_earlier_failure_that_is_quoted_is_not_explained() -> None:
    secret = 'failed to retrieve pull-secret: secrets "pull" not found'
    assert explain(Action.PREP, secret) is not None
    quoted = f"Prep needs an Idle cluster, but its Prep failed ({secret}); Abort can follow"
    assert explain(Action.PREP, quoted) is None


def test_a_hanging_cleanup_is_explained_for_any_action() -> None:
    found = explain(Action.PREP, f"failed to delete all the backup CRs. {CLEANUP}")
    assert found is not None
    assert "ibgu confirm-cleanup" in found.remedy


def test_a_stage_that_the_cluster_refuses_is_no_manifest_of_the_new_release() -> None:
    """The remedy was to roll the cluster back, which had never left its release."""
    words = 'ImageBasedUpgrade.lca.openshift.io "upgrade" is invalid: the stage transition is not'
    assert explain(Action.UPGRADE, f"Failed to apply manifest: {words} permitted") is None
    known = explain(Action.UPGRADE, "failed to apply manifest: no matches for kind")
    assert known is not None
    assert known.name == "ManifestsNotAppliedAfterPivot"
