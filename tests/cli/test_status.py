"""`ibgu status`: what the operator sees."""

import asyncio
import json
import re
import time
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from ibgu.cli.app import app as commands
from ibgu.cli.read import status as module
from ibgu.cli.show.failing import RolloutFailures, failure_lines, message_of, next_lines
from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.status import StatusSnapshot, headline, status_lines, step_lines
from ibgu.client import Client
from ibgu.client.responses import (
    CountsResponse,
    EtaResponse,
    FailureGroupResponse,
    FailuresResponse,
    ReleaseResponse,
    RolloutResponse,
    StalledClusterResponse,
    StepResponse,
)
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Kind, OnRollout, RolloutState
from ibgu.core.model.kinds import PlanItem, RolloutStrategy
from ibgu.db import Journal
from ibgu.sandbox.hub import SandboxHub
from tests.api.fleet import (
    CIRCUIT_BREAKER,
    RATE_LIMITED,
    fleet,
    open_step,
    put,
    rollout,
    seen,
    spec,
    succeeded,
    tell,
)
from tests.cli.conftest import Ibgu
from tests.db.records import NOW, step


def told(text: str) -> str:
    """Returns the text without how long ago it was: that grows."""
    return re.sub(r"\d+ d( \d+ h)?", "some time", text)


async def test_everything_in_one_look(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal, hold=CIRCUIT_BREAKER)
    found = await ibgu("status", "ran-r1")
    assert found.exit_code == 0, found.output
    lines = told(found.stdout).splitlines()
    remedy = lines.pop(10)
    assert remedy.startswith("       → Check registry, mirror and free disk space of the site")
    assert lines == [
        "ran-r1 (default)  → 4.17.2   Held · step 2 of 3 · some time",
        "0 of 7 clusters done · 3 failed · 1 cancelled · 1 running · 2 waiting",
        "  1 Prep                 6/6  ✔ 2  ✗ 3  ⊘ 1  0 s",
        "  2 Upgrade              0/3  ▶ 1/2 slots  ◷ 2 waiting  some time",
        "    reasons: 1 CircuitBreaker · 1 ClaimedByOther (⚠ 1 overdue)"
        " · 1 Rebooting (⚠ 1 overdue)",
        "  3 FinalizeUpgrade  planned",
        "⏸ Held  CircuitBreaker: 5 clusters in a row have failed (for some time; you must act)",
        "Failures (3)",
        "    2  Prep: PrecacheFailed  for example c: precache job failed: failed to pull images "
        "from registry.site:5000",
        "       c, d",
        "    1  Prep: PrepFailed  no such thing was ever heard of",
        "       e",
        "Next: ibgu explain ran-r1 c -n default · ibgu stragglers ran-r1 -n default · ibgu resume "
        "ran-r1 -n default",
    ]


async def test_aborted_clusters_get_no_advice_to_abort(ibgu: Ibgu, journal: Journal) -> None:
    """c and d, of which the first group consists, are back at Idle."""
    last = PlanItem(["AbortOnFailure"], RolloutStrategy(max_concurrency=2, timeout=240))
    one = await fleet(journal, spec=replace(spec(), plan=[*spec().plan[:2], last]))
    abort = await open_step(journal, step(one, 2, Action.ABORT_ON_FAILURE))
    await put(journal, succeeded(abort, "c", 0), succeeded(abort, "d", 1))
    lines = (await ibgu("status", "ran-r1")).stdout.splitlines()
    told = lines[lines.index("Failures (3)") + 1 :]
    assert told[1:3] == ["       c, d", "       → aborted afterwards"]
    assert "ibgu retry" not in "\n".join(told)
    assert told[-1] == "Next: ibgu explain ran-r1 e -n default · ibgu stragglers ran-r1 -n default"


async def test_clusters_aborted_by_another_rollout_get_no_advice_to_abort(
    ibgu: Ibgu, journal: Journal
) -> None:
    """An older one with the same clusters; it had aborted e before e failed here."""
    await fleet(journal)
    other = rollout("r0", age=10)
    await seen(journal, other)
    abort = await open_step(journal, step(other, 0, Action.ABORT_ON_FAILURE))
    minute = timedelta(minutes=1)
    for position, (cluster, ended) in enumerate((("c", minute), ("d", minute), ("e", -minute))):
        done = succeeded(abort, cluster, position)
        await put(journal, replace(done, ended_at=NOW + ended))
    lines = (await ibgu("status", "ran-r1")).stdout.splitlines()
    told = lines[lines.index("Failures (3)") + 1 :]
    assert told[1:3] == ["       c, d", "       → aborted afterwards"]
    assert told[-1] == "Next: ibgu explain ran-r1 e -n default · ibgu stragglers ran-r1 -n default"


