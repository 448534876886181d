"""The whole status: phase, counts, times, and only fields that the hub's CRD serves."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Cause, MemberState, Outcome, ReasonKind, RolloutState, StepState
from ibgu.core.model.kinds import Condition
from ibgu.core.views.status import held_status, phase_of, status_of, summary_of
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.state.records import (
    NOW,
    book_of,
    done,
    failed,
    in_flight,
    member,
    reason,
    rollout,
    spec,
    step,
)
from tests.core.views.status.listed import plain

OURS = frozenset({"phase", "summary", "hidden"})


def status(tracked: Any, served: frozenset[str] = OURS) -> Any:
    return plain(status_of(tracked, PayloadState(), [], served, NOW))


def finished(cluster: str, outcome: Outcome, cause: Cause) -> Any:
    return member(cluster, state=MemberState.FINISHED, outcome=outcome, cause=cause)


def test_the_summary_counts_the_clusters_of_the_whole_rollout() -> None:
    members = [
        done("site-1", Action.PREP),
        failed("site-1", step=1),
        finished("site-2", Outcome.CANCELLED, Cause.CANCELLED),
        finished("site-3", Outcome.SKIPPED, Cause.SKIPPED),
        in_flight("site-4"),
        member("site-5"),
        member("site-6"),
        done("site-7", Action.UPGRADE),
    ]
    members = [members[0], *(_second(m) for m in members[1:]), failed("site-8")]
    tracked = book_of(rollout(), [step(), step(index=1, total=7)], members)
    assert summary_of(tracked) == {
        "step": 2,
        "stepTotal": 7,
        "total": 8,
        "waiting": 2,
        "running": 1,
        "succeeded": 1,
        "failed": 2,
        "skipped": 1,
        "cancelled": 1,
    }


def _second(found: Any) -> Any:
    return replace(found, step=1)


def test_there_is_no_summary_before_the_first_step() -> None:
    assert summary_of(book_of(rollout())) is None
    assert status(book_of(rollout()))["summary"] is None


@pytest.mark.parametrize(
    ("found", "steps", "phase"),
    [
        (rollout(state=RolloutState.PENDING), [], "Pending"),
        (rollout(), [step()], "Running"),
        (rollout(state=RolloutState.COMPLETE), [step(state=StepState.FINISHED)], "Completed"),
        (rollout(hold=reason(ReasonKind.INVALID_PLAN)), [step()], "Invalid"),
        (rollout(hold=reason(ReasonKind.TALM)), [step()], "Held"),
        (rollout(hold=reason(ReasonKind.ADOPTION), state=RolloutState.PENDING), [], "Held"),
        (rollout(), [step(hold=reason(ReasonKind.CIRCUIT_BREAKER))], "Held"),
        (
            rollout(state=RolloutState.COMPLETE, spec=spec("Prep", "Upgrade")),
            [step(state=StepState.FINISHED)],
            "Running",
        ),
        (
            rollout(state=RolloutState.DELETED),
            [step(hold=reason(ReasonKind.CIRCUIT_BREAKER))],
            "Deleted",
        ),
    ],
    ids=[
        *(
            "pending",
            "running",
            "complete",
            "invalid",
            "talm",
            "adoption",
            "circuit breaker",
            "appended",
        ),
        "deleted",
    ],
)
def test_the_phase_follows_from_state_and_holds(found: Any, steps: list[Any], phase: str) -> None:
    tracked = book_of(found, steps)
    assert phase_of(tracked.rollout, tracked.newest, tracked.counts) == phase


@pytest.mark.parametrize(
    ("members", "phase"),
    [
        ([failed("site-1"), done("site-2")], "CompletedWithFailures"),
        ([failed("site-1", late="completed late, after 47 min"), done("site-2")], "Completed"),
        ([finished("site-1", Outcome.CANCELLED, Cause.CANCELLED)], "Completed"),
        ([finished("site-1", Outcome.SKIPPED, Cause.SKIPPED)], "Completed"),
    ],
    ids=["failed", "completed late", "cancelled", "skipped"],
)
def test_a_complete_rollout_says_whether_a_cluster_has_failed(
    members: list[Any], phase: str
) -> None:
    complete = rollout(state=RolloutState.COMPLETE)
    assert status(book_of(complete, [step(state=StepState.FINISHED)], members))["phase"] == phase


def test_only_served_fields_are_sent() -> None:
    """An unknown one would reject the whole apply."""
    tracked = book_of(rollout(), [step()], [member()])
    talms = {"observedGeneration", "startedAt", "completedAt", "conditions", "clusters"}
    assert set(status(tracked, frozenset())) == talms
    assert set(status(tracked, frozenset({"phase"}))) == talms | {"phase"}
    assert set(status(tracked)) == talms | OURS


def test_the_counts_move_into_the_message_where_they_have_no_field() -> None:
    tracked = book_of(rollout(spec=spec("Prep")), [step(total=1)], [member()])
    told = [status(tracked, served)["conditions"][0]["message"] for served in (OURS, frozenset())]
    words = "Waiting for plan step 0 to be completed"
    assert told == [words, f"{words} (0 of 1 clusters done)"]


def test_times_are_set_and_the_end_is_cleared_by_an_append() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=5)
    found = status(engine.tracked(uid))
    assert found["startedAt"] == "2026-01-01T00:00:00Z"
    assert found["completedAt"] == "2026-01-01T00:01:01Z"
    engine.append(uid, "Upgrade")
    engine.settle()
    assert status(engine.tracked(uid))["startedAt"] == "2026-01-01T00:00:00Z"
    assert status(engine.tracked(uid))["completedAt"] is None


def test_a_step_that_is_appended_behind_a_hold_ends_the_completion_too() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=5)
    engine.adoption.add(uid)
    engine.append(uid, "Upgrade")
    engine.settle()
    found = status(engine.tracked(uid))
    assert found["completedAt"] is None
    assert found["observedGeneration"] == 2
    assert [c["type"] for c in found["conditions"]] == ["Progressing", "Held"]
    assert found["conditions"][0]["status"] == "True"


def test_the_same_state_gives_the_same_status_at_any_time() -> None:
    """Every look would otherwise be a write."""
    engine = InMemoryEngine("site-1", "site-2")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=30)
    first = status(engine.tracked(uid))
    (shown,) = first["conditions"]
    before = Condition(
        type=shown["type"],
        status=shown["status"],
        last_transition_time=shown["lastTransitionTime"],
    )
    later = NOW + timedelta(hours=1)
    assert plain(status_of(engine.tracked(uid), PayloadState(), [before], OURS, later)) == first


def test_talms_clusters_stay_until_they_are_taken_over() -> None:
    waiting = reason(ReasonKind.ADOPTION)
    assert "clusters" not in status(book_of(rollout(hold=waiting)))
    assert status(book_of(rollout(hold=reason(ReasonKind.ADOPTING))))["clusters"] == []
    assert status(book_of(rollout(hold=waiting), [step("Prep")]))["clusters"] == []


@pytest.mark.parametrize("served", [OURS, frozenset()])
def test_only_the_hold_of_a_quarantined_rollout_is_written(served: frozenset[str]) -> None:
    """All else is what the hub shows: it may tell more than the journal."""
    held = rollout(hold=reason(ReasonKind.INTERNAL_ERROR, "a bug"))
    shown = [
        Condition("Progressing", "False", "Completed", "All plan steps are completed", 1, "then"),
        Condition("Held", "True", "Paused", "by a person", 1, "before"),
    ]
    told = held_status(book_of(held), shown, served, NOW)
    assert set(told) == {"conditions", *(served & {"phase"})}
    assert told.get("phase", "Held") == "Held"
    kept, hold = told["conditions"]
    assert kept == {
        "type": "Progressing",
        "status": "False",
        "reason": "Completed",
        "message": "All plan steps are completed",
        "observedGeneration": 1,
        "lastTransitionTime": "then",
    }
    assert (hold["type"], hold["status"], hold["reason"]) == ("Held", "True", "InternalError")
    assert (hold["message"], hold["lastTransitionTime"]) == ("a bug", "before")
