"""A step as a grid and as a timeline."""

from datetime import timedelta
from typing import Any

import pytest

from ibgu.api.step.schemas import GridBody, TimelineBody
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import ActingParty, Cause, Outcome, Reason, ReasonKind, StepState
from ibgu.db import Journal
from tests.api.conftest import Ask
from tests.api.fleet import (
    CIRCUIT_BREAKER,
    MONITOR,
    PULL,
    RATE_LIMITED,
    failed,
    finished,
    fleet,
    open_step,
    put,
    rollout,
    seen,
)
from tests.db.records import NOW, step

STAMP = "2026-05-04T03:02:01.123456Z"
ROLLOUT = "rollouts/default/ran-r1"


async def body(ask: Ask, path: str, **query: Any) -> Any:
    answer = await ask("bob", f"{ROLLOUT}/{path}", **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_grid_of_the_newest_step(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    found = await body(ask, "grid")
    assert found == {
        "step": 2,
        "seq": 5,
        "clusters": ["a", "b", "g"],
        "states": ["rebooting", "waiting", "waiting"],
        "reasons": ["Rebooting", "WaitingForSlot", "ClaimedByOther"],
        "causes": [None, None, None],
        "failures": [None, None, None],
        "since": [STAMP] * 3,
        "stalled": [False] * 3,
        "overdue": [True, False, True],
        "warned": [False] * 3,
        "rollback": [False] * 3,
    }
    GridBody.model_validate(found)


ADOPTING = Reason(ReasonKind.ADOPTING, NOW, "TALM's objects go first", None, ActingParty.IBGU)


@pytest.mark.parametrize("hold", [None, CIRCUIT_BREAKER, RATE_LIMITED, ADOPTING])
async def test_overdue_members_are_counted_alike_on_every_route(
    ask: Ask, journal: Journal, hold: Reason | None
) -> None:
    """The reason that counts decides: b waits for a slot, or for what holds the step since May."""
    await fleet(journal, hold=hold)
    late = hold is ADOPTING
    members = (await body(ask, "members", step=2))["items"]
    assert [each["reason"]["overdue"] is not None for each in members] == [True, late, True]
    assert (await body(ask, "grid"))["overdue"] == [True, late, True]
    _, upgrade, _ = (await body(ask, "steps"))["items"]
    assert sum(each["overdue"] for each in upgrade["reasons"]) == 2 + late
    needs = (await ask("bob", "rollouts", needsPerson=True)).json()["needsPerson"]
    assert {each["kind"]: each["members"] for each in needs} == {
        "Rebooting": 1,
        "ClaimedByOther": 1,
        **(
            {"TakingOverFromTalm": 0}
            if late
            else {"CircuitBreaker": 0}
            if hold is CIRCUIT_BREAKER
            else {}
        ),
    }


async def test_the_grid_of_an_older_step_with_its_failures(ask: Ask, journal: Journal) -> None:
    await fleet(journal, hold=CIRCUIT_BREAKER)
    found = await body(ask, "grid", step=1)
    assert found["states"] == ["succeeded"] * 2 + ["failed"] * 3 + ["cancelled"]
    assert found["causes"] == [None, None, *["PrepFailed"] * 3, "Cancelled"]
    assert found["failures"] == [None, None, "PrecacheFailed", "PrecacheFailed", None, None]
    assert found["reasons"] == [None] * 6
    held = await body(ask, "grid")
    assert held["states"] == ["rebooting", "held", "waiting"]
    assert held["reasons"] == ["Rebooting", "CircuitBreaker", "ClaimedByOther"]


async def test_grid_and_members_agree(ask: Ask, journal: Journal) -> None:
    await fleet(journal, hold=CIRCUIT_BREAKER)
    found = await body(ask, "grid")
    members = (await body(ask, "members", step=2))["items"]
    assert found["clusters"] == [each["cluster"] for each in members]
    assert found["reasons"] == [each["reason"]["kind"] for each in members]
    assert found["since"] == [each["reason"]["since"] for each in members]


async def test_before_the_first_step(ask: Ask, journal: Journal) -> None:
    await seen(journal, rollout())
    grid = await body(ask, "grid")
    assert (grid["step"], grid["seq"], grid["clusters"]) == (None, 1, [])
    assert await body(ask, "timeline") == {"step": None, "slots": None, "points": []}
    assert (await body(ask, "timeline", step=2))["step"] is None


async def test_the_timeline_of_a_finished_step(ask: Ask, journal: Journal) -> None:
    one = rollout()
    await seen(journal, one)

    def after(minutes: int) -> Any:
        return NOW + timedelta(minutes=minutes)

    prep = await open_step(
        journal, step(one, 0, Action.PREP, state=StepState.FINISHED, finished_at=after(40))
    )
    early = {"started_at": after(1), "ended_at": after(9)}
    await put(
        journal,
        finished(prep, "a", 0, Outcome.SUCCEEDED, **early),
        failed(prep, "b", 1, PULL, **early),
        failed(prep, "c", 2, MONITOR, started_at=after(11), ended_at=after(40)),
        finished(prep, "d", 3, Outcome.SKIPPED, cause=Cause.SKIPPED, ended_at=after(25)),
    )
    found = await body(ask, "timeline", step=1, points=5)
    assert (found["step"], found["slots"]) == (1, 2)
    told = [(each["succeeded"], each["failed"], each["inFlight"]) for each in found["points"]]
    assert told == [(0, 0, 0), (1, 1, 0), (1, 1, 1), (1, 1, 1), (1, 2, 0)]
    assert [each["at"][14:16] for each in found["points"]] == ["02", "12", "22", "32", "42"]
    TimelineBody.model_validate(found)


async def test_the_timeline_of_a_running_step_goes_to_now(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    found = await body(ask, "timeline")
    assert len(found["points"]) == 200
    assert found["points"][-1]["inFlight"] == 1
    assert found["points"][-1]["at"] > STAMP