def test_the_newest_steps_failures_come_first() -> None:
    """Two of three old ones went back to Idle in step 2; one of those has failed again since."""
    old = FailureGroupResponse(
        step=1,
        cause="Old",
        remedy="Mend.",
        count=3,
        clusters=("a", "b", "c"),
        aborted=("a", "b"),
    )
    new = FailureGroupResponse(step=3, cause="New", remedy="Mend too.", count=1, clusters=("b",))
    failing = RolloutFailures("edge", "ran", FailuresResponse(total=4, items=(old, new)))
    assert [*failure_lines(failing, OutputStyle()), *next_lines(failing)] == [
        "Failures (4)",
        "    1  New",
        "       b",
        "       → Mend too.",
        "    3  Old",
        "       a, b, c",
        "       → aborted afterwards: a, b",
        "       → Mend.",
        "Next: ibgu explain ran b -n edge · ibgu stragglers ran -n edge",
    ]
    gone = replace(old, aborted=old.clusters)
    over = RolloutFailures("default", "ran", FailuresResponse(total=3, items=(gone,)))
    assert list(next_lines(over)) == ["Next: ibgu stragglers ran -n default"]
    resume = "ibgu resume ran -n default"
    looks = "ibgu stragglers ran -n default"
    assert list(next_lines(over, "Paused")) == [f"Next: {resume} · {looks}"]
    assert list(next_lines(over, "FailureBudgetSpent")) == [f"Next: {looks} · {resume}"]
    assert list(next_lines(over, "Restored")) == [f"Next: {looks}"]
    assert "       → Mend." not in failure_lines(over, OutputStyle())


def test_a_message_of_one_cluster_of_a_group_names_it() -> None:
    group = FailureGroupResponse(step=1, message="it is\nrolled back", clusters=("a", "b"), count=2)
    assert message_of(group) == "it is rolled back"
    assert message_of(replace(group, message_of="a")) == "for example a: it is rolled back"
    assert message_of(replace(group, message="", message_of="a")) == ""


def test_a_terminal_gets_lines_that_fit() -> None:
    words = "precache job failed: " + "failed to pull images from registry.site:5000 " * 3
    one = FailureGroupResponse(
        step=1,
        action="Prep",
        cause="PrepFailed",
        count=12,
        message=words,
        clusters=tuple(f"site-{number:04}" for number in range(3)),
        remedy="Check registry, mirror and free disk space of the site, then `ibgu retry`.",
    )
    failing = RolloutFailures("edge", "ran", FailuresResponse(total=12, items=(one,)))
    lines = list(failure_lines(failing, OutputStyle(width=70)))
    assert max(map(len, lines)) <= 70
    assert lines[1].endswith("…")
    assert lines[-2:] == [
        "       → Check registry, mirror and free disk space of the site, then",
        "         `ibgu retry`.",
    ]
    narrow = OutputStyle(width=9).under("       → ", "hardly three words")
    assert narrow == ["       → hardly three words"]


def test_a_command_within_a_sentence_is_never_broken() -> None:
    """A command that goes on in the next line can't be copied from a terminal."""
    command = "`ibgu approve ran -n edge --step 3 --before Rest`"
    words = f"2 people must approve the rest of step 3 ({command}), and alice has"
    assert OutputStyle(width=56).under("  ", words) == [
        "  2 people must approve the rest of step 3",
        f"  ({command}),",
        "  and alice has",
    ]
    assert f"  ({command})," in OutputStyle(width=30).under("  ", words)


async def test_a_rate_limit_shows_the_time_of_the_next_start(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal, hold=RATE_LIMITED)
    lines = told((await ibgu("status", "ran-r1")).stdout).splitlines()
    assert lines[0].startswith("ran-r1 (default)  → 4.17.2   Running · step 2 of 3")
    assert lines[4] == (
        "    reasons: 1 ClaimedByOther (⚠ 1 overdue) · 1 Rebooting (⚠ 1 overdue) · "
        "1 StartRate until 2026-05-04 03:02:41"
    )
    assert not any("Held" in line for line in lines)


async def test_all_rollouts_without_a_name(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal, hold=CIRCUIT_BREAKER)
    await seen(journal, rollout("x1", namespace="edge"))
    found = await ibgu("status")
    assert found.exit_code == 0, found.output
    lines = told(found.stdout).splitlines()
    assert lines[0] == "2 rollouts: 1 Running, 1 Held"
    assert lines[1] == "under way: 2 waiting, 1 running, 3 failed, 1 cancelled"
    assert lines[2].startswith("leader: test took the lead at ")
    assert lines[3].startswith("⏸ default/ran-r1 has needed action for some time")
    assert lines[4] == "    → ibgu status ran-r1 -n default"
    listed = lines[[line[:9] for line in lines].index("NAMESPACE") :]
    assert sorted(line.split()[1] for line in listed) == ["NAME", "ran-r1", "ran-x1"]
    only = await ibgu("status", "-n", "edge")
    assert only.stdout.startswith("1 rollout: 1 Running")
    body = json.loads((await ibgu("status", "-o", "json")).stdout)
    assert sorted(each["phase"] for each in body["rollouts"]) == ["Held", "Running"]
    assert {each["name"] for each in body["needsPerson"]} == {"ran-r1"}
    assert body["leadership"]["leader"] == "test"
    nothing = (await ibgu("status", user="carol")).stdout.splitlines()
    assert nothing[0] == "no rollouts, or none that you may see"
    assert nothing[1].startswith("leader: test took the lead at ")
    assert (await ibgu("status", "--wait")).exit_code == 2


