"""`ibgu replay`: a rollout is shown again, from its events."""

import asyncio
import re
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from ibgu.cli.app import app
from ibgu.cli.audit import stage
from ibgu.cli.show.output_style import OutputStyle
from ibgu.core.assurance.certify import Event
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Kind
from ibgu.db import Journal
from tests.core.assurance.certify import stories
from tests.core.assurance.certify.logs import log_of
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.db.conftest import db, leading
from tests.db.recording import tell

__all__ = ["db", "leading"]

Replay = Callable[..., Coroutine[Any, Any, Result]]
Leading = Callable[..., Coroutine[Any, Any, Journal]]


def story() -> InMemoryEngine:
    engine = InMemoryEngine("site-1", "site-2", "site-3")
    engine.spokes["site-2"].faults[Stage.UPGRADE] = "fail"
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=2))
    engine.wait(hours=3)
    return engine


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture
def replay(database_url: str) -> Replay:
    async def run(*args: str, typed: str = "") -> Result:
        env = {"DATABASE_URL": database_url}
        return await asyncio.to_thread(
            CliRunner().invoke, app, ["replay", *args], env=env, input=typed
        )

    return run


async def test_every_event_and_the_picture_at_the_end(leading: Leading, replay: Replay) -> None:
    engine = story()
    await tell(await leading(), engine)
    result = await replay("fleet/a")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    events = lines[: lines.index("")]
    assert len(events) == len(log_of(engine))
    assert events[0] == "00:00:00 #1 · RolloutSeen: seen"
    assert events[8] == "00:00:00 #9 step 1 site-1 ◌ RunIntended: starts Prep"
    assert events[50] == "00:03:03 #51 step 2 site-2 ✗ RunEnded: Upgrade failed: Upgrade broke"
    assert lines[lines.index("") + 1 :] == [
        "a (fleet)  → 4.18.1   CompletedWithFailures · step 2 of 2 · 14 min",
        "2 of 3 clusters done · 1 failed",
        "  1 Prep     3/3  ✔ 3  2 min 2 s",
        "  2 Upgrade  3/3  ✔ 2  ✗ 1  12 min",
        "Failures (1)",
        "    1  Upgrade: UpgradeFailed  Upgrade broke",
        "       site-2",
        "Next: ibgu explain a site-2 -n fleet · ibgu stragglers a -n fleet",
    ]


async def test_no_cluster_speaks_to_the_terminal(
    leading: Leading, replay: Replay, database_url: str
) -> None:
    engine = story()
    loud = "\x1b[2Jgone\x9b"
    engine.said = [replace(said, decision=replace(said.decision, why=loud)) for said in engine.said]
    await tell(await leading(), engine)
    certify = partial(CliRunner().invoke, app, env={"DATABASE_URL": database_url})
    proof = await asyncio.to_thread(certify, ["certify", "fleet/a"])
    for shown in (proof, await replay("fleet/a")):
        assert shown.exit_code == 0, shown.output
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown.output)
    assert "\ufffd[2Jgone\ufffd" in shown.stdout


@pytest.mark.parametrize(
    "until", ["14", "#14", "2026-01-01T00:01:00", "2026-01-01T00:01:00+00:00", "2026-01-01T00:01Z"]
)
async def test_until_shows_the_rollout_at_that_event(
    leading: Leading, replay: Replay, until: str
) -> None:
    await tell(await leading(), story())
    lines = (await replay("fleet/a", "--until", until)).stdout.splitlines()
    picture = lines[lines.index("") + 1 :]
    assert picture == [
        "a (fleet)  → 4.18.1   Running · step 1 of 2 · 0 s",
        "0 of 3 clusters done · 2 running · 1 waiting",
        "  1 Prep         0/3  ▶ 2/2 slots  ◷ 1 waiting  0 s",
        "    reasons: 2 Prep accepted",
        "  2 Upgrade  planned",
    ]


