"""The status and the works, read back."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import Raw
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.works.trace import traces_of
from ibgu.core.model import RunResult, StepState
from ibgu.core.model.kinds import ManagedFields
from ibgu.core.recover import find
from ibgu.core.recover.former_status import (
    FormerStatus,
    StatusAction,
    StatusEntry,
    read_status,
)
from ibgu.core.recover.placing import StepPart, place, step_of
from ibgu.core.views.status import summary_of
from tests.core.engine.state import records
from tests.core.recover.objects import cluster, completed, entry, obj, work

TALM = ManagedFields(manager="manager", operation="Update", subresource="status")
SPEC = ManagedFields(manager="ibgu", operation="Update")
STARTED = {"startedAt": "2026-01-01T10:00:00Z"}
AT = datetime(2026, 1, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "by", "begun"),
    [
        ({}, SPEC, False),
        (STARTED, SPEC, False),  # nobody can tell who wrote it
        (STARTED, TALM, False),  # adoption's matter
        ({"clusters": [entry("site-1")]}, TALM, False),
        (completed(), TALM, True),  # no matter who completed it, it must not be run again
        (completed(observedGeneration=0), TALM, True),
    ],
)
def test_a_status_shows_whether_the_rollout_has_begun(
    status: Any, by: ManagedFields, *, begun: bool
) -> None:
    assert read_status(obj(status=status, by=by)).begun == begun


@pytest.mark.parametrize(
    ("status", "begun"),
    [({}, False), (STARTED, True), ({"clusters": [entry("site-1")]}, True), (completed(), True)],
)
def test_a_status_of_ibgu_shows_whether_the_rollout_has_begun(status: Any, *, begun: bool) -> None:
    assert read_status(obj(status=status)).begun == begun


def test_a_step_appended_since_is_no_part_of_what_was_completed() -> None:
    assert not read_status(obj("Prep", "Upgrade", generation=2, status=completed())).complete


@pytest.mark.parametrize(
    ("summary", "steps"),
    [
        ({}, 0),
        ({"step": 1, "stepTotal": 3}, 1),
        ({"step": 2, "stepTotal": 3}, 2),
        ({"step": 2, "stepTotal": 0}, 1),  # it opens, and nobody belongs to it yet
    ],
)
def test_steps_that_have_members(summary: dict[str, int], steps: int) -> None:
    assert read_status(obj(status={"summary": summary})).steps == steps


def test_a_step_that_opens_has_no_members_whatever_the_rollout_counts() -> None:
    """The counts are of the whole rollout: the second step would come back as one that runs."""
    plan = records.rollout(spec=records.spec("Prep", "Upgrade"))
    prepared = records.step(total=1, state=StepState.FINISHED)
    opening = records.step(index=1, state=StepState.OPENING, total=0)
    tracked = records.book_of(plan, [prepared, opening], [records.done("site-1", Action.PREP)])
    summary = summary_of(tracked)
    assert summary is not None
    assert (summary["step"], summary["total"]) == (2, 1)
    assert read_status(obj(status={"summary": summary})).steps == 1


@pytest.mark.parametrize("raw", [b'{"startedAt": 7}', b'{"clusters": "none"}', b"[]"])
def test_a_status_that_cannot_be_read_says_nothing(raw: bytes) -> None:
    assert read_status(replace(obj(), status=Raw(raw))) == FormerStatus()


def test_invalid_times_are_ignored() -> None:
    found = read_status(
        obj(status={"startedAt": "9999-12-31T23:59:59-15:00", "completedAt": "soon"})
    )
    assert (found.started_at, found.completed_at, found.begun) == (None, None, False)


def test_an_entry_with_an_impossible_cluster_name_is_ignored() -> None:
    """A key of the journal takes no text of any length."""
    found = read_status(obj(status={"clusters": [entry("a" * 253), entry("a" * 254)]}))
    assert list(found.clusters) == ["a" * 253]


PLAN = [
    (Action.PREP,),
    (Action.ABORT_ON_FAILURE,),
    (Action.UPGRADE,),
    (Action.ABORT_ON_FAILURE,),
]
CHAIN = [(Action.PREP, Action.UPGRADE), (Action.FINALIZE_UPGRADE,)]
CLEAN_UP = [(Action.ABORT_ON_FAILURE,)]
"""The plan for clusters that have failed in another rollout."""


def done(*names: str) -> tuple[StatusAction, ...]:
    return tuple(StatusAction(name) for name in names)


@pytest.mark.parametrize(
    ("plan", "given", "parts"),
    [
        (PLAN, entry("a"), {}),
        (PLAN, entry("a", "Prep"), {0: StepPart(done("Prep"))}),
        (PLAN, entry("a", current="Prep"), {0: StepPart(current=StatusAction("Prep"))}),
        (
            PLAN,
            entry("a", "Prep", "Upgrade"),
            {0: StepPart(done("Prep")), 2: StepPart(done("Upgrade"))},
        ),
        (
            PLAN,
            entry("a", "AbortOnFailure", failed={"Prep": "words"}),
            {
                0: StepPart(failed=StatusAction("Prep", "words")),
                1: StepPart(done("AbortOnFailure")),
            },
        ),
        (
            PLAN,
            entry("a", "Prep", "AbortOnFailure", failed={"Upgrade": ""}),
            {
                0: StepPart(done("Prep")),
                2: StepPart(failed=StatusAction("Upgrade")),
                3: StepPart(done("AbortOnFailure")),
            },
        ),
        (
            CHAIN,
            entry("a", "Prep", current="Upgrade"),
            {0: StepPart(done("Prep"), current=StatusAction("Upgrade"))},
        ),
        (
            CHAIN,
            entry("a", "Prep", failed={"Upgrade": ""}),
            {0: StepPart(done("Prep"), StatusAction("Upgrade"))},
        ),
        (
            CHAIN,
            entry("a", "Prep", "Upgrade", current="FinalizeUpgrade"),
            {
                0: StepPart(done("Prep", "Upgrade")),
                1: StepPart(current=StatusAction("FinalizeUpgrade")),
            },
        ),
        (CHAIN, entry("a", "Dance"), {}),
        (
            PLAN,
            entry("a", current="AbortOnFailure", failed={"Prep": ""}),
            {
                0: StepPart(failed=StatusAction("Prep")),
                1: StepPart(current=StatusAction("AbortOnFailure")),
            },
        ),
        (
            PLAN,
            entry("a", "Prep", current="AbortOnFailure", failed={"Upgrade": ""}),
            {
                0: StepPart(done("Prep")),
                2: StepPart(failed=StatusAction("Upgrade")),
                3: StepPart(current=StatusAction("AbortOnFailure")),
            },
        ),
        (CLEAN_UP, entry("a", "AbortOnFailure"), {0: StepPart(done("AbortOnFailure"))}),
        (
            CLEAN_UP,
            entry("a", failed={"AbortOnFailure": "words"}),
            {0: StepPart(failed=StatusAction("AbortOnFailure", "words"))},
        ),
        (
            CLEAN_UP,
            entry("a", current="AbortOnFailure"),
            {0: StepPart(current=StatusAction("AbortOnFailure"))},
        ),
    ],
)
def test_actions_of_an_entry_are_assigned_to_steps(
    plan: Any, given: Any, parts: dict[int, StepPart]
) -> None:
    (found,) = read_status(obj(status={"clusters": [given]})).clusters.values()
    assert isinstance(found, StatusEntry)
    assert place(plan, found) == parts


@pytest.mark.parametrize(
    ("action", "started", "index"),
    [
        (Action.PREP, 1, 0),
        (Action.PREP, 0, 0),  # the status was not written yet
        (Action.ABORT_ON_FAILURE, 2, 1),
        (Action.ABORT_ON_FAILURE, 4, 3),
        (Action.UPGRADE, 1, 2),
        (Action.ROLLBACK, 4, None),
    ],
)
def test_the_step_of_the_newest_run(action: Action, started: int, index: int | None) -> None:
    assert step_of(action, PLAN, started) == index


def test_marks_of_a_work() -> None:
    marks = {
        "action": "Upgrade",
        "attempt": "2",
        "started": "2026-01-01T10:00:00Z",
        "limit": "2026-01-01T10:00:00",
        "outcome": "taken over",
    }
    trace = traces_of([work("site-1", **marks)])["site-1"]
    assert (trace.run, trace.action, trace.attempt) == ("run-1", Action.UPGRADE, 2)
    assert (trace.started, trace.limit, trace.outcome) == (AT, None, RunResult.TAKEN_OVER)


@pytest.mark.parametrize("attempt", ["two", "-1", "9" * 10, "9" * 5000])
def test_marks_that_nobody_can_read(attempt: str) -> None:
    marks = {"attempt": attempt, "started": "soon", "outcome": "fine"}
    trace = traces_of([work("site-1", **marks)])["site-1"]
    assert (trace.attempt, trace.started, trace.outcome) == (1, None, None)


def test_works_without_a_run_leave_no_trace() -> None:
    """They were only looked through, or say nothing that can be read."""
    works = [work("site-1", ""), work("site-2", action="Dance"), work("site-3", "r" * 65)]
    assert traces_of(works) == {}


@pytest.mark.parametrize(
    ("echo", "taken"),
    [("run-1 Prep", True), ("run-0 Prep", False), ("run-1 Idle", False), ("", False)],
)
def test_an_echo_of_the_run_proves_acceptance(echo: str, *, taken: bool) -> None:
    assert traces_of([work("site-1", echo=echo)])["site-1"].taken == taken


def test_find_collects_the_plan_and_the_progress() -> None:
    nothing = find(obj("Prep", "Upgrade"), [], cluster)
    assert nothing.plan == [(Action.PREP,), (Action.UPGRADE,)]
    assert not nothing.begun
    assert find(obj(), [work("site-1")], cluster).begun
    assert find(obj("Dance"), [], cluster).plan == []
