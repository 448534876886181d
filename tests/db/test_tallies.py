"""What was counted is not counted again: never once a step is over, once a second while it runs."""

from msgspec.structs import replace

from ibgu.core.model import Step, StepState
from ibgu.db.reads.tallies import FRESH_SECONDS, LARGE, Tallies
from ibgu.db.views import Counts, StepRow
from tests.db.records import NOW, rollout, step


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def row(of: Step) -> StepRow:
    return StepRow(of, Counts(total=of.total, waiting=of.total), NOW)


def test_a_large_step_that_runs_is_counted_once_a_second() -> None:
    clock = Clock()
    tallies = Tallies(clock)
    large = step(rollout(), total=LARGE)
    counted = row(large)
    assert tallies.shared(large)
    assert tallies.recent(large) is None
    tallies.remember(counted)
    assert tallies.recent(large) is counted
    assert tallies.recent(replace(large, max_concurrency=9)) is None
    clock.now += FRESH_SECONDS * 1.01
    assert tallies.recent(large) is None


def test_a_small_one_is_counted_for_each() -> None:
    tallies = Tallies(Clock())
    small = step(rollout(), total=LARGE - 1)
    tallies.remember(row(small))
    assert tallies.recent(small) is None


def test_a_step_that_is_over_is_counted_once_if_all_of_it_is_there() -> None:
    tallies = Tallies()
    over = step(rollout(), total=2, state=StepState.FINISHED, finished_at=NOW)
    tallies.learn(over, Counts(total=1, succeeded=1))
    assert tallies.get(over) is None
    tallies.learn(replace(over, state=StepState.RUNNING), Counts(total=2, succeeded=2))
    assert tallies.get(over) is None
    tallies.learn(over, Counts(total=2, succeeded=2))
    assert tallies.get(over) == Counts(total=2, succeeded=2)
