"""Approvals that come late, and backups that nobody makes, as in the engine."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu import IBU
from ibgu.core.model import Outcome, StepState
from ibgu.core.rehearsal.model import Odds, RehearsedPlan
from ibgu.core.rehearsal.outlook import Outlook, outlook
from ibgu.core.rehearsal.run import Rehearsal
from ibgu.core.rehearsal.step_end import Held
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.gates.policies.grants import approve
from tests.core.engine.gates.policies.policy import policy
from tests.core.rehearsal.pair import Case, engine_of, plan_of
from tests.core.rehearsal.test_against_the_engine import case
from tests.core.rehearsal.test_begun import seeded

DELAY = timedelta(minutes=45)
ROUNDED = 130.0
"""Seconds by which ends may differ: here the engine's people look once a minute."""
_MISSING = re.compile(r"must approve (?:(.+) of )?step (\d+)")


DAY = {"cron": "0 4 * * *", "durationMinutes": 600, "timeZone": "UTC"}


def asking(before: str, **more: Any) -> list[Any]:
    return [policy("change-board", approval={"before": before, "fourEyes": False}, **more)]


CASES = {
    "each step": case("Prep", "Upgrade", policies=asking("Step")),
    "one of two steps": case("Prep", "Upgrade", policies=asking("Step", actions=["Upgrade"])),
    "an action of a chain": case("Prep Upgrade", policies=asking("Action", actions=["Upgrade"])),
    "each action": case("Prep Upgrade", policies=asking("Action", actions=["Prep", "Upgrade"])),
    "before a window of another policy": case(
        "Prep",
        "Upgrade",
        policies=[
            *asking("Step"),
            policy("day", windows=[DAY]),
        ],
    ),
    "the rest": case(
        "Prep", "Upgrade", policies=asking("Rest", canaries={"count": 3, "soakMinutes": 20})
    ),
}


COVERS = "an action of a chain"
"""The case that covers what nothing else does; the others are too long to measure that."""


def drive(engine: InMemoryEngine) -> None:
    """Has a person approve what is missing, DELAY after they see it first."""
    seen: dict[tuple[int, str], datetime] = {}
    given = set[tuple[int, str]]()
    for _ in range(24 * 60):
        engine.wait(minutes=1)
        steps = engine.tracked("uid-a").steps
        for each in steps[-1].members.values():
            found = _MISSING.search(each.reason.message)
            if found and not each.finished:
                before = {None: "Step", "the rest": "Rest"}.get(found[1], found[1])
                seen.setdefault((int(found[2]), str(before)), engine.now)
        for (step, before), at in seen.items():
            if at + DELAY <= engine.now and (step, before) not in given:
                approve(engine, "nora", step=step, before=before)
                given.add((step, before))
        if len(steps) == 2 and steps[-1].step.state is StepState.FINISHED:
            return


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == COVERS else pytest.mark.slow("every-point"))
        for name in CASES
    ],
)
def test_approvals_that_come_late_delay_as_in_the_engine(name: str) -> None:
    found = CASES[name]
    engine = engine_of(found)
    drive(engine)
    plan = replace(plan_of(found), approval_after=DELAY.total_seconds())
    ours, theirs = Rehearsal(plan).run(found.draws), engine.tracked("uid-a").steps
    at_once = Rehearsal(plan_of(found)).run(found.draws)
    assert ours.end >= at_once.end + DELAY.total_seconds() / 2
    assert len(ours.steps) == len(theirs)
    for mine, real in zip(ours.steps, theirs, strict=True):
        began, ended = theirs[0].step.started_at, real.step.finished_at
        assert began is not None
        assert ended is not None
        assert abs(mine.at - (ended - began).total_seconds()) <= ROUNDED
        assert mine.succeeded == real.counts[Outcome.SUCCEEDED]


def looked(plan: RehearsedPlan) -> Outlook:
    rehearsal = Rehearsal(plan)
    odds = {"Prep": (600.0, 900.0), "Upgrade": (1800.0, 2400.0)}
    ran = rehearsal.runs({name: Odds(*each) for name, each in odds.items()}, seeded(1), 10)
    return outlook(rehearsal, list(ran))


def test_the_outlook_says_from_when_on_approval_is_missing() -> None:
    found = looked(plan_of(CASES["the rest"]))
    first, second = found.approvals
    assert (first.policy, first.step, first.before) == ("change-board", 1, "Rest")
    assert (second.step, second.before, second.share) == (2, "Rest", 1)
    assert 1200 < first.asked.p5 < second.asked.p5
    assert found.assumed == ("what RolloutPolicy change-board wants approved is approved at once",)
    late = looked(replace(plan_of(CASES["each action"]), approval_after=5400.0))
    assert [each.before for each in late.approvals] == ["Prep", "Upgrade"]
    assert late.assumed[0].endswith(" approved 1 h 30 min after the first cluster waits for it")


def backed(*steps: str, **more: Any) -> tuple[Case, RehearsedPlan]:
    found = case(*steps, policies=[policy("net", backup="Required", **more)])
    spec = found.object().spec
    return found, replace(plan_of(found), lacks_backup=IBU.lacks_backup("Upgrade", spec, {}))


@pytest.mark.parametrize("steps", [("Prep", "Upgrade"), ("Prep Upgrade",)])
def test_without_a_backup_nothing_that_needs_one_ever_starts(steps: tuple[str, ...]) -> None:
    found, plan = backed(*steps)
    engine = engine_of(found)
    engine.drive(timedelta(days=2))
    last = engine.tracked("uid-a").steps[-1]
    ours = Rehearsal(plan).run(found.draws)
    assert (ours.held, len(ours.steps)) == (Held.POLICY, len(steps))
    assert (ours.steps[-1].started, last.counts[Outcome.SUCCEEDED]) == (0, 0)
    assert last.step.finished_at is None
    (words,) = looked(plan).endless
    assert words.startswith("RolloutPolicy net requires a backup before Upgrade, which never ")


def test_a_backup_keeps_only_the_clusters_and_actions_of_its_policy() -> None:
    found, plan = backed("Prep", "Upgrade", actions=["Prep"])
    assert Rehearsal(plan).run(found.draws).held is Held.NOT
    assert looked(plan).endless == ()
    assert Rehearsal(replace(plan, lacks_backup="")).run(found.draws).held is Held.NOT


def test_the_outlook_says_what_it_takes_for_granted() -> None:
    strict = policy(
        "strict",
        preflight="Enforce",
        warnings="Hold",
        retry={},
        canaries={"count": 1, "soakMinutes": 5, "health": {"nodes": True}},
    )
    assert looked(plan_of(case("Prep", policies=[strict]))).assumed == (
        "canaries of RolloutPolicy strict are healthy from their success on",
        "no cluster is tried again for RolloutPolicy strict: what fails stays failed",
        "preflight finds no error, for which RolloutPolicy strict would hold a cluster",
        "no cluster warns, for which RolloutPolicy strict would hold it",
    )
