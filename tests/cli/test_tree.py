"""`ibgu tree`: steps, and who stands where and why."""

import asyncio
import json
import re

from ibgu.cli.read.status import see
from ibgu.cli.show.names import listed
from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.tree import tree_lines
from ibgu.client import Client
from ibgu.db import Journal
from ibgu.sandbox.hub import SandboxHub
from tests.api.fleet import CIRCUIT_BREAKER, fleet
from tests.cli.conftest import Ibgu


async def test_the_tree_shows_every_cluster_by_step(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal)
    found = await ibgu("tree", "ran-r1")
    assert found.exit_code == 0, found.output
    assert re.sub(r"\d+ d( \d+ h)?", "T", found.stdout).splitlines() == [
        "ran-r1 (default)  → 4.17.2   Running · step 2 of 3 · T",
        "0 of 7 clusters done · 3 failed · 1 cancelled · 1 running · 2 waiting",
        "├─  1 Prep                 6/6  ✔ 2  ✗ 3  ⊘ 1  0 s",
        "│   ├─ ✔ 2  succeeded",
        "│   ├─ ⊘ 1  cancelled",
        "│   ├─ ✗ 2  Prep: PrecacheFailed  c, d  for example c: precache job failed: failed to "
        "pull images from regist…",
        "│   └─ ✗ 1  Prep: PrepFailed      e  no such thing was ever heard of",
        "├─  2 Upgrade              0/3  ▶ 1/2 slots  ◷ 2 waiting  T",
        "│   ├─ ◷ 1  ClaimedByOther  g  longest T",
        "│   ├─ ↻ 1  Rebooting       a  longest T",
        "│   └─ ◷ 1  WaitingForSlot  b  longest T",
        "└─  3 FinalizeUpgrade  planned",
    ]


async def test_lines_end_where_the_terminal_does(
    journal: Journal, server: str, sandbox_hub: SandboxHub
) -> None:
    await fleet(journal)
    client = Client(server, sandbox_hub.token("alice"))
    look = await asyncio.to_thread(see, client, "default", "ran-r1")
    lines = list(tree_lines(look, OutputStyle(width=72)))
    assert lines[5] == "│   ├─ ✗ 2  Prep: PrecacheFailed  c, d  for example c: precache job fai…"
    assert max(map(len, lines)) == 72


async def test_a_hold_is_what_keeps_them(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal, hold=CIRCUIT_BREAKER)
    lines = (await ibgu("tree", "ran-r1")).stdout.splitlines()
    assert lines[2].startswith("⏸ Held  CircuitBreaker: 5 clusters in a row have failed")
    assert any("⏸ 1  CircuitBreaker" in line and " b " in line for line in lines)


async def test_json_output_groups_clusters_by_step(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal)
    body = json.loads((await ibgu("tree", "ran-r1", "-o", "json")).stdout)
    groups = {each["what"]: each for each in body["steps"][1]["groups"]}
    assert groups["Rebooting"]["clusters"] == ["a"]
    assert body["steps"][2]["groups"] == []


async def test_an_unknown_rollout_is_refused(ibgu: Ibgu) -> None:
    found = await ibgu("tree", "ran-9")
    assert (found.exit_code, found.stdout) == (1, "")
    assert found.stderr.startswith("ibgu: there is no rollout ran-9")


def test_names_as_many_as_there_is_room_for() -> None:
    assert listed([], 5) == ""
    assert listed(["a", "b"], 2) == "a, b"
    assert listed(["a", "b"], 9) == "a, b, …"
    assert listed(["a", "b", "c", "d"], 4) == "a, b, c, …"
