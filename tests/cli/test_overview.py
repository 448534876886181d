"""`ibgu status` without a name: one answer, so that the lines fit together while rollouts move."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from ibgu.cli.read import overview
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import ActingParty, Kind, OnMember, Reason, ReasonKind
from ibgu.db import Journal
from tests.api.fleet import PULL, failed, open_step, put, rollout, seen, succeeded, tell
from tests.cli.conftest import Ibgu
from tests.db.records import NOW, member, step

CLUSTERS = 30


async def test_sums_rows_and_needs_are_of_one_moment(ibgu: Ibgu, journal: Journal) -> None:
    """One fails, and one needs a person: always both, or neither."""
    forbidden = Reason(ReasonKind.FORBIDDEN, NOW, "may not create works", None, ActingParty.PERSON)
    one = rollout()
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0, Action.PREP, total=2 * CLUSTERS))
    await put(journal, *(member(prep, f"c{n:02}", n) for n in range(2 * CLUSTERS)))

    async def move(n: int) -> None:
        ended = OnMember(Kind.FINISHED, failed(prep, f"c{n:02}", n, PULL), "")
        last = member(prep, f"c{n + CLUSTERS:02}", n + CLUSTERS, reason=forbidden)
        await tell(journal, ended, OnMember(Kind.WAITS, last, ""))

    async def moves(begin: int) -> None:
        for n in range(begin, begin + 3):
            await move(n)

    for begin in range(0, CLUSTERS, 3):
        found, _ = await asyncio.gather(ibgu("status"), moves(begin))
        lines = found.stdout.splitlines()
        gone = int(lines[-1].split()[6])
        counts = ((2 * CLUSTERS - gone, "waiting"), (gone, "failed"))
        assert lines[1] == "under way: " + ", ".join(f"{n} {word}" for n, word in counts if n)
        kept = [line for line in lines if "HubForbids" in line]
        assert len(kept) == bool(gone)
        noun = "cluster" if gone == 1 else "clusters"
        assert all(f" ({gone} {noun}): HubForbids: " in line for line in kept)


async def test_only_the_newest_of_many_rollouts_are_shown(
    ibgu: Ibgu, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rollouts that need a person are of all pages."""
    monkeypatch.setattr(overview, "_MAX_ROLLOUTS", 2)
    held = Reason(ReasonKind.PAUSED, NOW, "paused by alice", None, ActingParty.PERSON)
    for uid, age in (("r1", 3), ("r2", 2), ("r3", 1)):
        await seen(journal, rollout(uid, age=age, hold=held if uid == "r1" else None))
    lines = (await ibgu("status")).stdout.splitlines()
    assert lines[0] == "the newest 2 rollouts: 2 Running"
    assert lines[2].startswith("⏸ default/ran-r1 has needed action for ")
    assert [line.split()[1] for line in lines[5:-1]] == ["ran-r3", "ran-r2"]
    assert lines[-1] == "older rollouts: ibgu get rollouts -A"


async def test_rollback_deadlines_that_are_near_are_shown(ibgu: Ibgu, journal: Journal) -> None:
    of = rollout()
    await seen(journal, of)
    upgrade = await open_step(journal, step(of, 0, Action.UPGRADE))
    until = datetime.now(UTC) + timedelta(hours=20, minutes=1)
    await put(journal, replace(succeeded(upgrade, "a", 0), rollback_until=until))
    lines = (await ibgu("status")).stdout.splitlines()
    (line,) = (each for each in lines if "rolled back" in each)
    words = "⚠ default/ran-r1: 1 cluster can be rolled back: finalize or roll back by "
    assert line.startswith(words)
    assert line.endswith("(in 20 h)")
    body = json.loads((await ibgu("status", "-o", "json")).stdout)
    assert [each["name"] for each in body["rollbackDeadlines"]] == ["ran-r1"]
