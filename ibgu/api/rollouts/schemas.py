"""Rollouts and their steps."""

from datetime import datetime
from enum import StrEnum

from pydantic import ConfigDict, Field, JsonValue

from ibgu.api.bodies import ActionName, Body, CountsBody, PageBody, ReasonBody
from ibgu.core.model import ActingParty, ReasonKind, RolloutState, StepState
from ibgu.core.views.status import Phase

_COUNTS: dict[str, JsonValue] = {
    "total": 3500,
    "waiting": 1828,
    "running": 200,
    "succeeded": 1441,
    "failed": 31,
    "skipped": 0,
    "cancelled": 0,
}
_WHOLE: JsonValue = {**_COUNTS, "total": 3512, "failed": 43}
_ETA: JsonValue = {
    "at": "2026-11-20T02:50:10Z",
    "earliest": "2026-11-20T02:31:00Z",
    "latest": "2026-11-20T03:40:00Z",
    "basis": "Upgrade measured 1441 times here: half took 24 min, 95 of 100 at most 31 min",
    "stuck": 0,
    "limit": "2026-11-20T05:30:00Z",
}
_ROLLOUT: JsonValue = {
    "namespace": "default",
    "name": "ran-417",
    "uid": "0f5a2a38-6b54-4a5e-9f4e-2f1f7a2f4c11",
    "phase": "Held",
    "state": "running",
    "hold": {
        "kind": "CircuitBreaker",
        "since": "2026-11-20T02:12:09Z",
        "until": None,
        "who": "person",
        "message": "20 clusters in a row have failed with UpgradeFailed; annotate the IBGU with "
        "ibgu.dev/resume to go on",
        "overdue": None,
    },
    "seed": {"image": "quay.example/seed:4.17.2", "version": "4.17.2"},
    "plan": [
        {"actions": ["Prep"], "maxConcurrency": 200, "timeoutMinutes": 240},
        {"actions": ["Upgrade"], "maxConcurrency": 200, "timeoutMinutes": 240},
    ],
    "generation": 2,
    "createdAt": "2026-11-19T23:58:00Z",
    "startedAt": "2026-11-19T23:58:01Z",
    "completedAt": None,
    "deletedAt": None,
    "counts": _WHOLE,
    "current": {"step": 2, "actions": ["Upgrade"], "counts": _COUNTS},
    "stalled": 3,
    "warned": 12,
    "rollback": {"clusters": 1441, "until": "2026-12-19T22:10:31Z"},
    "eta": None,
    "createdBy": "via the hub (kubectl-create)",
}
_STEP: JsonValue = {
    "step": 2,
    "actions": ["Upgrade"],
    "state": "running",
    "hold": None,
    "rateLimit": None,
    "maxConcurrency": 200,
    "timeoutMinutes": 240,
    "startedAt": "2026-11-20T01:30:00Z",
    "finishedAt": None,
    "counts": _COUNTS,
    "actionsRunning": [{"action": "Upgrade", "count": 200}],
    "stalled": 3,
    "eta": _ETA,
    "reasons": [
        {"kind": "WaitingForSlot", "who": "ibgu", "count": 1828, "overdue": 0},
        {"kind": "Rebooting", "who": "ibgu", "count": 142, "overdue": 3},
        {"kind": "Running", "who": "cluster", "count": 58, "overdue": 0},
    ],
}


class SeedBody(Body):
    image: str
    version: str


class PlanItemBody(Body):
    actions: list[str]
    max_concurrency: int
    timeout_minutes: int


class EtaBody(Body):
    """The time when a running step will be over."""

    at: datetime = Field(description="Likely.")
    earliest: datetime
    latest: datetime = Field(description="Not after the step's own time is over.")
    basis: str = Field(description="What it was calculated from.")
    stuck: int = Field(
        description="Members in flight for longer than usual here: nobody knows their end, and "
        "`at` and `earliest` are of the others. If no others are left, all three times are `limit`."
    )
    limit: datetime = Field(description="The end of the step's time, which ends the stuck ones.")


class RollbackBody(Body):
    """The way back of upgraded clusters that are not finalized."""

    clusters: int = Field(description="Clusters that report until when they can be rolled back.")
    until: datetime = Field(description="The earliest of these times: finalize or roll back by it.")


class CurrentStepBody(Body):
    step: int = Field(description="From 1.")
    actions: list[ActionName]
    counts: CountsBody = Field(description="Of this step's members.")


class RolloutBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_ROLLOUT]})

    namespace: str
    name: str
    uid: str
    phase: Phase
    state: RolloutState
    hold: ReasonBody | None = Field(description="Why nothing new starts, in it or in its step.")
    seed: SeedBody
    plan: list[PlanItemBody]
    generation: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    deleted_at: datetime | None
    counts: CountsBody = Field(
        description="Of the whole rollout: each cluster once that ever belonged to one of its "
        "steps, as in the IBGU's `status.summary`."
    )
    current: CurrentStepBody | None = Field(
        description="The newest step; null before the first one."
    )
    stalled: int = Field(description="Members whose action takes longer than usual here.")
    warned: int = Field(description="Clusters that completed an action with a warning.")
    rollback: RollbackBody | None = Field(
        description="Null: no cluster reports that it can be rolled back, or the IBGU is deleted."
    )
    eta: EtaBody | None = Field(
        description="When the running step will be over; null: none runs, it is held, or its "
        "actions were measured too rarely here."
    )
    created_by: str | None = Field(description="Its creator, if the journal knows; else null.")


class NeedsPersonBody(Body):
    namespace: str
    name: str
    kind: ReasonKind
    since: datetime
    message: str
    members: int = Field(description="How many members it keeps; 0: the whole rollout.")
    overdue: bool = Field(
        description="It usually ends without a person, and has lasted longer than usual."
    )


class RolloutsBody(PageBody[RolloutBody]):
    seq: int = Field(description="The hub's newest event at the moment of this answer.")
    needs_person: list[NeedsPersonBody] | None = Field(
        description="As `summary` has it, of the same moment; null: it was not asked for."
    )


class StepProgress(StrEnum):
    """The states of a step in the journal, and one for what the plan has not come to."""

    PLANNED = "planned"
    OPENING = StepState.OPENING.value
    RUNNING = StepState.RUNNING.value
    FINISHED = StepState.FINISHED.value


class ReasonCountBody(Body):
    kind: ReasonKind
    who: ActingParty
    count: int
    overdue: int = Field(description="Those among them that have had it for longer than usual.")


class RunningActionBody(Body):
    action: ActionName
    count: int


class StepBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_STEP]})

    step: int = Field(description="From 1.")
    actions: list[str]
    state: StepProgress
    hold: ReasonBody | None
    rate_limit: ReasonBody | None = Field(
        description="The rate limit that delays new starts, while a member waits for it."
    )
    max_concurrency: int = Field(description="The slots: at most so many members run at a time.")
    timeout_minutes: int
    started_at: datetime | None
    finished_at: datetime | None
    counts: CountsBody
    stalled: int = Field(description="Members whose action takes longer than usual here.")
    eta: EtaBody | None
    actions_running: list[RunningActionBody] = Field(
        description="What its members in flight are at, in the order of the step's actions."
    )
    reasons: list[ReasonCountBody] = Field(
        description="Why its unfinished members are not further, the commonest reason first."
    )


class StepsBody(Body):
    items: list[StepBody]