async def test_a_hold_is_shown_while_it_stands(leading: Leading, replay: Replay) -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.payload = PayloadState(digest="one")
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.payload = PayloadState(digest="two")
    engine.wait(hours=1)
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=1)
    await tell(await leading(), engine)
    held = next(event.seq for event in log_of(engine) if event.kind == "ClockStopped")
    then = (await replay("fleet/a", "--until", str(held))).stdout
    assert "Held · step 1 of 1" in then
    assert "⏸ Held  PayloadChanged: " in then
    assert "you must act" in then
    assert "Held  " not in (await replay("fleet/a")).stdout


@pytest.mark.parametrize("told", stories.ALL, ids=lambda told: str(told.__name__))
async def test_any_story_can_be_folded(
    leading: Leading, replay: Replay, told: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture counts every cluster of a step once, whatever has happened to it."""
    engines: list[InMemoryEngine] = []

    def kept(engine: InMemoryEngine) -> list[Event]:
        engines.append(engine)
        return []

    monkeypatch.setattr(stories, "log_of", kept)
    told.__wrapped__()  # type: ignore[attr-defined]
    await tell(await leading(), engines[0])
    shown = (await replay("fleet/a")).stdout.partition("\n\n")[2]
    for done, total in re.findall(r" (\d+)/(\d+)  ", shown):
        assert done == total
    counts = [
        sum(map(int, re.findall(r"[✔✗–⊘] (\d+)", line)))  # noqa: RUF001
        for line in shown.splitlines()
        if re.match(r"  \d+ ", line)
    ]
    steps = engines[0].tracked("uid-a").steps if "uid-a" in engines[0].fleet.rollouts else []
    assert counts == [len(step.members) for step in steps]


async def test_event_by_event(leading: Leading, replay: Replay) -> None:
    await tell(await leading(), story())
    result = await replay("fleet/a", "--step", "--until", "3", typed="\n\n\n")
    assert [line.split()[1] for line in result.stdout.splitlines()[:3]] == ["#1", "#2", "#3"]


async def test_on_a_terminal_it_moves_at_its_speed(
    leading: Leading, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = story()
    await tell(await leading(), engine)
    waited: list[float] = []
    monkeypatch.setattr(stage, "stdout", lambda: OutputStyle(bars=True))
    monkeypatch.setattr(time, "sleep", waited.append)
    result = await replay("fleet/a", "--speed", "600")
    assert result.exit_code == 0, result.output
    times = [event.at for event in log_of(engine)]
    spans = [(b - a) / timedelta(seconds=600) for a, b in pairwise(times)]
    assert waited == pytest.approx([0.0, *spans])
    assert "████" in result.stdout
    waited.clear()
    await replay("fleet/a", "--speed", "1")
    assert max(waited) == stage.MAX_PAUSE


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["fleet/nobody"], 1, "the journal has no rollout fleet/nobody"),
        (["fleet/a", "--until", "0"], 1, "no event is that old"),
        (["fleet/a", "--until", "yesterday"], 2, "nor a time such as 2026-11-20T03:15"),
        (["fleet/a", "--speed", "0"], 2, "--speed"),
    ],
)
async def test_invalid_replays_are_refused(
    leading: Leading, replay: Replay, arguments: list[str], code: int, words: str
) -> None:
    await tell(await leading(), story())
    result = await replay(*arguments)
    assert (result.exit_code, words in result.stderr) == (code, True), result.output


async def test_the_picture_knows_who_was_aborted_afterwards(
    leading: Leading, replay: Replay
) -> None:
    """`ibgu status` says so, too: their failures need no AbortOnFailure any more."""
    engine = InMemoryEngine("site-1", "site-2")
    engine.spokes["site-2"].faults[Stage.PREP] = "fail"
    engine.apply(ibgu("a", "Prep", "AbortOnFailure"))
    engine.wait(hours=3)
    await tell(await leading(), engine)
    picture = (await replay("fleet/a")).stdout.partition("Failures (1)")[2]
    assert "site-2" in picture
    assert "aborted afterwards" in picture
