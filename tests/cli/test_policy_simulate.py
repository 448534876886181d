"""`ibgu policy simulate`: policies from files against the starts that the journal has."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner, Result

from ibgu.cli.app import app
from ibgu.cli.show.policy_simulation import NOTE
from ibgu.db import Journal
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.gates.policies.grants import break_glass
from tests.db.conftest import db, leading
from tests.db.recording import tell

__all__ = ["db", "leading"]

Simulate = Callable[..., Coroutine[Any, Any, Result]]
Leading = Callable[..., Coroutine[Any, Any, Journal]]
POLICY = "apiVersion: ibgu.dev/v1alpha1\nkind: RolloutPolicy\nmetadata:\n  name: {}\nspec:\n  {}\n"
HOLIDAYS = POLICY.format(
    "holidays",
    'freezes:\n    - from: "2025-12-31T00:00:00Z"\n      until: "2026-02-01T00:00:00Z"',
)
NARROW = POLICY.format("narrow", "inFlight: 1")
WIDE = POLICY.format("wide", "inFlight: 30")
RAN = POLICY.format(
    "ran", "clusters:\n    selector:\n      matchLabels:\n        network: ran\n  inFlight: 1"
)


def story(*names: str) -> InMemoryEngine:
    """Rollouts of two clusters at once, one after the other."""
    engine = InMemoryEngine("site-1", "site-2")
    for age, name in enumerate(names):
        engine.apply(ibgu(name, "Prep Upgrade" if age == 0 else "FinalizeUpgrade", age=-age))
        engine.wait(hours=12)
    return engine


@pytest.fixture
def simulate(database_url: str, tmp_path: Path) -> Simulate:
    async def run(policies: str, *args: str) -> Result:
        path = tmp_path / "policies.yaml"
        path.write_text(policies)
        given = {"DATABASE_URL": database_url, "NO_COLOR": "1"}
        words = ["policy", "simulate", str(path), *args]
        return await asyncio.to_thread(CliRunner().invoke, app, words, env=given)

    return run


async def test_each_policy_says_what_it_would_have_held(
    leading: Leading, simulate: Simulate
) -> None:
    await tell(await leading(), story("a"))
    done = await simulate(f"{HOLIDAYS}---\n{NARROW}---\n{WIDE}", "--rollout", "a", "-n", "fleet")
    assert done.exit_code == 1, done.output
    first, _, *lines = done.stdout.splitlines()
    assert first == "4 starts of 1 rollout, judged by 3 policies"
    assert lines[0] == "holidays  would have held 4 starts of 2 clusters: freezes (4)"
    assert lines[1] == (
        "  2026-01-01T00:00:00Z site-1 Prep (fleet/a step 1): in a freeze until "
        "2026-02-01T00:00:00Z; opens at 2026-02-01T00:00:00Z"
    )
    assert lines[4] == "  and 1 more"
    assert lines[6] == "narrow  would have held 1 start of 1 cluster: limits (1)"
    assert lines[9] == "wide  would have held none"
    assert lines[-1] == NOTE


async def test_policies_that_hold_nothing_end_with_0(leading: Leading, simulate: Simulate) -> None:
    await tell(await leading(), story("a"))
    done = await simulate(WIDE)
    assert (done.exit_code, done.stdout.splitlines()[2]) == (0, "wide  would have held none")


async def test_starts_that_passed_by_break_glass_are_counted(
    leading: Leading, simulate: Simulate
) -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.apply(ibgu("a", "Prep"))
    break_glass(engine, "RolloutPolicy/holidays", hours=24)
    engine.wait(hours=3)
    await tell(await leading(), engine)
    done = await simulate(HOLIDAYS)
    assert (done.exit_code, done.stdout.splitlines()[2:4]) == (
        0,
        [
            "holidays  would have held none",
            "  2 starts passed by break glass: without it the policy holds them, or may",
        ],
    )
    [found] = json.loads((await simulate(HOLIDAYS, "-o", "json")).stdout)["policies"]
    assert (found["held"], found["passedByBreakGlass"]) == (0, 2)


async def test_labels_that_the_journal_knows_select_clusters(
    leading: Leading, simulate: Simulate, db: AsyncEngine
) -> None:
    await tell(await leading(), story("a"))
    unknown = await simulate(RAN)
    assert unknown.exit_code == 0
    words = "  1 start can't be judged: not known are labels of clusters (1)"
    assert words in unknown.stdout.splitlines()
    async with db.begin() as connection:
        for name in ("site-1", "site-2"):
            insert = "INSERT INTO cluster_labels (hub, cluster, labels, digest, there) VALUES"
            labels = json.dumps({"network": "ran"})
            await connection.execute(
                text(f"{insert} ('hub-1', '{name}', CAST(:labels AS jsonb), '', true)"),
                {"labels": labels},
            )
    known = await simulate(RAN)
    assert "ran  would have held 1 start of 1 cluster: limits (1)" in known.stdout.splitlines()


async def test_programs_read_what_would_have_been_held(
    leading: Leading, simulate: Simulate
) -> None:
    await tell(await leading(), story("a", "b"))
    found = json.loads((await simulate(HOLIDAYS, "-o", "json")).stdout)
    assert (found["rollouts"], found["starts"], found["startsWithoutBeginning"]) == (2, 6, 0)
    (policy,) = found["policies"]
    assert (policy["held"], policy["reasons"], policy["notJudged"]) == (6, {"freezes": 6}, 0)
    assert policy["first"][0] == {
        "rollout": "fleet/a",
        "step": 1,
        "cluster": "site-1",
        "action": "Prep",
        "at": "2026-01-01T00:00:00Z",
        "rule": "R50.5",
        "why": "in a freeze until 2026-02-01T00:00:00Z",
        "until": "2026-02-01T00:00:00Z",
    }
    one = json.loads((await simulate(HOLIDAYS, "--rollout", "fleet/b", "-o", "json")).stdout)
    assert (one["rollouts"], one["starts"]) == (1, 2)
    late = json.loads((await simulate(HOLIDAYS, "--since", "1d", "-o", "json")).stdout)
    assert (late["starts"], late["policies"][0]["held"]) == (0, 0)


async def test_a_circuit_breaker_needs_the_whole_log(leading: Leading, simulate: Simulate) -> None:
    await tell(await leading(), story("a"))
    done = await simulate(POLICY.format("b", "breaker: {sameCause: 1}"), "--rollout", "fleet/a")
    assert (done.exit_code, done.stdout.splitlines()[2]) == (0, "b  would have held none")


async def test_a_policy_that_is_wrong_is_named_with_its_line_and_field(simulate: Simulate) -> None:
    done = await simulate(POLICY.format("wrong", "inFlight: 0"))
    assert done.exit_code == 2
    assert "policies.yaml:1: error: RolloutPolicy wrong: spec.inFlight:" in done.stderr
    twice = await simulate(f"{WIDE}---\n{WIDE}")
    assert (twice.exit_code, twice.stderr) == (
        2,
        "ibgu: RolloutPolicy wide is in these files twice\n",
    )


async def test_rollouts_that_can_not_be_found_are_an_error(
    leading: Leading, simulate: Simulate
) -> None:
    nothing = await simulate(WIDE, "-n", "ran")
    assert (nothing.exit_code, nothing.stderr) == (
        1,
        "ibgu: the journal has no rollout in the namespace ran\n",
    )
    assert (await simulate(WIDE, "--since", "soon")).exit_code == 2
    for hub in ("east", "west"):
        await tell(await leading(hub=hub), story("a"))
    several = await simulate(WIDE)
    assert several.exit_code == 2
    assert several.stderr == (
        "ibgu: the journal has rollouts of several hubs; choose one with --hub: east, west\n"
    )
    assert (await simulate(WIDE, "--hub", "east")).exit_code == 0
