"""Spans in which a rollout or a step was held, from its activity."""

from datetime import timedelta

from ibgu.cli.report.holds import actor, holds
from tests.cli.report.samples import entry, later


def test_a_hold_lasts_until_its_release() -> None:
    [hold] = holds(
        [
            entry(40, "RolloutReleased", who="bob", via="cli"),
            entry(10, "RolloutHeld", text="paused by alice", hold="Paused"),
        ]
    )
    assert (hold.since, hold.until, hold.ended_by) == (later(10), later(40), "bob (cli)")
    assert (hold.step, hold.kind, hold.message) == (None, "Paused", "paused by alice")
    assert hold.lasted(later(99)) == timedelta(seconds=30)


def test_another_reason_ends_the_hold_before() -> None:
    found = holds([entry(20, "RolloutHeld", text="two"), entry(10, "RolloutHeld", text="one")])
    assert [(hold.message, hold.until) for hold in found] == [("one", later(20)), ("two", None)]
    assert found[1].lasted(later(50)) == timedelta(seconds=30)


def test_holds_of_steps_and_of_the_rollout_overlap() -> None:
    found = holds(
        [
            entry(40, "StepReleased", step=2),
            entry(30, "RolloutReleased"),
            entry(20, "StepHeld", step=2),
            entry(10, "RolloutHeld"),
        ]
    )
    assert [(hold.step, hold.until) for hold in found] == [(None, later(30)), (2, later(40))]


def test_the_end_of_a_step_ends_only_its_hold() -> None:
    found = holds(
        [
            entry(30, "StepFinished", step=1),
            entry(9, "StepHeld", step=2),
            entry(8, "StepHeld", step=1),
        ]
    )
    assert [(hold.step, hold.until) for hold in found] == [(1, later(30)), (2, None)]


def test_the_end_of_the_rollout_ends_all_holds() -> None:
    found = holds(
        [entry(30, "RolloutDeleted"), entry(9, "StepHeld", step=2), entry(8, "RolloutHeld")]
    )
    assert [hold.until for hold in found] == [later(30), later(30)]


def test_a_release_without_a_hold_and_other_entries_are_no_holds() -> None:
    assert holds([entry(3, "RolloutReleased"), entry(2, "StepStarted", step=1)]) == []


def test_an_actor_is_named_as_far_as_known() -> None:
    assert actor(entry(1, "x", who="alice")) == "alice"
    assert actor(entry(1, "x", via="kubectl-annotate")) == "kubectl-annotate"
    assert actor(entry(1, "x")) == ""
