"""A cluster whose words would rewrite a terminal: whatever shows them, they stay words."""

import re
from pathlib import Path

import pytest

import ibgu.cli
from ibgu.cli.show.output_style import page
from ibgu.core.drivers.ibu.actions import Action
from ibgu.db import Journal
from ibgu.sandbox.kubectl import Kubectl
from tests.api.fleet import failed, open_step, put, rollout, seen
from tests.cli.conftest import Ibgu
from tests.cli.test_stragglers import manifest
from tests.db.records import step

FAKE = "edge-99   Succeeded   all is well"
HOSTILE = f"pull failed\r\n{FAKE}\x1b[1A\x1b[2K\x9b31m\u202ella si\u202c ad\u200bmin [bold]x[/bold]"
COMMANDS = (
    *(["members", "ran-r1"], ["members", "ran-r1", "-o", "wide"], ["status", "ran-r1"]),
    *(["explain", "ran-r1", "site-1"], ["events", "ran-r1", "-o", "wide"], ["get", "ran-r1"]),
    *(["tree", "ran-r1"], ["history", "site-1"], ["stragglers", "ran-r1"]),
    *(["get", "ran-r1", "-o", "wide"], ["works", "site-1"], ["clusters"]),
    *(["report", "ran-r1"], ["report", "ran-r1", "-o", "csv"]),
)


@pytest.fixture
async def told(journal: Journal, kubectl: Kubectl, namespace: str) -> str:
    """The namespace of a rollout with one cluster, which has failed with those words."""
    kubectl.apply(manifest(namespace))
    uid = kubectl.get("ibgu", "ran-r1", "-n", namespace)["metadata"]["uid"]
    one = rollout(uid, namespace=namespace, name="ran-r1")
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP))
    await put(journal, failed(prep, "site-1", 0, HOSTILE))
    return namespace


async def test_no_command_obeys(ibgu: Ibgu, told: str) -> None:
    shown = 0
    for command in COMMANDS:
        result = await ibgu(*command, "-n", told, user="admin")
        if result.exit_code == 2:  # it has no namespace
            result = await ibgu(*command, user="admin")
        output = result.output
        assert not re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]", output), (
            command
        )
        assert not [line for line in output.splitlines() if line.strip().startswith("edge-99")], (
            command
        )
        shown += FAKE in " ".join(output.split()) or "pull failed" in output
    assert shown >= 4


def test_a_line_begins_no_other() -> None:
    assert page([f"x\n{FAKE}", "y"]) == f"x {FAKE}\ny"


def test_every_page_of_text_goes_the_same_way() -> None:
    """Lines are put together by `page`, which lets none of them begin another."""
    folder = Path(ibgu.cli.__file__).parent
    commands = [path for path in folder.rglob("*.py") if path.parent.name != "show"]
    joined = [path for path in commands if re.search(r'echo\("\\n"\.join', path.read_text())]
    assert [path.name for path in joined] == ["command.py"]  # names of clusters, in `stragglers`
