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
_NO_POLICY: dict[str, JsonValue] = {
    "policy": None,
    "holder": None,
    "until": None,
    "approval": False,
    "message": None,
    "alike": True,
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
        "message": "20 clusters in a row have failed with UpgradeFailed; annotate the rollout with "
        "ibgu.dev/resume to go on",
        "overdue": None,
        "policy": None,
    },
    "kind": "ImageBasedGroupUpgrade",
    "release": {"image": "quay.example/seed:4.17.2", "version": "4.17.2"},
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
    "current": {
        "step": 2,
        "actions": ["Upgrade"],
        "counts": _COUNTS,
        "reasons": [
            {"kind": "CircuitBreaker", "who": "person", "count": 1828, "overdue": 0, **_NO_POLICY},
            {"kind": "Rebooting", "who": "ibgu", "count": 200, "overdue": 3, **_NO_POLICY},
        ],
    },
    "waitsFor": [],
    "stalled": 3,
    "warned": 12,
    "annotationMistakes": [
        "the annotation ibgu.dev/pasue does nothing; do you mean ibgu.dev/pause?"
    ],
    "rollback": {"clusters": 1441, "until": "2026-12-19T22:10:31Z"},
    "eta": None,
    "createdBy": "via the hub (kubectl-create)",
    "approvals": [],
    "brokenGlass": [],
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
        {"kind": "WaitingForSlot", "who": "ibgu", "count": 1828, "overdue": 0, **_NO_POLICY},
        {"kind": "Rebooting", "who": "ibgu", "count": 142, "overdue": 3, **_NO_POLICY},
        {"kind": "Running", "who": "cluster", "count": 58, "overdue": 0, **_NO_POLICY},
    ],
    "followUps": [],
}


class ReleaseBody(Body):
    """The release that the clusters are to run in the end."""

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
    latest: datetime = Field(description="Never later than the step's deadline.")
    basis: str = Field(description="The measurements that the estimate is based on.")
    stuck: int = Field(
        description="Members in flight for longer than usual: their end is unknown, so `at` and "
        "`earliest` cover only the others. If no others are left, all three times are "
        "`limit`."
    )
    limit: datetime = Field(description="The step's deadline, which ends the stuck members.")


class RollbackBody(Body):
    """The way back of upgraded clusters that are not finalized."""

    clusters: int = Field(description="Number of clusters that report a deadline for a rollback.")
    until: datetime = Field(description="The earliest deadline: finalize or roll back before it.")


class ApprovalBody(Body):
    """An approval of what a policy lets start only then."""

    name: str = Field(description="The name of the RolloutApproval.")
    user: str
    step: int = Field(description="From 1.")
    before: str = Field(description="Step, Rest, or an action of the step.")
    comment: str
    until: datetime | None
    refused: str = Field(description="Why it does not count; empty: it does, until `until`.")


class BrokenGlassBody(Body):
    """A BreakGlass that lets the rollout pass gates of policies now."""

    name: str = Field(description="The name of the BreakGlass.")
    user: str
    gates: list[str]
    reason: str
    until: datetime


class ReasonCountBody(Body):
    kind: ReasonKind
    who: ActingParty
    count: int
    overdue: int = Field(description="Members that have had the reason for longer than usual.")
    policy: str | None = Field(
        description="Name of the RolloutPolicy that keeps them; null: no policy does, or the "
        "policies of the hub are not known."
    )
    holder: str | None = Field(
        description="What holds them, such as `policy ran-nights`, or `the policies of the hub` "
        "while these are not known; null: no policy, or an annotation of each cluster."
    )
    until: datetime | None = Field(
        description="When the policy lets the first of them start, if known."
    )
    approval: bool = Field(description="Whether people end it by an approval.")
    message: str | None = Field(
        description="Why the policy keeps the first of them; null: no policy keeps them."
    )
    alike: bool = Field(description="Whether all of them have this message.")


class CurrentStepBody(Body):
    step: int = Field(description="From 1.")
    actions: list[ActionName]
    counts: CountsBody = Field(description="Counts of this step's members.")
    reasons: list[ReasonCountBody] = Field(
        description="Why its members have not finished, the commonest reason first, as in `steps`."
    )


class RolloutBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_ROLLOUT]})

    namespace: str
    name: str
    uid: str
    kind: str = Field(description="The kind of the object that asks for the rollout.")
    phase: Phase
    state: RolloutState
    hold: ReasonBody | None = Field(
        description="Why nothing new starts in the rollout or in its step."
    )
    release: ReleaseBody
    plan: list[PlanItemBody]
    generation: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    deleted_at: datetime | None
    counts: CountsBody = Field(
        description="Counts of the whole rollout: each cluster that was ever in one of its steps "
        "counts once, as in the object's `status.summary`."
    )
    current: CurrentStepBody | None = Field(
        description="The newest step; null before the first one."
    )
    waits_for: list[ReasonCountBody] = Field(
        description="Why nothing moves although the phase is Running: the reasons of the newest "
        "step while none of its members is at work or may be, and none starts in its turn, those "
        "that need a person first. Empty: something moves, the rollout is held, or it is over."
    )
    stalled: int = Field(description="Members whose action takes longer than usual on this hub.")
    warned: int = Field(description="Clusters that completed an action with a warning.")
    annotation_mistakes: list[str] = Field(
        description="Annotations of the object with a mistake, and what is expected of them, a "
        "sentence each."
    )
    rollback: RollbackBody | None = Field(
        description="null: no cluster reports that it can be rolled back, or the object is deleted."
    )
    eta: EtaBody | None = Field(
        description="Estimated end of the running step; null: no step runs, it is held, or its "
        "actions have too few measurements on this hub."
    )
    created_by: str | None = Field(description="The creator; null: unknown.")
    approvals: list[ApprovalBody] = Field(description="The oldest first.")
    broken_glass: list[BrokenGlassBody] = Field(description="What counts now.")


class NeedsPersonBody(Body):
    namespace: str
    name: str
    kind: ReasonKind
    policy: str | None = Field(
        description="Name of the RolloutPolicy that gives the reason; null: no policy does."
    )
    since: datetime
    message: str
    members: int = Field(description="Number of members that it holds; 0: the whole rollout.")
    overdue: bool = Field(
        description="Set if it usually ends without a person, but lasts longer than usual."
    )


class RollbackDeadlineBody(RollbackBody):
    """The way back of a rollout's clusters, where it closes soon for the first of them."""

    namespace: str
    name: str


class RolloutsBody(PageBody[RolloutBody]):
    seq: int = Field(description="The hub's newest event at the moment of this answer.")
    needs_person: list[NeedsPersonBody] | None = Field(
        description="What needs a person, at the same moment; null: not requested."
    )
    rollback_deadlines: list[RollbackDeadlineBody] | None = Field(
        description="Rollouts with a cluster that can be rolled back for less than three days "
        "more, the first deadline first; null: not requested, as `needsPerson`."
    )


class NewerRolloutBody(Body):
    namespace: str | None = Field(description="null: the caller may not read it.")
    name: str | None = Field(description="null: the caller may not read its namespace.")
    uid: str
    actions: list[str] = Field(
        description="Actions of its plan, in order; empty if the caller may not read it."
    )
    leads_back: bool = Field(
        description="Whether it leads its clusters back, as Abort and Rollback do."
    )
    clusters: int = Field(description="Clusters on which it has begun an action.")
    acting: int = Field(description="Of these, clusters on which it acts now.")


class NewerRolloutsBody(Body):
    """The rollouts, of the newest 20 that came later, that have begun an action on clusters of a
    rollout."""

    clusters: int = Field(description="Clusters on which at least one of them has begun an action.")
    items: list[NewerRolloutBody] = Field(description="The newest first.")


class StepProgress(StrEnum):
    """The states of a step in the journal, and one for what the plan has not come to."""

    PLANNED = "planned"
    OPENING = StepState.OPENING.value
    RUNNING = StepState.RUNNING.value
    FINISHED = StepState.FINISHED.value


class RunningActionBody(Body):
    action: ActionName
    count: int


class PolicyFollowUpBody(Body):
    """A second rollout that a RolloutPolicy asks for."""

    policy: str
    action: ActionName = Field(description="Its first action.")
    clusters: list[str] = Field(description="The first hundred of them.")
    total: int = Field(description="Number of all of them.")
    attempt: int = Field(
        description="Which attempt at these clusters it is after the first one; 0: it is none, but "
        "leads them back."
    )
    due: datetime | None = Field(description="When it is to begin; null: at once.")
    name: str | None = Field(
        description="Name of the new rollout, in the same namespace; null: there is none (yet)."
    )
    refused: str | None = Field(
        description="Why ibgu makes none, and what a person can do; null: it does."
    )
    message: str = Field(description="All of this in a sentence.")


class StepBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_STEP]})

    step: int = Field(description="From 1.")
    actions: list[str]
    state: StepProgress
    hold: ReasonBody | None
    rate_limit: ReasonBody | None = Field(
        description="The rate limit that delays new starts, while a member waits for it."
    )
    max_concurrency: int = Field(
        description="Number of slots: the maximum number of members in flight."
    )
    timeout_minutes: int
    started_at: datetime | None
    finished_at: datetime | None
    counts: CountsBody
    stalled: int = Field(description="Members whose action takes longer than usual on this hub.")
    eta: EtaBody | None
    actions_running: list[RunningActionBody] = Field(
        description="States of the members in flight, in the order of the step's actions."
    )
    reasons: list[ReasonCountBody] = Field(
        description="Reasons of the unfinished members, most frequent first."
    )
    follow_ups: list[PolicyFollowUpBody] = Field(
        description="What policies have asked for after this step, for some of its clusters."
    )


class StepsBody(Body):
    items: list[StepBody]
