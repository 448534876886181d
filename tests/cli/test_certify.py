"""`ibgu certify`: an operator proves a rollout from the journal's database."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner, Result

from ibgu.cli.app import app
from ibgu.cli.show import symbols
from ibgu.core.assurance.certify import MEANS, Rule
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Kind
from ibgu.core.model.kinds import ObjectMeta
from ibgu.db import Journal
from tests.core.assurance.certify.logs import log_of
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.gates.policies.grants import break_glass
from tests.core.engine.gates.policies.policy import policy
from tests.db.conftest import db, leading
from tests.db.recording import tell

__all__ = ["db", "leading"]

Certify = Callable[..., Coroutine[Any, Any, Result]]
Leading = Callable[..., Coroutine[Any, Any, Journal]]


def story(name: str = "a") -> InMemoryEngine:
    engine = InMemoryEngine("site-1", "site-2")
    engine.spokes["site-2"].faults[Stage.PREP] = "fail"
    engine.apply(ibgu(name, "Prep", concurrency=1))
    engine.wait(hours=1)
    return engine


@pytest.fixture
def certify(database_url: str) -> Certify:
    async def run(*args: str, **env: str) -> Result:
        given = {"DATABASE_URL": database_url, "NO_COLOR": "1"} | env
        return await asyncio.to_thread(CliRunner().invoke, app, ["certify", *args], env=given)

    return run


async def tamper(db: AsyncEngine, statement: str) -> None:
    async with db.begin() as connection:
        await connection.execute(text("ALTER TABLE events DISABLE TRIGGER USER"))
        await connection.execute(text(statement))


async def test_a_rollout_is_certified(leading: Leading, certify: Certify) -> None:
    engine = story()
    await tell(await leading(), engine)
    result = await certify("fleet/a")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "fleet/a   CERTIFIED"
    assert lines[1] == "  uid      uid-a, complete"
    assert f"  events   {len(log_of(engine))} (#1 to #{len(log_of(engine))})" in lines[2]
    assert lines[3] == "  members  2 in 1 steps, 2 runs, 0 without an end yet"
    assert lines[4] == "  epochs   1 (ibgu-0)"
    assert lines[5] == "  policies none in force at its starts"
    assert [line[4:].split("  ")[0] for line in lines[7:19]] == list(MEANS.values())
    assert all(line.startswith("  ✔ ") for line in lines[7:18])
    assert lines[18].startswith(f"  {symbols.SKIPPED} ")
    assert lines[-2].startswith("sha256 ")
    assert lines[-1].endswith("UTC, hub hub-1")


async def test_the_report_says_what_was_checked_of_policies(
    leading: Leading, certify: Certify, db: AsyncEngine
) -> None:
    journal = await leading()
    await tell(journal, story())
    ran = {"selector": {"matchLabels": {"network": "ran"}}}
    freeze = {"from": "2025-12-31T00:00:00Z", "until": "2026-02-01T00:00:00Z"}
    limit, held = policy(inFlight=1), policy("ran", clusters=ran, freezes=[freeze])
    held = replace(held, metadata=ObjectMeta(name="ran", uid="ran"))
    await journal.note_policies([limit])
    await tamper(db, "UPDATE rollout_policies SET seen_at = '2025-12-01'")
    whole = (await certify("fleet/a")).stdout
    assert "  policies 2 starts under 1 policy\n" in whole
    assert f"  ✔ {MEANS[Rule.POLICIES]:<58} {2:>12,} checks" in whole
    await journal.note_policies([limit, held])
    await tamper(db, "UPDATE rollout_policies SET seen_at = '2025-12-01'")
    partly = await certify("fleet/a")
    assert partly.exit_code == 0
    words = "2 of them not checked: not known are labels of clusters (2)"
    assert f"  policies 2 starts under 2 policies, {words}\n" in partly.stdout
    found = json.loads((await certify("fleet/a", "-o", "json")).stdout)["policies"]
    unknown = {"labels of clusters": 2}
    assert found == {
        "count": 2,
        "starts": 2,
        "notChecked": 2,
        "notKnown": unknown,
        "passedByBreakGlass": [],
    }


async def test_the_report_says_what_passed_by_break_glass(
    leading: Leading, certify: Certify, db: AsyncEngine
) -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.apply(ibgu("a", "Prep"))
    break_glass(engine, "RolloutPolicy/holidays", hours=24)
    engine.wait(hours=3)
    journal = await leading()
    await tell(journal, engine)
    freeze = {"from": "2025-12-31T00:00:00Z", "until": "2026-02-01T00:00:00Z"}
    await journal.note_policies([policy("holidays", freezes=[freeze])])
    await tamper(db, "UPDATE rollout_policies SET seen_at = '2025-12-01'")
    result = await certify("fleet/a")
    assert result.exit_code == 0, result.output
    words = "2 starts passed RolloutPolicy/holidays by break glass of nora"
    assert f"  {symbols.WARNING} {words}\n" in result.stdout
    found = json.loads((await certify("fleet/a", "-o", "json")).stdout)["policies"]
    passed = {"policy": "holidays", "starts": 2, "users": ["nora"]}
    assert found["passedByBreakGlass"] == [passed]


async def test_a_start_against_a_policy_is_reported(
    leading: Leading, certify: Certify, db: AsyncEngine
) -> None:
    journal = await leading()
    await tell(journal, story())
    freeze = {"from": "2025-12-31T00:00:00Z", "until": "2026-02-01T00:00:00Z"}
    await journal.note_policies([policy("holidays", freezes=[freeze])])
    await tamper(db, "UPDATE rollout_policies SET seen_at = '2025-12-01'")
    result = await certify("fleet/a")
    assert result.exit_code == 1
    words = "policies: R50.5: site-1 starts Prep in a freeze until 2026-02-01T00:00:00Z"
    assert f"{words} (RolloutPolicy/holidays)" in result.stdout
    assert " site-1 step 1 RunIntended: " in result.stdout


async def test_a_running_rollout_can_be_certified(leading: Leading, certify: Certify) -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    await tell(await leading(), engine)
    result = await certify("fleet/a")
    assert result.exit_code == 0, result.output
    assert "running, until now" in result.stdout
    assert "2 without an end yet, 1 in flight now" in result.stdout


async def test_the_report_names_the_offending_events(
    leading: Leading, certify: Certify, db: AsyncEngine
) -> None:
    await tell(await leading(), story())
    await tamper(db, "UPDATE events SET data = data - 'seen' WHERE kind = 'RunAccepted'")
    result = await certify("fleet/a")
    assert result.exit_code == 1
    assert result.stdout.startswith("fleet/a   NOT CERTIFIED\n")
    assert "  ✗ every end rests on evidence" in result.stdout
    assert "evidence: site-1 has not shown that it took this run" in result.stdout
    assert "site-1 step 1 RunAccepted: the cluster accepted Prep" in result.stdout


async def test_the_report_as_json(leading: Leading, certify: Certify, db: AsyncEngine) -> None:
    engine = story()
    await tell(await leading(), engine)
    good = json.loads((await certify("fleet/a", "-o", "json")).stdout)
    assert good["verdict"] == "certified"
    assert good["rollout"] == {
        "namespace": "fleet",
        "name": "a",
        "uid": "uid-a",
        "state": "complete",
    }
    assert good["events"]["count"] == len(log_of(engine))
    assert {check["rule"] for check in good["checks"]} == set(MEANS)
    assert good["violations"] == []
    await tamper(db, "DELETE FROM events WHERE kind = 'RunDisarmed' AND cluster = 'site-1'")
    result = await certify("fleet/a", "-o", "json")
    assert result.exit_code == 1
    bad = json.loads(result.stdout)
    assert bad["verdict"] == "not certified"
    assert bad["events"]["sha256"] != good["events"]["sha256"]
    (freed,) = [found for found in bad["violations"] if found["rule"] == "slots"]
    assert freed["event"]["kind"] == "MemberFinished"
    assert freed["event"]["cluster"] == "site-1"
    assert len(freed["others"]) == 1


async def test_imported_events_are_reported(
    leading: Leading, certify: Certify, db: AsyncEngine
) -> None:
    await tell(await leading(), story())
    await tamper(
        db,
        "UPDATE events SET kind = 'Imported', data = data || (SELECT data FROM events "
        "WHERE kind = 'PlanAccepted') WHERE kind = 'RolloutSeen'",
    )
    result = await certify("fleet/a")
    assert result.exit_code == 0, result.output
    words = "1 events were imported after a restore: earlier ones can't be proven"
    assert words in result.stdout


async def test_a_hub_must_be_chosen_where_several_match(leading: Leading, certify: Certify) -> None:
    await tell(await leading(hub="east"), story())
    await tell(await leading(hub="west"), story())
    result = await certify("fleet/a")
    assert result.exit_code == 2
    assert "fleet/a exists on several hubs; choose one with --hub: east, west" in result.stderr
    assert (await certify("fleet/a", "--hub", "west")).stdout.endswith("hub west\n")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["fleet/nobody"], 1, "the journal has no rollout fleet/nobody"),
        (["a"], 1, "the journal has no rollout default/a\n"),
        (["fleet/ab"], 1, "the journal has no rollout fleet/ab; do you mean a?"),
        (["fleet/ab", "--hub", "south"], 1, "has no rollout fleet/ab of hub south\n"),
        (["fleet/a", "--hub", "south"], 1, "has no rollout fleet/a of hub south"),
        (["a/b/c"], 2, "'a/b/c' is no rollout: it looks like namespace/name"),
        (["fleet/"], 2, "'fleet/' is no rollout"),
    ],
)
async def test_unknown_and_malformed_rollouts_are_refused(
    leading: Leading, certify: Certify, arguments: list[str], code: int, words: str
) -> None:
    await tell(await leading(), story())
    result = await certify(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert words in result.stderr


async def test_a_database_that_is_missing_or_empty(certify: Certify, empty_url: str) -> None:
    nothing = await certify("fleet/a", DATABASE_URL="")
    assert (nothing.exit_code, "DATABASE_URL: not set" in nothing.stderr) == (2, True)
    empty = await certify("fleet/a", DATABASE_URL=empty_url)
    assert (empty.exit_code, "run `ibgu migrate`" in empty.stderr) == (1, True)
    away = await certify("fleet/a", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert (away.exit_code, "the journal's database is away" in away.stderr) == (1, True)
