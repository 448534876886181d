"""Every number that one command prints is of one moment, however fast the rollout moves."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from ibgu.cli.stragglers.ask_rest import TRIES
from ibgu.client import Client
from ibgu.client.responses import MemberResponse
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Kind, OnMember
from ibgu.db import Journal
from tests.api.fleet import failed, open_step, put, rollout, seen, succeeded, tell
from tests.cli.conftest import Ibgu
from tests.db.records import member, step

CLUSTERS = 24


async def test_status_and_tree_are_of_one_moment(ibgu: Ibgu, journal: Journal) -> None:
    """They asked one route after the other, and added up what had moved meanwhile."""
    one = rollout()
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP, total=CLUSTERS))
    await put(journal, *(member(prep, f"c{n:02}", n) for n in range(CLUSTERS)))
    moments = set()
    for n in range(CLUSTERS):
        ended = failed(prep, f"c{n:02}", n, "no") if n % 3 else succeeded(prep, f"c{n:02}", n)
        finished = tell(journal, OnMember(Kind.FINISHED, ended, "the cluster says so"))
        command = ("status", "tree")[n % 2]
        _, found = await asyncio.gather(finished, ibgu(command, "ran-r1", "-o", "json"))
        body = json.loads(found.stdout)
        _alike(body)
        moments.add(body["seq"])
    assert len(moments) > CLUSTERS / 2


def _alike(found: Any) -> None:
    step = found["steps"][0]
    counts = step["counts"]
    assert found["rollout"]["current"]["counts"] == counts
    for name in ("running", "failed"):
        assert found["rollout"]["counts"][name] == counts[name]
    if "failures" in found:
        assert found["failures"]["total"] == counts["failed"]
    if groups := step.get("groups"):
        assert sum(group["count"] for group in groups) == counts["total"] == CLUSTERS


@pytest.mark.parametrize("moves", [0, 1, TRIES])
async def test_stragglers_ask_again_if_the_rollout_has_moved(
    ibgu: Ibgu, journal: Journal, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    """A cluster fails whenever its members have been read; one that never rests says so."""
    one, loop, asked = rollout(), asyncio.get_running_loop(), [0]
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP, total=CLUSTERS))
    await put(journal, *(member(prep, f"c{n:02}", n) for n in range(CLUSTERS)))
    members = Client.members

    def meanwhile(*given: Any, **query: Any) -> Iterator[MemberResponse]:
        yield from list(members(*given, **query))
        if (n := asked[0]) < moves:
            ended = OnMember(Kind.FINISHED, failed(prep, f"c{n:02}", n, "no"), "")
            asyncio.run_coroutine_threadsafe(tell(journal, ended), loop).result()
        asked[0] += 1

    monkeypatch.setattr(Client, "members", meanwhile)
    found = json.loads((await ibgu("stragglers", "ran-r1", "-o", "json")).stdout)
    groups = {each["state"]: each["count"] for each in found["groups"]}
    told = min(moves, TRIES - 1)
    assert groups == {"going": CLUSTERS - told} | ({"ended": told} if told else {})
    assert found["moved"] is (moves == TRIES)
    assert asked[0] == min(moves + 1, TRIES)
    text = (await ibgu("stragglers", "ran-r1")).stdout
    assert ("changed on every attempt to read it" in text) is False