async def test_frequent_leader_changes_are_reported_with_the_runbook(
    ibgu: Ibgu, journal: Journal
) -> None:
    for _ in range(6):
        await journal.lead("pod-1")
    lines = (await ibgu("status")).stdout.splitlines()
    assert re.fullmatch(
        "⚠ leader: pod-1 took the lead again at .* UTC; leadership has changed 6 times in the last "
        "10 minutes",
        lines[1],
    )
    assert lines[2].startswith("    → see the runbook IbguLeaderFlaps")


async def test_a_rollout_that_has_not_begun(ibgu: Ibgu, journal: Journal) -> None:
    await seen(journal, rollout(state=RolloutState.PENDING, started_at=None, namespace="edge"))
    found = await ibgu("status", "ran-r1", "-n", "edge")
    assert found.stdout.splitlines() == [
        "ran-r1 (edge)  → 4.17.2   Pending",
        "  1 Prep             planned",
        "  2 Upgrade          planned",
        "  3 FinalizeUpgrade  planned",
    ]


async def test_a_terminal_gets_colours_and_bars(
    ibgu: Ibgu, journal: Journal, server: str, sandbox_hub: SandboxHub
) -> None:
    await fleet(journal)
    client = Client(server, sandbox_hub.token("alice"))
    look = await asyncio.to_thread(module.see, client, "default", "ran-r1")
    coloured = "\n".join(status_lines(look, OutputStyle(colours=True, bars=True)))
    assert "\x1b[32m✔ 2\x1b[0m" in coloured
    assert "█" * 24 in coloured
    plain = (await ibgu("status", "ran-r1")).stdout
    assert "\x1b" not in plain
    assert "█" not in plain


async def test_watch_prints_each_change_until_interrupted(
    journal: Journal, server: str, monkeypatch: pytest.MonkeyPatch, sandbox_hub: SandboxHub
) -> None:
    one = rollout(state=RolloutState.PENDING, started_at=None)
    await seen(journal, one)
    loop, looks = asyncio.get_running_loop(), []

    def sleep(seconds: float) -> None:
        """Between two looks: something happens, nothing happens, Ctrl-C."""
        looks.append(seconds)
        if len(looks) == 1:
            held = rollout(state=RolloutState.PENDING, started_at=None, hold=CIRCUIT_BREAKER)
            happens = tell(journal, OnRollout(Kind.ROLLOUT_HELD, held, "circuit breaker"))
            asyncio.run_coroutine_threadsafe(happens, loop).result()
        elif len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)
    env = {"IBGU_SERVER": server, "IBGU_TOKEN": sandbox_hub.token("alice")}
    found = await asyncio.to_thread(
        CliRunner().invoke, commands, ["status", "ran-r1", "--watch"], env=env
    )
    assert found.exit_code == 0, found.output
    blocks = found.stdout.strip().split("\n\n")
    assert [block.split("   ")[1].split("\n")[0] for block in blocks] == ["Pending", "Held"]


@pytest.fixture
def in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


_RUNNING: dict[str, Any] = {
    "phase": "Running",
    "created_at": NOW,
    "release": ReleaseResponse(image=""),
    "counts": CountsResponse(total=0),
}


