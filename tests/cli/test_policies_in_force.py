"""`ibgu policy list` and `ibgu policy explain`, and where else a policy is named."""

import json
from datetime import timedelta

import pytest

from ibgu.cli.show.output_style import PLAIN
from ibgu.cli.show.policies_in_force import notes, policies_table, policy_lines
from ibgu.client.responses import PoliciesResponse, PolicyDetailResponse, PolicyResponse
from ibgu.core.model import ActingParty, Step
from ibgu.db import Journal
from tests.api.fleet import put
from tests.api.test_rollout_policies import FULL, NIGHTS, WIDE_GATE, held, kept, noted
from tests.cli.conftest import Ibgu
from tests.db.records import NOW


@pytest.fixture
async def night(journal: Journal) -> Step:
    """Two clusters wait for the night, and one for another cluster."""
    await noted(journal)
    upgrade = await held(journal, "r1", "a", "b", "c")
    full = {"gate": WIDE_GATE, "until": None, "who": ActingParty.CLUSTER}
    await put(journal, kept(upgrade, "c", 2, FULL, **full))
    return upgrade


@pytest.mark.usefixtures("night")
async def test_the_list_counts_what_each_policy_holds(ibgu: Ibgu) -> None:
    done = await ibgu("policy", "list")
    assert done.exit_code == 0, done.stderr
    heading, wide, nights = done.stdout.splitlines()
    assert heading.split() == ["NAME", "HOLDS", "ROLLOUTS", "OPENS", "AGE"]
    assert wide.split()[:4] == ["hub-wide", "1", "1", "-"]
    assert nights.split()[:4] == ["nights", "2", "1", "2031-11-27"]
    assert "At most 30 clusters" in (await ibgu("policy", "list", "-o", "wide")).stdout
    named = (await ibgu("policy", "list", "-o", "name")).stdout.split()
    assert named == ["rolloutpolicy/hub-wide", "rolloutpolicy/nights"]
    found = json.loads((await ibgu("policy", "list", "-n", "default", "-o", "json")).stdout)
    assert [each["clusters"] for each in found["items"]] == [1, 2]


@pytest.mark.usefixtures("night")
async def test_a_policy_is_explained_with_what_ends_its_hold(ibgu: Ibgu) -> None:
    done = await ibgu("policy", "explain", "nights")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("RolloutPolicy nights, generation 3, in force for ")
    assert lines[1].endswith("in every rollout, on every cluster.")
    assert "in the time zone Europe/Berlin; it " in lines[2]
    assert lines[3] == "Holds 2 clusters now"
    assert lines[4].startswith("  default/ran-r1 step 1: 2 clusters have waited for up to ")
    assert lines[4].endswith("(a, b)")
    assert lines[5] == f"    why   {NIGHTS}"
    assert lines[6].endswith("for the first at 2031-11-27T00:00:00Z")
    assert lines[7] == "    see   ibgu explain ran-r1 a -n default"
    assert "oc adm policy who-can update rolloutpolicies.ibgu.dev" in lines[8]
    found = json.loads((await ibgu("policy", "explain", "nights", "-o", "json")).stdout)
    assert found["holds"][0]["names"] == ["a", "b"]
    missing = await ibgu("policy", "explain", "moon")
    assert missing.exit_code == 1
    assert "no RolloutPolicy moon is in force" in missing.stderr


async def test_status_and_members_name_the_policy(
    ibgu: Ibgu, journal: Journal, night: Step
) -> None:
    lines = (await ibgu("status", "ran-r1")).stdout.splitlines()
    at = next(index for index, line in enumerate(lines) if "reasons:" in line)
    assert lines[at] == (
        "    reasons: 2 GateClosed nights until 2031-11-27 00:00:00 · 1 GateClosed hub-wide"
    )
    assert lines[at + 1] == f"    held by policy nights: {NIGHTS}; 2 clusters wait for it"
    assert lines[at + 2] == f"    held by policy hub-wide: {FULL}; 1 cluster waits for it"
    zone = kept(night, "d", 3, "the time zone is not known", until=None, who=ActingParty.PERSON)
    await put(journal, zone)
    found = (await ibgu("status", "ran-r1")).stdout
    assert " · 1 GateClosed nights (you must act)\n" in found
    members = (await ibgu("members", "ran-r1")).stdout
    assert "GateClosed nights" in members
    tree = (await ibgu("tree", "ran-r1")).stdout
    assert "held by policy nights: the policy's window" in " ".join(tree.split())
    assert "GateClosed nights" in (await ibgu("history", "a")).stdout
    explained = (await ibgu("explain", "ran-r1", "a")).stdout
    assert "RolloutPolicy/nights" in explained
    assert NIGHTS in " ".join(explained.split())


def test_without_policies_the_list_says_so() -> None:
    assert list(notes(PoliciesResponse(problem=None))) == ["No RolloutPolicies are in force."]
    (words,) = notes(PoliciesResponse(problem="held by the policies of the hub: unread"))
    assert words.startswith("The controller does not know the policies of the hub: held by")


def test_a_policy_that_the_controller_cannot_read_says_so() -> None:
    unread = PolicyResponse(name="moon", clusters=1, rollouts=1, message="held by policy moon: no")
    assert policies_table([unread], NOW, wide=False)[1].split() == ["moon", "1", "1", "-", "-"]
    (words,) = notes(PoliciesResponse(problem=None, items=(unread,)))
    assert words == "The controller can't read RolloutPolicy moon: held by policy moon: no."
    detail = PolicyDetailResponse(name="moon")
    assert policy_lines(detail, NOW, PLAIN) == [
        "RolloutPolicy moon: the controller can't read it",
        "Holds nothing now.",
    ]
    since = NOW - timedelta(days=14)
    known = PolicyDetailResponse(name="hub", generation=2, since=since)
    assert policy_lines(known, NOW, PLAIN)[0].endswith("generation 2, in force for 14 d")
