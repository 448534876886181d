"""`ibgu report`: a rollout as a page or as rows, from an API that is really served."""

import csv
import io
import json

import pytest

from ibgu.api.context import Context
from ibgu.client import wire as client_wire
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import ActingParty, Kind, OnRollout, Reason, ReasonKind
from ibgu.db import Journal
from ibgu.db.labels import LabelStore, seen
from tests.api.fleet import PULL, failed, fleet, open_step, put, rollout, succeeded, tell
from tests.api.fleet import seen as journaled
from tests.cli.conftest import Ibgu
from tests.db.records import NOW, step


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), strict=True))


@pytest.fixture
async def labelled(journal: Journal, context: Context) -> None:
    """A rollout whose clusters a to c have labels."""
    await fleet(journal)
    labels = {"a": {"region": "north"}, "b": {"region": "=north"}, "c": {"region": "south"}}
    store = LabelStore(context.engine, context.hub)
    await store.put([seen(name, each) for name, each in labels.items()], 1)


async def page_of(ibgu: Ibgu, *args: str) -> str:
    found = await ibgu("report", *args)
    assert found.exit_code == 0, found.output
    assert found.stdout.startswith("<!DOCTYPE html>\n<html")
    return found.stdout


@pytest.mark.usefixtures("labelled")
async def test_the_page_has_the_rollout_with_its_groups(ibgu: Ibgu, context: Context) -> None:
    text = await page_of(ibgu, "ran-r1", "--by", "region")
    for expected in (
        "<title>Report on default/ran-r1</title>",
        f"<dt>Hub</dt><dd>{context.hub}</dd>",
        "Prep: PrecacheFailed",
        "By region: south (1), (none) (1)",
        "Step 2: Upgrade",
    ):
        assert expected in text
    assert "<svg" in text


@pytest.mark.usefixtures("labelled")
async def test_rows_have_every_cluster_and_action(ibgu: Ibgu) -> None:
    found = rows((await ibgu("report", "ran-r1", "-o", "csv", "--by", "region")).stdout)
    assert [(each["cluster"], each["step"], each["action"], each["outcome"]) for each in found] == [
        ("a", "1", "Prep", "succeeded"),
        ("b", "1", "Prep", "succeeded"),
        ("c", "1", "Prep", "failed"),
        ("d", "1", "Prep", "failed"),
        ("e", "1", "Prep", "failed"),
        ("f", "1", "Prep", "cancelled"),
        ("a", "2", "Upgrade", "running"),
        ("b", "2", "Upgrade", "waiting"),
        ("g", "2", "Upgrade", "waiting"),
    ]
    assert [each["label:region"] for each in found[:4]] == ["north", "'=north", "south", ""]
    assert (found[2]["failure"], found[2]["message"]) == ("PrecacheFailed", PULL)
    assert found[2]["remedy"].endswith("Then run `ibgu retry ran-r1 -n default --abort-first`.")
    assert found[6]["attempts"] == "1"


async def test_all_pages_of_a_long_list_are_read(
    ibgu: Ibgu, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_wire, "PAGE", 2)
    one = await fleet(journal)
    held = Reason(ReasonKind.PAUSED, NOW, "paused by alice", None, ActingParty.PERSON)
    entry = OnRollout(Kind.ROLLOUT_HELD, one, held.message, actor="via the hub (ibgu-cli:bob)")
    for _ in range(3):
        await tell(journal, entry)
    assert len(rows((await ibgu("report", "ran-r1", "-o", "csv")).stdout)) == 9
    assert (await page_of(ibgu, "ran-r1")).count('<td class="short">bob (cli)</td>') == 5


async def test_a_second_rollout_stands_beside_it(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal)
    other = rollout("r0", namespace="edge", age=60)
    await journaled(journal, other)
    prep = await open_step(journal, step(other, 0, Action.PREP))
    await put(journal, failed(prep, "z", 0, PULL), succeeded(prep, "y", 1))
    text = await page_of(ibgu, "ran-r1", "--against", "edge/ran-r0")
    assert '<th scope="col" class="number">edge/ran-r0</th>' in text
    assert '<td class="short">Prep: PrecacheFailed</td><td class="number">2</td>' in text
    refused = await ibgu("report", "ran-r1", "--against", "edge/no-such")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "there is no rollout no-such" in refused.stderr


@pytest.mark.usefixtures("labelled")
async def test_programs_read_the_same_facts(ibgu: Ibgu, journal: Journal) -> None:
    other = rollout("r0", namespace="edge", age=60)
    await journaled(journal, other)
    prep = await open_step(journal, step(other, 0, Action.PREP))
    await put(journal, failed(prep, "z", 0, PULL), succeeded(prep, "y", 1))
    args = ("report", "ran-r1", "--by", "region", "--against", "edge/ran-r0", "-o", "json")
    found = json.loads((await ibgu(*args)).stdout)
    one, first = found["found"], found["found"]["steps"][0]
    assert (one["rollout"]["name"], one["whole_activity"]) == ("ran-r1", True)
    assert one["rollout"]["counts"]["total"] == 7
    assert first["step"]["counts"]["failed"] == 3
    assert first["actions"][0]["outcomes"] == {"succeeded": 2, "failed": 3, "cancelled": 1}
    assert [each["step"]["step"] for each in one["steps"]] == [1, 2, 3]
    assert (one["steps"][2]["seconds"], one["steps"][2]["waits"]) == (None, None)
    north = next(each for each in one["labels"] if each["value"] == "north")
    assert (north["label"], north["step"], north["outcomes"]) == ("region", 1, {"succeeded": 1})
    pulls = next(each for each in one["failures"] if each["group"]["failure"] == "PrecacheFailed")
    assert pulls["labels"] == {"region": {"south": 1, "(none)": 1}}
    assert found["against"]["rollout"]["name"] == "ran-r0"
    compared = {each["name"]: each for each in found["comparison"]["failures"]}
    difference = compared["Prep: PrecacheFailed"]
    assert (difference["found"], difference["against"]) == (2, 1)


async def test_a_rollout_without_a_step_has_every_form(ibgu: Ibgu, journal: Journal) -> None:
    await journaled(journal, rollout(started_at=None))
    assert "No step has begun." in await page_of(ibgu, "ran-r1")
    assert rows((await ibgu("report", "ran-r1", "-o", "csv")).stdout) == []
    found = json.loads((await ibgu("report", "ran-r1", "-o", "json")).stdout)
    assert (found["found"]["seconds"], found["against"], found["comparison"]) == (None, None, None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-o", "csv", "--against", "x"), "does not work with -o csv"),
        (tuple(word for n in range(11) for word in ("--by", f"l{n}")), "at most 10 labels"),
    ],
)
async def test_options_that_do_not_go_together_are_refused(
    ibgu: Ibgu, options: tuple[str, ...], words: str
) -> None:
    refused = await ibgu("report", "ran-r1", *options)
    assert refused.exit_code == 2
    assert words in " ".join(refused.stderr.split())


@pytest.mark.usefixtures("labelled")
async def test_labels_take_the_right_to_list_clusters(ibgu: Ibgu) -> None:
    refused = await ibgu("report", "ran-r1", "--by", "region", user="bob")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "bob may not list managedclusters" in refused.stderr
    wrong = await ibgu("report", "ran-r1", "--by", "a b")
    assert wrong.exit_code == 2
    assert "--by 1: must be the name of a label" in wrong.stderr
