"""The log of what was decided."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from ibgu.controller.reports import decision_log
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import FleetState
from ibgu.core.model import (
    Cause,
    Decision,
    Kind,
    MemberState,
    OnMember,
    OnRollout,
    OnStep,
    Outcome,
    RunResult,
    RunState,
)
from tests.core.engine.state.records import failed, in_flight, member, rollout, run, step, world_of

WORLD = world_of(rollout(), [step("Upgrade")], [in_flight()])
ENDED = run(
    Action.UPGRADE, state=RunState.ENDED, result=RunResult.LIMIT, cause=Cause.TIMED_OUT, attempt=2
)


def written(*decisions: Decision, fleet: FleetState = WORLD) -> list[dict[str, Any]]:
    with capture_logs() as lines:
        decision_log.write(decisions, fleet)
    return [dict(line) for line in lines]


def test_a_run_is_found_by_rollout_cluster_and_action() -> None:
    found = in_flight("site-1", run=ENDED)
    assert written(OnMember(Kind.RUN_ENDED, found, "took too long", Cause.TIMED_OUT)) == [
        {
            "event": "RunEnded",
            "log_level": "info",
            "rollout": "fleet/a",
            "step": 1,
            "cluster": "site-1",
            "action": "Upgrade",
            "run": "run-1",
            "attempt": 2,
            "result": "limit",
            "cause": "TimedOut",
            "why": "took too long",
        }
    ]


def test_values_are_bare_words() -> None:
    [line] = written(OnMember(Kind.RUN_ENDED, in_flight("site-1", run=ENDED), "too long"))
    assert {type(value) for value in line.values()} == {str, int}


def test_a_start_has_no_result() -> None:
    [line] = written(OnMember(Kind.RUN_INTENDED, in_flight(), "a slot is free"))
    assert (line["action"], line["run"]) == ("Prep", "run-site-1")
    assert not {"result", "cause"} & set(line)


def test_a_member_that_has_failed() -> None:
    [line] = written(OnMember(Kind.FINISHED, failed("site-2"), "rolled back"))
    assert line["log_level"] == "warning"
    assert (line["outcome"], line["cause"]) == ("failed", "UpgradeFailed")


def test_a_line_names_the_actor() -> None:
    [line] = written(OnRollout(Kind.CONTROL, rollout(), "resumed", actor="alice"))
    assert (line["rollout"], line["by"]) == ("fleet/a", "alice")


def test_steps_are_counted_from_one() -> None:
    [line] = written(OnStep(Kind.STEP_FINISHED, step("Upgrade"), "all have ended"))
    assert (line["rollout"], line["step"]) == ("fleet/a", 1)


@pytest.mark.parametrize("kind", [Kind.WAITS, Kind.PROBED, Kind.RUN_PROGRESS, Kind.RUN_ARMED])
def test_small_steps_are_for_the_history_alone(kind: Kind) -> None:
    assert written(OnMember(kind, in_flight(), "goes on")) == []


def test_a_rollout_that_is_gone_is_known_by_its_uid() -> None:
    found = member("site-1", state=MemberState.FINISHED, outcome=Outcome.CANCELLED)
    [line] = written(OnMember(Kind.FINISHED, found, "deleted"), fleet=FleetState())
    assert line["rollout"] == "uid-a"
