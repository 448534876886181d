"""Folds a rollout's events into what `ibgu status` would have shown then, for `ibgu replay`."""

from collections import Counter
from datetime import datetime
from typing import Any

from msgspec import Struct, field, json, to_builtins
from msgspec.structs import replace

from ibgu.api.failures.mapping import failures_body
from ibgu.cli.show.status import StatusSnapshot
from ibgu.client.responses import (
    CountsResponse,
    CurrentStepResponse,
    FailuresResponse,
    PlanItemResponse,
    ReasonCountResponse,
    ReasonResponse,
    ReleaseResponse,
    RolloutResponse,
    StepResponse,
)
from ibgu.core.drivers import traits
from ibgu.core.model import Cause, Outcome
from ibgu.core.model.counts import (
    ClusterPosition,
    Progress,
    RolloutSteps,
    StepVisit,
    counts_of_places,
    places_of,
    progress_of,
)
from ibgu.db.views import EventRow, FailedRow


class _Member(Struct):
    state: str = "waiting"
    doing: str = ""
    """Action and state of its run, while it is in flight."""
    outcome: str = ""
    uid: str = ""
    late: str = ""

    @property
    def progress(self) -> Progress:
        return progress_of(self.state, self.outcome or None, self.late)


class _Step(Struct):
    index: int
    actions: list[str]
    most: int
    state: str = "opening"
    total: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    hold: ReasonResponse | None = None
    members: dict[str, _Member] = {}
    counts: Counter[str] = field(default_factory=Counter)
    doing: Counter[str] = field(default_factory=Counter)

    @property
    def joined(self) -> bool:
        return self.state != "opening" and len(self.members) >= self.total


class Playback:
    """Playback takes the events of one rollout in order by `feed`; `seen` is the picture after
    them."""

    def __init__(self, namespace: str, name: str) -> None:
        self._namespace = namespace
        self._name = name
        self._created_at: datetime | None = None
        self._plan: list[dict[str, Any]] = []
        self._kind = ""
        self._version = ""
        self._state = "pending"
        self._hold: ReasonResponse | None = None
        self._times: dict[str, datetime | None] = dict.fromkeys(_TIMES)
        self._steps: list[_Step] = []
        self._failed: dict[tuple[int, str], FailedRow] = {}

    def feed(self, event: EventRow) -> None:
        self._created_at = self._created_at or event.at
        if event.step is None:
            if event.cluster is None:
                self._on_rollout(event)
        elif event.kind == "StepOpened":
            data = event.data
            self._steps.append(_Step(event.step, data["actions"], data["max_concurrency"]))
        elif event.step < len(self._steps):
            step = self._steps[event.step]
            if event.cluster is None:
                _on_step(step, event)
            else:
                self._on_member(step, event)

    def _on_rollout(self, event: EventRow) -> None:
        data = event.data
        self._plan = data.get("plan", self._plan)
        self._kind = data.get("kind", self._kind)
        self._version = (data.get("seed") or ["", self._version])[1]
        self._state = data.get("state", self._state)
        self._hold = _hold(event, self._hold)
        if event.kind in _TIMES.values():
            name = next(name for name, kind in _TIMES.items() if kind == event.kind)
            self._times[name] = self._times[name] or event.at
        if event.kind == "RolloutStarted":
            self._times["completed_at"] = None

    def _on_member(self, step: _Step, event: EventRow) -> None:
        name, data = event.cluster or "", event.data
        member = step.members.get(name)
        if member is None:
            member = step.members[name] = _Member()
        else:
            _count(step, member, -1)
        member.state = data.get("state", member.state)
        in_flight = member.state == "in flight" and "action" in data
        member.doing = f"{data['action']} {data.get('run_state')}" if in_flight else member.doing
        member.outcome = data.get("outcome", "") if member.state == "finished" else ""
        member.uid, member.late = event.cluster_uid or "", data.get("late", "")
        _count(step, member, 1)
        if member.outcome == Outcome.FAILED:
            self._fail(step.index, name, event)
        if member.late:
            self._failed.pop((step.index, name), None)

    def _fail(self, step: int, name: str, event: EventRow) -> None:
        """Records a failure; later events (its message, late completion) keep the cause."""
        before = self._failed.get((step, name))
        known = before.cause if before else None
        action, message = event.data.get("failed_action"), event.data.get("message")
        self._failed[step, name] = FailedRow(
            step=step,
            action=action or None,
            outcome=Outcome.FAILED,
            cause=Cause(event.cause) if event.cause else known,
            message=message or "",
            count=1,
            clusters=(name,),
        )

    # -- the picture -------------------------------------------------------------------------

    def seen(self, now: datetime) -> StatusSnapshot:
        current = self._steps[-1] if self._steps else None
        hold, counts = self._held(), self._counts()
        rollout = RolloutResponse(
            namespace=self._namespace,
            name=self._name,
            kind=self._kind,
            created_at=self._created_at or now,
            phase=self._phase(hold, counts),
            counts=counts,
            plan=tuple(PlanItemResponse(actions=tuple(item["actions"])) for item in self._plan),
            release=ReleaseResponse(image="", version=self._version),
            hold=hold,
            current=_current(current) if current else None,
            started_at=self._times["started_at"],
            completed_at=self._times["completed_at"],
            deleted_at=self._times["deleted_at"],
        )
        steps = [_step_body(step) for step in self._steps]
        planned = [
            _planned(index, item)
            for index, item in enumerate(self._plan)
            if index >= len(self._steps)
        ]
        return StatusSnapshot(rollout, [*steps, *planned], self._failures(), now)

    def _failures(self) -> FailuresResponse:
        aborted = {
            name: step.index
            for step in self._steps
            if traits(step.actions[0]).aborts
            for name, member in step.members.items()
            if member.outcome == "succeeded" or member.late
        }
        rows = (
            replace(row, aborted=frozenset(row.clusters))
            if aborted.get(name, row.step) > row.step
            else row
            for (_, name), row in self._failed.items()
        )
        body = failures_body(rows, self._namespace, self._name).model_dump_json(by_alias=True)
        return json.decode(body, type=FailuresResponse)

    def _held(self) -> ReasonResponse | None:
        return self._hold or (self._steps[-1].hold if self._steps else None)

    def _phase(self, hold: ReasonResponse | None, counts: CountsResponse) -> str:
        if hold is not None and self._state != "deleted":
            return "Invalid" if hold.kind == "InvalidPlan" else "Held"
        if self._state == "complete" and counts.failed:
            return "CompletedWithFailures"
        return _PHASES.get(self._state, "Running")

    def _counts(self) -> CountsResponse:
        """Returns the counts of the whole rollout, as `core.counts` does."""
        visits = (
            StepVisit(
                (name, member.uid), step.actions[0], ClusterPosition(step.index, member.progress)
            )
            for step in self._steps
            for name, member in step.members.items()
        )
        places = Counter(places_of(visits))
        return CountsResponse(**to_builtins(counts_of_places(places, self._course())))

    def _course(self) -> RolloutSteps:
        return RolloutSteps(
            plan=tuple(item["actions"][0] for item in self._plan),
            begun=tuple(step.actions[0] for step in self._steps if step.joined),
            deleted=self._state == "deleted",
        )


