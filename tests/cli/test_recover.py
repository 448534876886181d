"""`ibgu recover`: the way back of one cluster, to read and to copy from."""

import json

from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.recovery import recovery_lines
from ibgu.client.responses import RecoveryResponse, RecoveryStepResponse
from ibgu.db import Journal
from tests.api.fleet import fleet
from tests.cli.conftest import Ibgu


async def test_the_steps_of_a_cluster_are_printed(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal)
    found = await ibgu("recover", "ran-r1", "c")
    assert found.exit_code == 0, found.output
    assert found.stdout.startswith("c · default/ran-r1 · ")
    assert "       ibgu rollback ran-r1 c -n default\n" in found.stdout
    assert found.stdout == (await ibgu("recover", "c")).stdout
    whole = json.loads((await ibgu("recover", "c", "-o", "json")).stdout)
    assert whole["guide"] == "docs/guides/roll-back.md"


async def test_an_unknown_cluster_and_too_many_names_are_refused(
    ibgu: Ibgu, journal: Journal
) -> None:
    await fleet(journal)
    assert (await ibgu("recover", "nobody")).exit_code == 1
    assert (await ibgu("recover", "a", "b", "c")).exit_code == 2


def test_a_message_of_white_space_longer_than_the_line_is_shown_as_none() -> None:
    assert OutputStyle(width=60).under("said     ", " " * 100) == ["said     "]


def test_a_command_is_never_wrapped() -> None:
    line = "oc " + "x" * 200
    found = RecoveryResponse(
        cluster="a",
        rollout="default/z",
        headline="it can go back",
        facts={"said": "word " * 40},
        steps=(RecoveryStepResponse(text="word " * 40, commands=(line,)),),
        guide="docs/guides/after-a-failed-update.md",
    )
    lines = recovery_lines(found, OutputStyle(width=60))
    assert f"       {line}" in lines
    assert all(len(each) <= 60 for each in lines if line not in each)
    assert lines[-1] == "guide    docs/guides/after-a-failed-update.md"
