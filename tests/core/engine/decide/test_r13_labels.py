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
    twin = InMemoryEngine("site-1")
    Invariants(twin)
    for stage in STATES[action]:
        twin.spokes["site-1"].to(stage)
    found = [*labels, *([NEEDED[action]] if action in NEEDED else [])]
    twin.labels["site-1"] = {f"{PREFIX}{label}": "" for label in found}
    return twin


def labels(twin: InMemoryEngine, name: str = "site-1") -> set[str]:
    return {key.removeprefix(PREFIX) for key in twin.labels[name]}


def member(twin: InMemoryEngine) -> Any:
    return twin.member("uid-a", 0, "site-1")


@pytest.mark.parametrize("action", ["Prep", "Upgrade", "Rollback"])
def test_success_labels_the_action_and_takes_its_failure_away(action: str) -> None:
    name = action.lower()
    twin = site(action, f"{name}-failed")
    before = labels(twin)
    twin.apply(ibgu("a", action))
    twin.wait(hours=1)
    assert labels(twin) == before - {f"{name}-failed"} | {f"{name}-completed"}
    assert sorted(twin.patched) == [
        ("site-1", f"{PREFIX}{name}-completed", ""),
        ("site-1", f"{PREFIX}{name}-failed", None),
    ]


@pytest.mark.parametrize(
    "action", ["Abort", "AbortOnFailure", "FinalizeUpgrade", "FinalizeRollback"]
)
def test_success_of_what_brings_idle_clears_all_ibgu_labels(action: str) -> None:
    twin = site(action, "prep-completed", "upgrade-failed")
    twin.labels["site-1"]["site"] = "north"
    twin.apply(ibgu("a", action))
    twin.wait(hours=1)
    assert member(twin).outcome is Outcome.SUCCEEDED
    assert twin.labels["site-1"] == {"site": "north"}


@pytest.mark.parametrize("action", [action.value for action in Action])
def test_failure_adds_the_failed_label_and_leaves_the_others(action: str) -> None:
    twin = site(action)
    before = labels(twin)
    twin.spokes["site-1"].faults[Action(action).stage] = "fail"
    twin.apply(ibgu("a", action))
    twin.wait(hours=1)
    assert member(twin).outcome is Outcome.FAILED
    assert labels(twin) == before | {f"{action.lower()}-failed"}


def test_the_limit_is_a_failure() -> None:
    twin = site("Prep")
    twin.spokes["site-1"].faults[Stage.PREP] = "hang"
    twin.apply(ibgu("a", "Prep", timeout=20))
    twin.wait(hours=1)
    assert member(twin).cause is Cause.TIMED_OUT
    assert labels(twin) == {"prep-failed"}


def test_a_final_refusal_is_a_failure() -> None:
    twin = site("Prep")
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_ARMING)
    twin.spokes["site-1"].to(Stage.PREP)
    twin.spokes["site-1"].to(Stage.UPGRADE)
    twin.wait(minutes=5)
    assert member(twin).cause is Cause.TRANSITION_REFUSED
    assert labels(twin) == {"prep-failed"}


def test_an_aim_that_was_reached_already_is_labelled_as_success() -> None:
    twin = site("Upgrade")
    twin.apply(ibgu("a", "Prep"))
    twin.settle()
    assert labels(twin) == {"prep-completed"}


def _refused_at_the_look(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].to(Stage.PREP, ("quay.io/other:1", "4.17.0"))
    twin.apply(ibgu("a", "Prep"))


def _never_started(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].dark = True
    twin.apply(ibgu("a", "Prep", timeout=20))


def _withdrawn(twin: InMemoryEngine) -> None:
    twin.apply(ibgu("a", "Prep", timeout=20))
    twin.until(Kind.RUN_ARMING)
    twin.spokes["site-1"].dark = True


def _preempted(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].faults = {Stage.PREP: "hang", Stage.IDLE: "hang"}
    twin.apply(ibgu("a", "Prep", age=10))
    twin.wait(seconds=30)
    twin.apply(ibgu("b", "Abort"))


def _cancelled(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].dark = True
    twin.apply(ibgu("a", "Prep", age=10))
    twin.wait(seconds=30)
    twin.apply(ibgu("b", "Abort"))


def _taken_over(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].faults[Stage.PREP] = "slow"
    twin.apply(ibgu("a", "Prep"))
    twin.wait(minutes=2)
    twin.spokes["site-1"].ask(Stage.IDLE, "", ("", ""))


def _skipped(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].dark = True
    twin.apply(ibgu("a", "Prep"))
    twin.settle()
    twin.annotate("uid-a", skip="site-1")


def _payload_refused(twin: InMemoryEngine) -> None:
    twin.payload = PayloadState(digest="digest")
    twin.bad_payload = "namespaces oadp not found"
    twin.apply(ibgu("a", "Prep"))


def _recreated(twin: InMemoryEngine) -> None:
    twin.apply(ibgu("a", "Prep"))
    twin.wait(seconds=30)
    twin.spokes["site-1"].uid = "uid-again"
    twin.touch_cluster("site-1")


def _deleted(twin: InMemoryEngine) -> None:
    twin.apply(ibgu("a", "Prep"))
    twin.wait(seconds=30)
    twin.delete("uid-a")


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
    twin = site("Prep")
    happens(twin)
    twin.wait(minutes=40)
    assert member(twin).cause is cause
    assert twin.patched == []


def test_a_label_that_stands_already_is_not_written() -> None:
    twin = site("Upgrade", "upgrade-completed")
    twin.apply(ibgu("a", "Upgrade"))
    twin.wait(hours=1)
    assert twin.patched == []


def test_only_an_armed_run_gives_a_failed_label() -> None:
    """The limit ends a run that waits for its payload: nothing was done to the cluster."""
    twin = site("Prep")
    twin.payload = PayloadState(digest="digest")
    twin.apply(ibgu("a", "Prep", timeout=20))
    while not twin.loading:
        twin.step()
    twin.stalled = twin.now + timedelta(hours=1)
    twin.wait(minutes=30)
    run = member(twin).run
    assert (run.state, run.armed_at) == (RunState.ENDED, None)
    assert member(twin).cause is Cause.TIMED_OUT
    assert twin.patched == []
