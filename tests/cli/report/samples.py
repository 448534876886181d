"""Answers of the REST API for the tests of reports."""

from datetime import timedelta
from typing import Any

from ibgu.cli.report.facts import RolloutFacts
from ibgu.cli.report.totals import MemberTotals
from ibgu.client.responses import (
    ActivityEntryResponse,
    CompletedActionResponse,
    CountsResponse,
    FailureGroupResponse,
    MemberAttemptsResponse,
    MemberResponse,
    PlanItemResponse,
    PointResponse,
    ReasonResponse,
    ReleaseResponse,
    RolloutResponse,
    RunResponse,
    StepResponse,
    TimelineResponse,
)
from tests.db.records import NOW

HOSTILE = "<script>alert(1)</script>\" onload='x' &amp; \x1b[2K\u202e"


def later(seconds: float) -> Any:
    return NOW + timedelta(seconds=seconds)


def run(action: str = "Prep", begin: float = 0, end: float | None = 60, **more: Any) -> RunResponse:
    fields: dict[str, Any] = {
        "id": f"run-{action}-{begin}",
        "action": action,
        "attempt": 1,
        "intended_at": later(begin),
        "arming_at": later(begin),
        "ended_at": None if end is None else later(end),
    }
    return RunResponse(**(fields | more))


def member(cluster: str = "a", step: int = 1, **more: Any) -> MemberResponse:
    return MemberResponse(cluster=cluster, step=step, **more)


def done(
    cluster: str = "a", step: int = 1, begin: float = 0, end: float = 60, **labels: str
) -> MemberAttemptsResponse:
    """A member that has succeeded with Prep."""
    found = member(
        cluster,
        step,
        state="finished",
        outcome="succeeded",
        started_at=later(begin),
        ended_at=later(end),
        completed=(CompletedActionResponse(action="Prep", at=later(end)),),
    )
    return MemberAttemptsResponse(member=found, runs=(run("Prep", begin, end),), labels=labels)


def failed(cluster: str = "b", message: str = "pull failed", **labels: str) -> Any:
    """A member that has failed with Prep."""
    found = member(
        cluster,
        state="finished",
        outcome="failed",
        cause="PrepFailed",
        failed_action="Prep",
        failure="PrecacheFailed",
        message=message,
        started_at=later(10),
        ended_at=later(40),
    )
    over = run("Prep", 10, 40, result="failed", message=message)
    return MemberAttemptsResponse(member=found, runs=(over,), labels=labels)


def waiting(cluster: str = "c", who: str = "ibgu", **labels: str) -> MemberAttemptsResponse:
    reason = ReasonResponse(kind="GateClosed", since=later(5), who=who, message="closed")
    found = member(cluster, state="waiting", action="Prep", reason=reason)
    return MemberAttemptsResponse(member=found, labels=labels)


def rollout(**more: Any) -> RolloutResponse:
    fields: dict[str, Any] = {
        "namespace": "default",
        "name": "ran-417",
        "uid": "uid-1",
        "kind": "ImageBasedGroupUpgrade",
        "phase": "Completed",
        "release": ReleaseResponse(image="quay.example/seed:4.17.2", version="4.17.2"),
        "plan": (PlanItemResponse(actions=("Prep",), max_concurrency=20, timeout_minutes=240),),
        "created_at": NOW,
        "started_at": NOW,
        "completed_at": later(3600),
        "counts": CountsResponse(total=0),
        "created_by": "via the hub (kubectl-create)",
    }
    return RolloutResponse(**(fields | more))


def step(number: int = 1, *actions: str, **more: Any) -> StepResponse:
    fields: dict[str, Any] = {
        "actions": actions or ("Prep",),
        "state": "finished",
        "started_at": NOW,
        "finished_at": later(600),
        "counts": CountsResponse(total=2, succeeded=1, failed=1),
    }
    return StepResponse(step=number, **(fields | more))


def group(**more: Any) -> FailureGroupResponse:
    fields: dict[str, Any] = {
        "step": 1,
        "action": "Prep",
        "outcome": "failed",
        "cause": "PrepFailed",
        "failure": "PrecacheFailed",
        "means": "Some images could not be pulled.",
        "remedy": "Check the mirror, then run `ibgu retry NAME`.",
        "message": "pull failed",
        "count": 1,
        "clusters": ("b",),
    }
    return FailureGroupResponse(**(fields | more))


def timeline(number: int = 1) -> TimelineResponse:
    points = tuple(
        PointResponse(at=later(60 * each), succeeded=each, failed=each // 2, in_flight=2)
        for each in range(3)
    )
    return TimelineResponse(step=number, points=points)


def entry(seq: int, kind: str, **more: Any) -> ActivityEntryResponse:
    return ActivityEntryResponse(seq=seq, at=later(seq), kind=kind, title=kind, **more)


def facts(
    *members: MemberAttemptsResponse, labels: tuple[str, ...] = (), **more: Any
) -> RolloutFacts:
    """A rollout with these members of its only step."""
    totals = MemberTotals(labels)
    for each in members:
        totals.add(each, ("Prep",), NOW)
    fields: dict[str, Any] = {
        "hub": "hub-1",
        "now": later(7200),
        "rollout": rollout(),
        "steps": (step(),) if members else (),
        "timelines": (timeline(),) if members else (),
        "failures": (),
        "activity": (),
        "totals": totals,
    }
    return RolloutFacts(**(fields | more))
