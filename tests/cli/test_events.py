"""`ibgu events`: what happened, and what happens."""

import json

import pytest

from ibgu.cli.read import events as module
from ibgu.core.model import Kind, OnRollout
from ibgu.db import Journal
from tests.api.fleet import BRAKE, fleet, rollout, seen, tell
from tests.cli.conftest import Ibgu, Meanwhile, Server
from tests.db.records import NOW

pytestmark = pytest.mark.hub


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.01)


async def brake(journal: Journal) -> None:
    await tell(journal, OnRollout(Kind.ROLLOUT_HELD, rollout(hold=BRAKE), "5 have failed"))


async def kinds(ibgu: Ibgu, *args: str) -> list[str]:
    found = await ibgu("events", "ran-r1", "-o", "json", *args)
    assert found.exit_code == 0, found.output
    return [json.loads(line)["kind"] for line in found.stdout.splitlines()]


async def test_all_of_them_oldest_first(ibgu: Ibgu, journal: Journal) -> None:
    await seen(journal, rollout())
    await brake(journal)
    found = await ibgu("events", "ran-r1")
    assert found.exit_code == 0, found.output
    first, last = found.stdout.splitlines()
    assert f"{NOW.astimezone():%Y-%m-%d %H:%M:%S} #" in first
    assert first.endswith("· RolloutSeen: seen")
    assert last.endswith("⏸ RolloutHeld: 5 have failed")


async def test_what_is_asked_for(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal)
    everything = await kinds(ibgu)
    assert await kinds(ibgu, "--tail", "2") == everything[-2:]
    assert await kinds(ibgu, "--tail", "0") == []
    assert await kinds(ibgu, "--since", "1h") == []
    assert await kinds(ibgu, "--warnings") == []
    of_a = await ibgu("events", "ran-r1", "--cluster", "a", "-o", "json")
    told = [json.loads(line) for line in of_a.stdout.splitlines()]
    assert {each["cluster"] for each in told} == {"a"}
    later = await ibgu("events", "ran-r1", "--after", str(told[0]["seq"]), "-o", "json")
    assert len(later.stdout.splitlines()) < len(everything)
    assert (await ibgu("events", "ran-r1", "--since", "soon")).exit_code == 2


async def test_it_follows_and_tells_nothing_twice(
    ibgu: Ibgu, journal: Journal, meanwhile: Meanwhile
) -> None:
    await seen(journal, rollout())

    async def happens(look: int) -> None:
        if look == 2:
            await brake(journal)
        elif look == 4:
            raise KeyboardInterrupt

    meanwhile(happens)
    assert await kinds(ibgu, "-f") == ["RolloutSeen", "RolloutHeld"]


async def test_an_outage_is_waited_out(
    journal: Journal, ibgu: Ibgu, meanwhile: Meanwhile, served: Server
) -> None:
    """Told once, however long it takes."""
    await seen(journal, rollout())

    async def happens(look: int) -> None:
        if look == 1:
            await served.stop()
        elif look == 4:
            raise KeyboardInterrupt

    meanwhile(happens)
    found = await ibgu("events", "ran-r1", "-f")
    assert found.exit_code == 0
    assert found.stderr.count("can't reach") == 1


async def test_what_is_not_there(ibgu: Ibgu) -> None:
    found = await ibgu("events", "ran-9", "-f")
    assert (found.exit_code, found.stdout) == (1, "")
    assert found.stderr.startswith("ibgu: there is no rollout ran-9")
