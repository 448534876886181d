"""`ibgu get`."""

import json

import pytest
import yaml

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Kind, OnRollout, Reason, ReasonKind, RolloutState
from ibgu.db import Journal
from tests.api.fleet import CIRCUIT_BREAKER, fleet, open_step, put, rollout, seen, tell
from tests.cli.conftest import Ibgu
from tests.db.records import NOW, member, step


@pytest.fixture
async def rollouts(journal: Journal) -> None:
    await fleet(journal, hold=CIRCUIT_BREAKER)
    await seen(
        journal,
        rollout("r2", age=5, namespace="edge"),
        rollout("r0", age=9, state=RolloutState.DELETED, deleted_at=NOW),
    )


@pytest.mark.usefixtures("rollouts")
async def test_a_namespaces_rollouts(ibgu: Ibgu) -> None:
    found = await ibgu("get")
    assert found.exit_code == 0, found.output
    heading, *rows = found.stdout.splitlines()
    counts = ["DONE", "FAILED", "TOTAL"]
    assert heading.split() == ["NAME", "PHASE", "STEP", "ACTIONS", *counts, "AGE"]
    (row,) = [row.split()[:7] for row in rows]
    assert row == ["ran-r1", "Held", "2/3", "Upgrade", "0", "3", "7"]
    assert (await ibgu("get", "rollouts")).stdout == found.stdout


@pytest.mark.usefixtures("rollouts")
async def test_all_namespaces_that_one_may_see(ibgu: Ibgu) -> None:
    found = await ibgu("get", "-A")
    assert [row.split()[:3] for row in found.stdout.splitlines()] == [
        ["NAMESPACE", "NAME", "PHASE"],
        ["default", "ran-r1", "Held"],
        ["edge", "ran-r2", "Running"],
    ]
    assert "edge" not in (await ibgu("get", "-A", user="bob")).stdout
    nothing = await ibgu("get", "-A", user="carol")
    assert (nothing.exit_code, nothing.stdout, nothing.stderr) == (0, "", "No rollouts found.\n")
    elsewhere = await ibgu("get", "-n", "nowhere")
    assert (elsewhere.exit_code, elsewhere.stdout) == (0, "")
    assert elsewhere.stderr == "No rollouts in namespace nowhere; use -A for all namespaces.\n"


@pytest.mark.usefixtures("rollouts")
async def test_wide_says_more(ibgu: Ibgu) -> None:
    row = (await ibgu("get", "ran-r1", "-o", "wide")).stdout.splitlines()[1].split()
    kind = ["ImageBasedGroupUpgrade"]
    assert row[-8:] == ["1", "2", "0", "1", *kind, "4.17.2", "CircuitBreaker", "-"]


async def test_a_rollout_that_only_waits_is_not_said_to_run(ibgu: Ibgu, journal: Journal) -> None:
    one = rollout()
    await seen(journal, one)
    upgrade = await open_step(journal, step(one, 0, Action.UPGRADE))
    night = Reason(ReasonKind.GATE, NOW, "the window is closed", gate="RolloutPolicy/nights")
    await put(journal, member(upgrade, "a", 0, reason=night))
    assert (await ibgu("get")).stdout.splitlines()[1].split()[1] == "Waiting"
    assert (await ibgu("get", "-o", "wide")).stdout.splitlines()[1].split()[-2] == "nights"
    lines = (await ibgu("status", "ran-r1")).stdout.splitlines()
    assert lines[0].startswith("ran-r1 (default)  → 4.17.2   Waiting · step 1 of 3")
    assert (await ibgu("status")).stdout.startswith("1 rollout: 1 Waiting\n")
    assert json.loads((await ibgu("get", "-o", "json")).stdout)["items"][0]["phase"] == "Running"


async def test_wide_output_shows_the_creator_that_the_hub_reports(
    ibgu: Ibgu, journal: Journal
) -> None:
    who = "via the hub (kubectl-create)"
    await tell(journal, OnRollout(Kind.ROLLOUT_SEEN, rollout("r3"), "seen", actor=who))
    [heading, row] = (await ibgu("get", "-o", "wide")).stdout.splitlines()
    assert row[heading.index("CREATED BY") :] == who


@pytest.mark.usefixtures("rollouts")
async def test_forms_for_programs(ibgu: Ibgu) -> None:
    as_json = json.loads((await ibgu("get", "ran-r1", "-o", "json")).stdout)
    as_yaml = yaml.safe_load((await ibgu("get", "ran-r1", "-o", "yaml")).stdout)
    assert as_json == as_yaml
    assert (as_json["name"], as_json["phase"]) == ("ran-r1", "Held")
    listed = json.loads((await ibgu("get", "-o", "json")).stdout)
    assert listed == {"items": [as_json]}
    names = (await ibgu("get", "-A", "-o", "name")).stdout
    assert names.splitlines() == [
        "imagebasedgroupupgrade.lcm.openshift.io/ran-r1",
        "imagebasedgroupupgrade.lcm.openshift.io/ran-r2",
    ]


async def test_an_unknown_rollout_is_refused(ibgu: Ibgu) -> None:
    found = await ibgu("get", "ran-9", "-n", "edge")
    assert found.exit_code == 1
    assert found.stderr.startswith("ibgu: there is no rollout ran-9 in namespace edge")


async def test_a_forbidden_rollout_is_refused(ibgu: Ibgu) -> None:
    found = await ibgu("get", "ran-9", "-n", "edge", user="bob")
    assert found.exit_code == 1
    assert found.stderr.startswith("ibgu: bob may not get imagebasedgroupupgrades")


async def test_a_token_that_is_not_accepted(ibgu: Ibgu) -> None:
    found = await ibgu("get", IBGU_TOKEN="wrong")
    assert found.exit_code == 1
    assert found.stderr == (
        "ibgu: the hub does not accept this token: it is wrong, expired or revoked "
        "(--token, IBGU_TOKEN, or the current user of your kubeconfig; log in again)\n"
    )


async def test_a_server_that_is_not_there(ibgu: Ibgu) -> None:
    found = await ibgu("get", IBGU_SERVER="http://127.0.0.1:9")
    assert found.exit_code == 1
    assert found.stderr == (
        "ibgu: can't reach http://127.0.0.1:9: Connection refused; "
        "ibgu login finds ibgu's REST API, --server or IBGU_SERVER names it\n"
    )


@pytest.mark.parametrize("server", ["nowhere", "ftp://127.0.0.1", "http://"])
async def test_an_invalid_server_address_is_refused(ibgu: Ibgu, server: str) -> None:
    found = await ibgu("get", "--server", server)
    assert found.exit_code == 1
    assert "is no address of a server" in found.stderr


@pytest.mark.usefixtures("rollouts")
async def test_the_kubeconfigs_token_is_enough(ibgu: Ibgu) -> None:
    assert (await ibgu("get", IBGU_TOKEN="")).stdout.splitlines()[1].startswith("ran-r1")