@pytest.mark.usefixtures("in_utc")
def test_status_shows_stalled_clusters_and_the_estimated_end() -> None:
    """Since NOW; it was expected to end after 14 minutes."""
    stuck = StalledClusterResponse(
        cluster="site-0077",
        action="Upgrade",
        reason="Rebooting",
        since=NOW + timedelta(minutes=14),
        usual=840.0,
    )
    hour = timedelta(hours=1)
    eta = EtaResponse(
        at=NOW + 2 * hour, earliest=NOW + hour, latest=NOW + 3 * hour, limit=NOW + 9 * hour
    )
    one = RolloutResponse(**_RUNNING, namespace="edge", name="ran", stalled=3, eta=eta)
    steps = (
        StepResponse(
            step=1,
            actions=("Upgrade",),
            state="running",
            stalled=3,
            max_concurrency=9,
            counts=CountsResponse(total=0),
        ),
    )
    now = NOW + timedelta(minutes=31)
    look = StatusSnapshot(one, steps, FailuresResponse(total=0), now, stalled=(stuck,))
    assert status_lines(look, OutputStyle()) == [
        "ran (edge)   Running · step ends ~05:02 (04:02 to 06:02)",
        "  1 Upgrade  0/0  ▶ 0/9 slots  ⚠ 3 stalled",
        "Stalled (3)  site-0077 Upgrade Rebooting for 31 min (p95 14 min) · …",
    ]
    soon = EtaResponse(at=NOW, earliest=NOW, latest=NOW + timedelta(seconds=9), limit=NOW + hour)
    near = replace(look, rollout=replace(one, eta=soon))
    assert status_lines(near, OutputStyle())[0] == "ran (edge)   Running · step ends ~03:02"
    later = replace(look, rollout=replace(one, eta=None), now=NOW + hour)
    assert later.facts == look.facts


@pytest.mark.parametrize(("width", "cells"), [(120, 24), (60, 14), (20, 8)])
def test_a_bar_leaves_room_for_the_counts(width: int, cells: int) -> None:
    rollout = RolloutResponse(**_RUNNING, namespace="edge", name="ran")
    counts = CountsResponse(total=9, waiting=3, running=2, succeeded=4)
    steps = (
        StepResponse(step=1, actions=("Prep",), state="running", max_concurrency=2, counts=counts),
    )
    seen = StatusSnapshot(rollout, steps, FailuresResponse(total=0), NOW)
    (line,) = step_lines(seen, OutputStyle(bars=True, width=width))
    assert sum(line.count(cell) for cell in "█░") == cells
    assert line.endswith("4/9  ✔ 4  ▶ 2/2 slots  ◷ 3 waiting")


def waiting_for(eta: EtaResponse) -> str:
    rollout = RolloutResponse(**_RUNNING, namespace="default", name="ran", eta=eta)
    return headline(
        StatusSnapshot(rollout, (), FailuresResponse(total=0, items=()), NOW), OutputStyle()
    )


def test_stalled_clusters_are_shown_with_their_limit() -> None:
    """With 7 stuck of 1,000 the step was to end in a moment, for minutes."""
    limit, soon = NOW + timedelta(hours=2), NOW + timedelta(minutes=5)
    only = EtaResponse(at=limit, earliest=limit, latest=limit, stuck=7, limit=limit)
    told = waiting_for(only)
    assert re.search(r"· 7 clusters stalled; otherwise done; the limit ends it at [\d:]+$", told)
    others = EtaResponse(at=soon, earliest=soon, latest=soon, stuck=1, limit=limit)
    words = r"step ends ~[\d:]+, but for 1 cluster stalled, until [\d:]+ at most$"
    assert re.search(words, waiting_for(others))


async def test_a_mistyped_annotation_shows_in_the_status(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal, controls={"ibgu.dev/pasue": "nora"})
    lines = (await ibgu("status", "ran-r1")).stdout.splitlines()
    assert lines[1] == ("⚠ the annotation ibgu.dev/pasue does nothing; do you mean ibgu.dev/pause?")


async def test_newer_rollouts_on_its_clusters_are_named(ibgu: Ibgu, journal: Journal) -> None:
    await fleet(journal, age=9)
    assert "newer" not in (await ibgu("status", "ran-r1")).stdout
    plan = [PlanItem(["Rollback"], RolloutStrategy(max_concurrency=2, timeout=240))]
    later = [
        rollout(f"b{age}", age=age, spec=replace(spec(), plan=plan), **where)
        for age, where in enumerate(({}, {"namespace": "edge"}, {}, {}))
    ]
    await seen(journal, *later)
    for each in later:
        back = await open_step(journal, step(each, 0, Action.ROLLBACK))
        await put(journal, succeeded(back, "a", 0), succeeded(back, "b", 1))
    lines = (await ibgu("status", "ran-r1")).stdout.splitlines()
    assert lines[2:7] == [
        "⚠ newer rollouts act, or have acted, on 2 of 7 clusters:",
        "  ran-b0 (Rollback): 2 clusters",
        "  ran-b1 -n edge (Rollback): 2 clusters",
        "  ran-b2 (Rollback): 2 clusters",
        "  and 1 more",
    ]
    hidden = (await ibgu("status", "ran-r1", user="bob")).stdout
    assert "a rollout of another namespace: 2 clusters" in hidden
    assert "ran-b1" not in hidden
    found = json.loads((await ibgu("status", "ran-r1", "-o", "json")).stdout)
    assert found["newer"]["clusters"] == 2
    explained = (await ibgu("explain", "ran-r1", "a")).stdout
    assert "default/ran-b0 (Rollback) has acted on the cluster since" in explained
