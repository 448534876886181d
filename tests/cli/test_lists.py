"""`ibgu members`, `ibgu clusters`, and the forms that all lists have."""

import json
import re

import pytest
import yaml
from msgspec.structs import replace

from ibgu.api.context import Context
from ibgu.core.model import Kind, OnMember
from ibgu.db import Changeset, Journal
from ibgu.db.labels import LabelStore, seen
from tests.api.fleet import CIRCUIT_BREAKER, fleet
from tests.cli.conftest import Ibgu
from tests.db.records import NOW

NAME = "managedcluster.cluster.open-cluster-management.io/"


@pytest.fixture(autouse=True)
async def labelled(journal: Journal, context: Context) -> None:
    await fleet(journal, hold=CIRCUIT_BREAKER)
    store = LabelStore(context.engine, context.hub)
    await store.put([seen("a", {"ring": "1"}), seen("c", {"ring": "2"})], 1)


async def test_members_are_listed_with_state_and_reason(ibgu: Ibgu) -> None:
    found = await ibgu("members", "ran-r1")
    heading, *rows = [line.split() for line in found.stdout.splitlines()]
    assert heading == ["CLUSTER", "STEP", "STATE", "ACTION", "WHY", "TOOK"]
    assert rows[0] == ["a", "1", "succeeded", "Prep", "-", "-"]
    assert rows[2] == ["c", "1", "failed", "Prep", "PrecacheFailed", "5", "min"]
    assert rows[6][:6] == ["a", "2", "in", "flight", "Upgrade", "Rebooting"]
    assert rows[7] == ["b", "2", "waiting", "Upgrade", "CircuitBreaker", "-"]
    assert len(rows) == 9


async def test_members_by_filters(ibgu: Ibgu) -> None:
    async def names(*args: str) -> list[str]:
        found = await ibgu("members", "ran-r1", "-o", "name", *args)
        assert found.exit_code == 0, found.output
        return [line.removeprefix(NAME) for line in found.stdout.splitlines()]

    assert await names("-l", "ring in (1,2)") == ["a", "c"]
    assert await names("--selector", "ring=2", "--step", "1") == ["c"]
    assert await names("--state", "in flight") == ["a"]
    assert await names("--reason", "CircuitBreaker") == ["b"]
    assert await names("--cause", "Cancelled") == ["f"]
    assert await names("--sort", "name", "--step", "2") == ["a", "b", "g"]
    nobody = await ibgu("members", "ran-r1", "--stalled")
    assert (nobody.exit_code, nobody.stdout, nobody.stderr) == (0, "", "No clusters found.\n")
    wrong = await ibgu("members", "ran-r1", "-l", "ring 2")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith('ibgu: --selector: "2" after "ring": write it like a=b')
    refused = await ibgu("members", "ran-r1", "-l", "ring=2", user="bob")
    assert refused.stderr.startswith("ibgu: bob may not list managedclusters")


async def test_wide_members_say_more(ibgu: Ibgu) -> None:
    wide = (await ibgu("members", "ran-r1", "-o", "wide")).stdout.splitlines()
    assert wide[0].split()[-5:] == ["SLOT", "STARTED", "LIMIT", "ROLLBACK", "WORDS"]
    assert wide[3].endswith("precache job failed: failed to pull images from registry.site:5000")
    assert "not reachable since 03:02" in wide[7]


async def test_a_cluster_that_completed_late_is_listed_as_succeeded(
    ibgu: Ibgu, journal: Journal
) -> None:
    (slow,) = (each for each in (await journal.load()).members if each.cluster == "c")
    late = "completed late, after 47 min"
    await journal.commit(
        Changeset(
            decisions=(OnMember(Kind.COMPLETED_LATE, replace(slow, late=late), late),), at=NOW
        )
    )
    of_rollout = (await ibgu("members", "ran-r1", "-o", "wide")).stdout.splitlines()
    assert of_rollout[3].split()[:3] == ["c", "1", "succeeded"]
    assert of_rollout[3].endswith(late)
    (of_all,) = (await ibgu("clusters", "c", "-o", "wide")).stdout.splitlines()[1:]
    assert " ".join(of_all.split()) == "c default/ran-r1 1 succeeded - - ring=2"
    failed = await ibgu("members", "ran-r1", "--state", "failed", "-o", "name")
    assert NAME + "c" not in failed.stdout.split()


