"""The conditions: TALM's text, holds, warnings, and when they flipped."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Member, Reason, ReasonKind, RolloutState, StepState
from ibgu.core.model.follow_ups import PolicyFollowUp, StepFollowUps
from ibgu.core.model.kinds import Condition
from ibgu.core.model.preflight import FindingSeverity, PreflightRecord, RecordedFinding
from ibgu.core.views.status import hold_of
from ibgu.core.views.status.conditions import conditions
from tests.core.engine.state.records import (
    MINUTE,
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

FINISHED = StepState.FINISHED


def of(
    tracked: TrackedRollout,
    *before: Condition,
    payload: PayloadState | None = None,
    counted: bool = True,
    mistakes: Sequence[str] = (),
) -> dict[str, Any]:
    found = conditions(
        tracked, payload or PayloadState(), before, NOW, counted=counted, mistakes=mistakes
    )
    return {condition["type"]: condition for condition in found}


def ten(
    done_: int = 0, failed_: int = 0, running: int = 0, state: RolloutState = RolloutState.RUNNING
) -> TrackedRollout:
    """Ten clusters of one step; those that are not counted wait."""
    names = [f"site-{n}" for n in range(1, 11)]
    members = [member(name) for name in names]
    members[:done_] = [done(name, Action.PREP) for name in names[:done_]]
    for index in range(done_, done_ + failed_):
        members[index] = failed(names[index])
    for index in range(done_ + failed_, done_ + failed_ + running):
        members[index] = in_flight(names[index], slot=index)
    return book_of(rollout(spec=spec("Prep"), state=state), [step(total=10)], members)


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ((0, 0, 0), " (0 of 10 clusters done)"),
        ((2, 0, 1), " (2 of 10 clusters done)"),
        ((2, 1, 0), " (2 of 10 clusters done, 1 failed)"),
    ],
)
def test_the_counts_follow_only_where_no_field_of_the_status_has_them(
    counts: tuple[int, int, int], told: str
) -> None:
    words = "Waiting for plan step 0 to be completed"
    assert of(ten(*counts))["Progressing"]["message"] == words
    assert of(ten(*counts), counted=False)["Progressing"]["message"] == words + told


def test_a_complete_rollout_has_talms_text() -> None:
    tracked = ten(9, 1, state=RolloutState.COMPLETE)
    words = "All plan steps are completed"
    assert of(tracked)["Progressing"]["message"] == words
    message = of(tracked, counted=False)["Progressing"]["message"]
    assert message == f"{words} (9 of 10 clusters done, 1 failed)"


@pytest.mark.parametrize(
    ("steps", "state", "index"),
    [
        ([], RolloutState.PENDING, 0),
        ([step()], RolloutState.RUNNING, 0),
        ([step(state=FINISHED), step(index=1)], RolloutState.RUNNING, 1),
        ([step(state=FINISHED)], RolloutState.RUNNING, 1),
        ([step(state=FINISHED)], RolloutState.COMPLETE, 1),
    ],
    ids=["not begun", "first", "second", "second held back", "appended and held back"],
)
def test_the_step_that_is_waited_for_counts_from_0(
    steps: list[Any], state: RolloutState, index: int
) -> None:
    found = rollout(spec=spec("Prep", "Upgrade"), state=state)
    progressing = of(book_of(found, steps))["Progressing"]
    assert progressing["message"] == f"Waiting for plan step {index} to be completed"
    assert (progressing["status"], progressing["reason"]) == ("True", "InProgress")


def test_before_the_first_step_the_message_has_no_counts() -> None:
    message = of(book_of(rollout(spec=spec("Prep"))), counted=False)["Progressing"]["message"]
    assert message == "Waiting for plan step 0 to be completed"


def test_completion_is_false_and_completed() -> None:
    found = rollout(spec=spec("Prep"), state=RolloutState.COMPLETE)
    progressing = of(book_of(found, [step(state=FINISHED)]))["Progressing"]
    assert (progressing["status"], progressing["reason"]) == ("False", "Completed")


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        (ReasonKind.INVALID_PLAN, "InvalidPlan"),
        (ReasonKind.TALM, "Held"),
        (ReasonKind.ADOPTION, "Held"),
    ],
)
def test_a_hold_of_the_rollout_is_a_condition(kind: ReasonKind, type_: str) -> None:
    found = of(book_of(rollout(hold=reason(kind, "because"))))[type_]
    assert (found["status"], found["reason"], found["message"]) == ("True", kind, "because")


def test_a_hold_of_the_current_step_is_a_condition() -> None:
    tracked = book_of(rollout(), [step(hold=reason(ReasonKind.CIRCUIT_BREAKER, "5 in a row"))])
    assert of(tracked)["Held"]["reason"] == "CircuitBreaker"
    assert hold_of(tracked.rollout, tracked.newest) == reason(
        ReasonKind.CIRCUIT_BREAKER, "5 in a row"
    )


def test_a_rollout_with_a_finished_step_has_no_hold() -> None:
    tracked = book_of(rollout(), [step(state=FINISHED, total=1)])
    assert hold_of(tracked.rollout, tracked.newest) is None
    assert list(of(tracked)) == ["Progressing"]


def test_missing_payload_objects_are_named() -> None:
    payload = PayloadState(warnings=("ConfigMap a/b is missing", "Secret c/d is missing"))
    found = of(book_of(rollout()), payload=payload)["PayloadComplete"]
    assert (found["status"], found["reason"]) == ("False", "Missing")
    assert found["message"] == "ConfigMap a/b is missing; Secret c/d is missing"


def test_unchecked_references_are_a_condition() -> None:
    found = of(book_of(rollout()), payload=PayloadState(unchecked="older than the policy"))
    assert "PayloadComplete" not in found
    checked = found["PayloadChecked"]
    assert (checked["status"], checked["reason"]) == ("False", "OlderThanPolicy")
    assert checked["message"] == "older than the policy"


OPENING = StepState.OPENING


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([], False),
        ([step(state=OPENING)], False),
        ([step()], True),
        ([step(state=FINISHED), step(index=1, state=OPENING)], True),
        ([step(total=2)], False),
        ([step(state=FINISHED, total=2), step(index=1)], False),
    ],
)
def test_a_plan_that_has_reached_nobody_says_so(steps: list[Any], told: bool) -> None:
    found = of(book_of(rollout(), steps))
    assert ("ClustersSelected" in found) is told
    if told:
        shown = found["ClustersSelected"]
        assert (shown["status"], shown["reason"]) == ("False", "NobodyMatches")
        assert "spec.clusterLabelSelectors" in shown["message"]


TOO_OLD = RecordedFinding("P3", FindingSeverity.ERROR, "are too old", ("site-1", "site-2"))
UNNAMED = RecordedFinding("P11", FindingSeverity.ERROR, "lacks image or version")
SLOW = RecordedFinding("P33", FindingSeverity.WARNING, "are not reachable", ("site-1",))


@pytest.mark.parametrize(
    ("findings", "shown"),
    [
        (
            (TOO_OLD, UNNAMED, SLOW),
            (
                "False",
                "Errors",
                "2 clusters: are too old [P3]; the plan: lacks image or version [P11]",
            ),
        ),
        ((SLOW,), ("True", "Warnings", "1 cluster: are not reachable [P33]")),
        ((), None),
        (None, None),
    ],
)
def test_findings_of_preflight_are_a_condition(
    findings: tuple[RecordedFinding, ...] | None, shown: tuple[str, ...] | None
) -> None:
    record = None if findings is None else PreflightRecord(NOW, findings)
    found = of(book_of(rollout(), [step("Prep", preflight=record)])).get("PreflightPassed")
    told = (found["status"], found["reason"], found["message"]) if found else None
    assert told == shown


def test_a_condition_names_the_first_findings() -> None:
    record = PreflightRecord(NOW, (TOO_OLD,) * 12)
    found = of(book_of(rollout(), [step("Prep", preflight=record)]))["PreflightPassed"]
    assert found["message"].count("[P3]") == 10
    assert found["message"].endswith("; 2 more")


def test_annotations_that_are_not_understood_are_named() -> None:
    found = of(book_of(rollout()), mistakes=("the annotation a is wrong", "so is b"))
    shown = found["AnnotationsValid"]
    assert (shown["status"], shown["reason"]) == ("False", "NotUnderstood")
    assert shown["message"] == "the annotation a is wrong; so is b"


def test_a_message_is_never_longer_than_the_schema_allows() -> None:
    hold = Reason(ReasonKind.TALM, NOW, "x" * 40000)
    shown = of(book_of(rollout(hold=hold)))["Held"]["message"]
    assert len(shown) < 4096
    assert shown.endswith("(cut)")


OLD = (NOW - 60 * MINUTE).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_condition_that_did_not_flip_keeps_its_time() -> None:
    before = Condition(type="Progressing", status="True", last_transition_time=OLD)
    assert of(book_of(rollout()), before)["Progressing"]["lastTransitionTime"] == OLD


@pytest.mark.parametrize(
    "before",
    [
        Condition(type="Progressing", status="False", last_transition_time=OLD),
        Condition(type="Progressing", status="True"),
        Condition(type="Held", status="True", last_transition_time=OLD),
    ],
    ids=["flipped", "without a time", "new"],
)
def test_a_condition_that_flipped_has_the_present_time(before: Condition) -> None:
    found = of(book_of(rollout(spec=spec("Prep"))), before)["Progressing"]
    assert found["lastTransitionTime"] == "2026-01-01T12:00:00Z"


def test_conditions_name_the_generation_that_they_are_about() -> None:
    found = of(book_of(rollout(hold=reason(ReasonKind.TALM, "because"))))
    assert {condition["observedGeneration"] for condition in found.values()} == {3}


def test_warnings_and_the_first_rollback_deadline_are_conditions() -> None:
    assert not {"ClustersWarned", "RollbackPossible"} & set(of(ten(done_=2)))
    members = [
        done("site-1", Action.PREP, warning="Thing[1] - CRD not deployed on cluster"),
        done("site-2", Action.UPGRADE, step=1, rollback_until=NOW + 9 * MINUTE),
        done("site-3", Action.UPGRADE, step=1, rollback_until=NOW + 8 * MINUTE),
    ]
    steps = [step(total=1), step("Upgrade", index=1, total=2)]
    found = of(book_of(rollout(spec=spec("Prep", "Upgrade")), steps, members))
    assert found["ClustersWarned"]["message"] == (
        "1 cluster completed an action with a warning; `ibgu members a -n fleet --warned` and "
        "ibgu's REST API show it"
    )
    assert found["RollbackPossible"]["message"] == (
        "2 clusters can be rolled back: finalize or roll back by 2026-01-01T12:08:00Z"
    )


def kept(number: int, gate: str, words: str, until: datetime | None = None) -> Member:
    why = replace(reason(ReasonKind.GATE, words), gate=gate, until=until)
    return member(f"site-{number}", reason=why)


def test_clusters_that_policies_keep_are_a_condition() -> None:
    members = [
        kept(1, "RolloutPolicy/night", "opens at 01:00"),
        kept(2, "RolloutPolicy/night", "opens at 02:00"),
        kept(3, "RolloutPolicy/hub", "30 are in flight"),
    ]
    found = of(book_of(rollout(spec=spec("Prep")), [step(total=3)], members))["KeptByPolicies"]
    assert (found["status"], found["reason"], found["message"]) == (
        "True",
        "GateClosed",
        "1 cluster waits for RolloutPolicy/hub: 30 are in flight; 2 clusters wait for "
        "RolloutPolicy/night: opens at 01:00 (similar for others)",
    )
    many = [kept(number, f"RolloutPolicy/p{number - 1:02}", "no") for number in range(1, 13)]
    found = of(book_of(rollout(spec=spec("Prep")), [step(total=12)], many))["KeptByPolicies"]
    assert found["message"].endswith("RolloutPolicy/p09: no; 2 more")
    assert "KeptByPolicies" not in of(book_of(rollout(spec=spec("Prep"))))


def test_a_policy_is_shown_with_what_opens_soonest() -> None:
    members = [
        kept(1, "RolloutPolicy/night", "no window fits"),
        kept(2, "RolloutPolicy/night", "opens at 02:00", NOW + 2 * MINUTE),
        kept(3, "RolloutPolicy/night", "opens at 01:00", NOW + MINUTE),
    ]
    found = of(book_of(rollout(spec=spec("Prep")), [step(total=3)], members))["KeptByPolicies"]
    assert found["message"] == (
        "3 clusters wait for RolloutPolicy/night: opens at 01:00 (similar for others)"
    )
    alike = [kept(number, "RolloutPolicy/night", "opens at 01:00") for number in (1, 2)]
    found = of(book_of(rollout(spec=spec("Prep")), [step(total=2)], alike))["KeptByPolicies"]
    assert found["message"] == "2 clusters wait for RolloutPolicy/night: opens at 01:00"


def test_pauses_that_are_not_over_are_a_condition() -> None:
    paused = [
        done("site-1", Action.UPGRADE, paused_since=NOW - MINUTE),
        done("site-2", Action.UPGRADE, paused_since=NOW),
        done("site-3", Action.UPGRADE),
    ]
    found = of(book_of(rollout(spec=spec("Upgrade")), [step("Upgrade", total=3)], paused))
    assert found["ClustersPaused"]["message"] == (
        "2 clusters have parts that are paused, the first since 2026-01-01T11:59:00Z; Pools "
        "resumes them, or the end of the rollout"
    )


AGAIN = PolicyFollowUp(
    policy="again",
    action="Prep",
    clusters=("site-1",),
    uids=("uid-1",),
    why="site-1: the registry is away",
    decided_at=NOW,
    attempt=1,
    due=NOW + MINUTE,
)


@pytest.mark.parametrize(
    ("made", "status", "reason", "words"),
    [
        (
            [AGAIN],
            "False",
            "Planned",
            "at 2026-01-01 12:01 UTC, or once this rollout is over, by a",
        ),
        ([replace(AGAIN, name="a-retry-1")], "True", "Begun", "by the new rollout a-retry-1; "),
        ([replace(AGAIN, refused="it is gone")], "False", "NotBegun", "was not begun: it is gone"),
        ([AGAIN] * 12, "False", "Planned", "; 2 more"),
    ],
)
def test_clusters_that_are_tried_again_are_a_condition(
    made: list[PolicyFollowUp], status: str, reason: str, words: str
) -> None:
    aborted = step("AbortOnFailure", follow_ups=StepFollowUps(made=tuple(made)))
    found = of(book_of(rollout(spec=spec("AbortOnFailure")), [aborted]))["ClustersTriedAgain"]
    assert (found["status"], found["reason"]) == (status, reason)
    assert words in found["message"]


def test_a_rollback_by_policy_is_no_further_attempt() -> None:
    back = replace(AGAIN, action="Rollback", attempt=0, due=None, name="a-rollback-1")
    upgraded = step("Upgrade", follow_ups=StepFollowUps(made=(back,)))
    assert "ClustersTriedAgain" not in of(book_of(rollout(spec=spec("Upgrade")), [upgraded]))
