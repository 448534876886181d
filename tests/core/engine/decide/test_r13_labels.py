"""R13: which outcome changes which label, exactly once, and never against someone's change."""

from datetime import timedelta
from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Cause, Kind, Outcome, RunState
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants

PREFIX = "lcm.openshift.io/ibgu-"
STATES: dict[str, tuple[Stage, ...]] = {
    "Prep": (),
    "Upgrade": (Stage.PREP,),
    "FinalizeUpgrade": (Stage.PREP, Stage.UPGRADE),
    "Rollback": (Stage.PREP, Stage.UPGRADE),
    "FinalizeRollback": (Stage.PREP, Stage.UPGRADE, Stage.ROLLBACK),
    "Abort": (Stage.PREP,),
    "AbortOnFailure": (Stage.PREP,),
}
NEEDED = {
    "Upgrade": "prep-completed",
    "FinalizeUpgrade": "upgrade-completed",
    "Rollback": "upgrade-completed",
    "FinalizeRollback": "rollback-completed",
    "AbortOnFailure": "prep-failed",
}


def site(action: str, *labels: str) -> InMemoryEngine:
    """One cluster that the action may start on."""
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    for stage in STATES[action]:
        engine.spokes["site-1"].to(stage)
    found = [*labels, *([NEEDED[action]] if action in NEEDED else [])]
    engine.labels["site-1"] = {f"{PREFIX}{label}": "" for label in found}
    return engine


def labels(engine: InMemoryEngine, name: str = "site-1") -> set[str]:
    return {key.removeprefix(PREFIX) for key in engine.labels[name]}


def member(engine: InMemoryEngine) -> Any:
    return engine.member("uid-a", 0, "site-1")


@pytest.mark.parametrize("action", ["Prep", "Upgrade", "Rollback"])
def test_success_labels_the_action_and_takes_its_failure_away(action: str) -> None:
    name = action.lower()
    engine = site(action, f"{name}-failed")
    before = labels(engine)
    engine.apply(ibgu("a", action))
    engine.wait(hours=1)
    assert labels(engine) == before - {f"{name}-failed"} | {f"{name}-completed"}
    assert sorted(engine.patched) == [
        ("site-1", f"{PREFIX}{name}-completed", ""),
        ("site-1", f"{PREFIX}{name}-failed", None),
    ]


@pytest.mark.parametrize(
    "action", ["Abort", "AbortOnFailure", "FinalizeUpgrade", "FinalizeRollback"]
)
def test_success_of_what_brings_idle_clears_all_ibgu_labels(action: str) -> None:
    engine = site(action, "prep-completed", "upgrade-failed")
    engine.labels["site-1"]["site"] = "north"
    engine.apply(ibgu("a", action))
    engine.wait(hours=1)
    assert member(engine).outcome is Outcome.SUCCEEDED
    assert engine.labels["site-1"] == {"site": "north"}


@pytest.mark.parametrize("action", [action.value for action in Action])
def test_failure_adds_the_failed_label_and_leaves_the_others(action: str) -> None:
    engine = site(action)
    before = labels(engine)
    engine.spokes["site-1"].faults[Action(action).stage] = "fail"
    engine.apply(ibgu("a", action))
    engine.wait(hours=1)
    assert member(engine).outcome is Outcome.FAILED
    assert labels(engine) == before | {f"{action.lower()}-failed"}


def test_the_limit_is_a_failure() -> None:
    engine = site("Prep")
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    engine.apply(ibgu("a", "Prep", timeout=20))
    engine.wait(hours=1)
    assert member(engine).cause is Cause.TIMED_OUT
    assert labels(engine) == {"prep-failed"}


def test_a_final_refusal_is_a_failure() -> None:
    engine = site("Prep")
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_ARMING)
    engine.spokes["site-1"].to(Stage.PREP)
    engine.spokes["site-1"].to(Stage.UPGRADE)
    engine.wait(minutes=5)
    assert member(engine).cause is Cause.TRANSITION_REFUSED
    assert labels(engine) == {"prep-failed"}


def test_an_aim_that_was_reached_already_is_labelled_as_success() -> None:
    engine = site("Upgrade")
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    assert labels(engine) == {"prep-completed"}


def _refused_at_the_look(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].to(Stage.PREP, ("quay.io/other:1", "4.17.0"))
    engine.apply(ibgu("a", "Prep"))


def _never_started(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].dark = True
    engine.apply(ibgu("a", "Prep", timeout=20))


def _withdrawn(engine: InMemoryEngine) -> None:
    engine.apply(ibgu("a", "Prep", timeout=20))
    engine.until(Kind.RUN_ARMING)
    engine.spokes["site-1"].dark = True


def _preempted(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].faults = {Stage.PREP: "hang", Stage.IDLE: "hang"}
    engine.apply(ibgu("a", "Prep", age=10))
    engine.wait(seconds=30)
    engine.apply(ibgu("b", "Abort"))


def _cancelled(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].dark = True
    engine.apply(ibgu("a", "Prep", age=10))
    engine.wait(seconds=30)
    engine.apply(ibgu("b", "Abort"))


def _taken_over(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=2)
    engine.spokes["site-1"].ask(Stage.IDLE, "", ("", ""))


def _skipped(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].dark = True
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    engine.annotate("uid-a", skip="site-1")


def _payload_refused(engine: InMemoryEngine) -> None:
    engine.payload = PayloadState(digest="digest")
    engine.bad_payload = "namespaces oadp not found"
    engine.apply(ibgu("a", "Prep"))


def _recreated(engine: InMemoryEngine) -> None:
    engine.apply(ibgu("a", "Prep"))
    engine.wait(seconds=30)
    engine.spokes["site-1"].uid = "uid-again"
    engine.touch_cluster("site-1")


def _deleted(engine: InMemoryEngine) -> None:
    engine.apply(ibgu("a", "Prep"))
    engine.wait(seconds=30)
    engine.delete("uid-a")


@pytest.mark.parametrize(
    ("happens", "cause"),
    [
        (_refused_at_the_look, Cause.WRONG_STATE),
        (_never_started, Cause.NEVER_STARTED),
        (_withdrawn, Cause.NEVER_STARTED),
        (_preempted, Cause.PREEMPTED),
        (_cancelled, Cause.CANCELLED),
        (_taken_over, Cause.TAKEN_OVER),
        (_skipped, Cause.SKIPPED),
        (_payload_refused, Cause.PAYLOAD_REFUSED),
        (_recreated, Cause.RECREATED),
        (_deleted, Cause.DELETED),
    ],
)
def test_outcomes_not_caused_by_the_cluster_change_no_label(happens: Any, cause: Cause) -> None:
    engine = site("Prep")
    happens(engine)
    engine.wait(minutes=40)
    assert member(engine).cause is cause
    assert engine.patched == []


def test_a_label_that_stands_already_is_not_written() -> None:
    engine = site("Upgrade", "upgrade-completed")
    engine.apply(ibgu("a", "Upgrade"))
    engine.wait(hours=1)
    assert engine.patched == []


def test_only_an_armed_run_gives_a_failed_label() -> None:
    """The limit ends a run that waits for its payload: nothing was done to the cluster."""
    engine = site("Prep")
    engine.payload = PayloadState(digest="digest")
    engine.apply(ibgu("a", "Prep", timeout=20))
    while not engine.loading:
        engine.step()
    engine.stalled = engine.now + timedelta(hours=1)
    engine.wait(minutes=30)
    run = member(engine).run
    assert (run.state, run.armed_at) == (RunState.ENDED, None)
    assert member(engine).cause is Cause.TIMED_OUT
    assert engine.patched == []
