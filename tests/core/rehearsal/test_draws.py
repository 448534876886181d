"""Draws follow the odds, runs follow from their seed, and small cases end as they must."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.timing.durations import DurationStats
from ibgu.core.rehearsal.calendar import Calendar
from ibgu.core.rehearsal.model import NEVER, Odds, draw, usual_odds
from ibgu.core.rehearsal.record import RunRecord
from ibgu.core.rehearsal.run import Rehearsal, Run
from ibgu.core.rehearsal.step_end import Held
from tests.core.engine.gates.policies.policy import policy
from tests.core.rehearsal.pair import Case, drawn, plan_of

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ["site-1", "site-2", "site-3"]


def test_durations_and_failures_follow_the_odds() -> None:
    found = draw({Action.PREP: Odds(600, 1200, 0.2)}, 20_000, Random(1).random)[Action.PREP]
    ordered = sorted(found.seconds)
    assert ordered[10_000] == pytest.approx(600, rel=0.02)
    assert ordered[19_000] == pytest.approx(1200, rel=0.03)
    assert sum(found.fails) == pytest.approx(4000, rel=0.05)


def test_odds_are_measured_ones_where_there_are_some() -> None:
    measured = {Action.PREP.value: DurationStats(50, 300.0, 700.0, ())}
    assert usual_odds(Action.PREP.value, measured, 0.1) == Odds(300.0, 700.0, 0.1)
    usual = usual_odds(Action.UPGRADE.value, measured)
    assert 8 * 60 < usual.p50 < usual.p95 == 40 * 60


def test_the_same_seeds_give_the_same_runs() -> None:
    rehearsal = Rehearsal(plan_of(Case(names=NAMES, steps=["Prep"], draws=drawn(NAMES))))
    odds = {Action.PREP.value: Odds(600, 1200)}

    def ends(first: int) -> list[float]:
        runs = rehearsal.runs(odds, lambda number: Random(first + number).random, 5)
        return [run.end for run in runs if run.held is Held.NOT]

    assert ends(1) == ends(1)
    assert ends(1) != ends(9)
    assert len(set(ends(1))) == 5


def test_a_run_without_steps_has_ended() -> None:
    empty = Run([], RunRecord(0))
    assert (empty.end, empty.held) == (0.0, Held.NOT)


@pytest.mark.parametrize(
    "spec",
    [
        {"windows": [{"cron": "0 1 29 2 *", "durationMinutes": 60, "timeZone": "UTC"}]},
        {"freezes": [{"from": "2020-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z"}]},
        {"windows": [{"cron": "0 1 * * *", "durationMinutes": 60}]},
    ],
)
def test_windows_that_open_in_years_never_open(spec: dict[str, Any]) -> None:
    assert Calendar(policy(**spec).spec, None, timedelta(), BEGIN).opens(0) == NEVER


def test_a_freeze_inside_a_window_cuts_it() -> None:
    spec = policy(
        windows=[{"cron": "0 0 * * *", "durationMinutes": 240, "timeZone": "UTC"}],
        freezes=[{"from": "2026-03-01T01:00:00Z", "until": "2026-03-01T02:00:00Z"}],
        fit=True,
    ).spec
    calendar = Calendar(spec, None, timedelta(hours=1), BEGIN)
    asked = [0.0, 3599.0, 3600.0, 3 * 3600.0, 3 * 3600.0 + 1]
    assert [calendar.opens(each) for each in asked] == [
        0.0, 3599.0, 7200.0, 3 * 3600.0, 24 * 3600.0,
    ]  # fmt: skip