_TIMES = {
    "started_at": "RolloutStarted",
    "completed_at": "RolloutCompleted",
    "deleted_at": "RolloutDeleted",
}
_PHASES = {"pending": "Pending", "complete": "Completed", "deleted": "Deleted"}


def _hold(event: EventRow, before: ReasonResponse | None) -> ReasonResponse | None:
    kind = event.data.get("hold")
    if not kind:
        return None
    since = before.since if before is not None and before.kind == kind else event.at
    message, who = event.data.get("hold_message", ""), event.data.get("hold_who", "")
    return ReasonResponse(kind=kind, message=message, who=who, since=since)


def _on_step(step: _Step, event: EventRow) -> None:
    step.state = event.data.get("state", step.state)
    step.total = event.data.get("total", step.total)
    step.hold = _hold(event, step.hold)
    if event.kind == "StepStarted":
        step.started_at = event.at
    elif event.kind == "StepFinished":
        step.finished_at = event.at


def _count(step: _Step, member: _Member, by: int) -> None:
    late = member.progress is Progress.LATE
    step.counts["succeeded" if late else member.outcome or member.state] += by
    if member.state == "in flight":
        step.doing[member.doing] += by


def _current(step: _Step) -> CurrentStepResponse:
    return CurrentStepResponse(
        step=step.index + 1, actions=tuple(step.actions), counts=_counts_of(step)
    )


def _counts_of(step: _Step) -> CountsResponse:
    counts = step.counts
    return CountsResponse(
        total=step.total,
        waiting=counts["waiting"],
        running=counts["in flight"],
        succeeded=counts["succeeded"],
        failed=counts["failed"],
        skipped=counts["skipped"],
        cancelled=counts["cancelled"],
    )


def _step_body(step: _Step) -> StepResponse:
    doing = [
        ReasonCountResponse(kind=what, count=count) for what, count in step.doing.items() if count
    ]
    return StepResponse(
        step=step.index + 1,
        actions=tuple(step.actions),
        state=step.state,
        max_concurrency=step.most,
        started_at=step.started_at,
        finished_at=step.finished_at,
        counts=_counts_of(step),
        reasons=tuple(sorted(doing, key=_most_first)),
    )


def _most_first(reason: ReasonCountResponse) -> tuple[int, str]:
    return (-reason.count, reason.kind)


def _planned(index: int, item: dict[str, Any]) -> StepResponse:
    empty = _Step(index, item.get("actions", []), 0, state="planned")
    return _step_body(empty)