async def test_clusters_are_listed_by_rollout_namespace_and_label(ibgu: Ibgu) -> None:
    names = ["a", "b", "c", "d", "e", "f", "g"]
    assert (await ibgu("clusters")).stdout.split() == ["CLUSTER", *names]
    assert (await ibgu("clusters", "-A", "-o", "name")).stdout.split() == [NAME + n for n in names]
    assert (await ibgu("clusters", "c")).stdout.split() == ["CLUSTER", "c"]
    assert (await ibgu("clusters", "-l", "ring!=1")).stdout.split() == ["CLUSTER", "c"]
    found = await ibgu("clusters", "--rollout", "ran-r1", "-o", "json")
    assert json.loads(found.stdout) == {"items": names}
    elsewhere = await ibgu("clusters", "-n", "edge")
    assert (elsewhere.stdout, elsewhere.stderr) == ("", "No clusters found.\n")
    both = await ibgu("clusters", "-A", "--rollout", "ran-r1")
    assert (both.exit_code, "--rollout doesn't work with --all-namespaces" in both.stderr) == (
        2,
        True,
    )


async def test_wide_clusters_say_how_each_stands(
    ibgu: Ibgu, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = (await ibgu("clusters", "-o", "wide")).stdout.splitlines()
    assert [" ".join(line.split()) for line in wide[:4]] == [
        "CLUSTER ROLLOUT STEP STATE WHY HELD BY LABELS",
        "a default/ran-r1 2 in flight Rebooting default/ran-r1 ring=1",
        "b default/ran-r1 2 waiting CircuitBreaker - -",
        "c default/ran-r1 1 failed PrecacheFailed - ring=2",
    ]
    nobody = await ibgu("clusters", "none", "-o", "wide")
    assert (nobody.stdout, nobody.stderr) == ("", "No clusters found.\n")
    monkeypatch.setattr("ibgu.cli.read.clusters.WIDE", 6)
    many = await ibgu("clusters", "-o", "wide")
    assert many.exit_code == 1
    assert many.stderr.startswith("ibgu: more than 6 clusters: narrow them down with PREFIX")


@pytest.mark.parametrize(
    ("command", "first"),
    [
        (("members", "ran-r1"), "cluster"),
        (("get",), "name"),
        (("history", "a"), "rollout"),
    ],
)
async def test_json_and_yaml_are_the_same(ibgu: Ibgu, command: tuple[str, ...], first: str) -> None:
    as_json = json.loads((await ibgu(*command, "-o", "json")).stdout)
    assert as_json == yaml.safe_load((await ibgu(*command, "-o", "yaml")).stdout)
    assert first in as_json["items"][0]


async def test_events_have_the_same_forms(ibgu: Ibgu) -> None:
    async def told(form: str) -> str:
        found = await ibgu("events", "ran-r1", "-v", "-o", form)
        assert found.exit_code == 0, found.output
        return found.stdout

    as_json = [json.loads(line) for line in (await told("json")).splitlines()]
    assert list(yaml.safe_load_all(await told("yaml"))) == as_json
    assert (await told("name")).split() == [str(each["seq"]) for each in as_json]
    text, wide = (await told("text")).splitlines(), (await told("wide")).splitlines()
    assert all(more.startswith(line) for line, more in zip(text, wide, strict=True))
    assert any("run=run-r1-a" in line for line in wide)


async def test_the_names_of_a_history_are_its_runs(ibgu: Ibgu) -> None:
    assert (await ibgu("history", "a", "-o", "name")).stdout.split() == ["run-r1-a"]


async def test_status_and_stragglers_of_some_clusters(ibgu: Ibgu) -> None:
    told = (await ibgu("status", "ran-r1", "-l", "ring in (1,2)")).stdout
    prep, upgrade = (line for line in told.splitlines() if re.match(r"  [12] \w", line))
    assert "2/2" in prep
    assert "0/1" in upgrade
    assert "Failures (1)" in told
    assert "PrecacheFailed" in told
    asked = await ibgu("status", "ran-r1", "-l", "ring=1", "-o", "json")
    body = json.loads(asked.stdout)
    assert [step["counts"]["succeeded"] for step in body["steps"][:2]] == [1, 0]
    assert body["failures"]["total"] == 0
    assert (await ibgu("status", "-l", "ring=1")).exit_code == 2
    left = await ibgu("stragglers", "ran-r1", "-l", "ring=2", "-o", "name")
    assert left.stdout.split() == ["c"]
