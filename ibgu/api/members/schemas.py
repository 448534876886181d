"""Members: clusters in a step, where each one stands and why it has not finished."""

from datetime import datetime

from pydantic import ConfigDict, Field, JsonValue

from ibgu.api.bodies import ActionName, Body, NewestEvent, PageBody, ReasonBody, RolloutNameBody
from ibgu.core.model import Cause, MemberState, Outcome, RunResult, RunState

_RUN: JsonValue = {
    "id": "c2b7e0d41f9a",
    "action": "Upgrade",
    "attempt": 1,
    "state": "ended",
    "intendedAt": "2026-11-20T01:55:01Z",
    "armingAt": "2026-11-20T01:55:02Z",
    "armedAt": "2026-11-20T01:55:02Z",
    "acceptedAt": "2026-11-20T01:55:03Z",
    "endedAt": "2026-11-20T02:29:04Z",
    "result": "failed",
    "cause": "UpgradeFailed",
    "message": "Rollback due to LCA Init Monitor timeout, after 30m0s",
}
_MEMBER: JsonValue = {
    "cluster": "site-0412",
    "step": 2,
    "position": 411,
    "state": "finished",
    "action": None,
    "attempt": 1,
    "reason": None,
    "stalled": None,
    "slot": None,
    "limit": "2026-11-20T03:40:00Z",
    "startedAt": "2026-11-20T01:55:01Z",
    "endedAt": "2026-11-20T02:29:04Z",
    "outcome": "failed",
    "cause": "UpgradeFailed",
    "message": "Rollback due to LCA Init Monitor timeout, after 30m0s",
    "failedAction": "Upgrade",
    "failure": "InitMonitorTimeout",
    "means": "The new release did not become healthy in time; the node rolled back by itself.",
    "fix": "Repair what was not ready.",
    "remedy": "Repair what was not ready. Then run `ibgu retry ran-417 -n default --abort-first`.",
    "completed": [],
    "late": "",
    "warning": "",
    "rollbackUntil": None,
    "pausedSince": None,
    "run": _RUN,
}


class StalledBody(Body):
    """An action in flight that takes longer than usual."""

    since: datetime = Field(description="When the usual duration was over.")
    usual: float = Field(
        description="Usual duration of the action in seconds: p95 of this hub's clusters."
    )


class RunBody(Body):
    """One attempt of one action on one member."""

    id: str
    action: ActionName
    attempt: int = Field(
        description="Number of the action's attempt in the step, from 1; in a member's `run`: of "
        "the run, over all actions of the step."
    )
    state: RunState
    intended_at: datetime
    arming_at: datetime | None
    armed_at: datetime | None
    accepted_at: datetime | None
    ended_at: datetime | None
    result: RunResult | None
    cause: Cause | None
    message: str = Field(description="The cluster's message at the end.")


class CompletedActionBody(Body):
    action: ActionName
    at: datetime
    note: str = Field(description='Empty, "was already …" or "completed late, after …".')


class MemberBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_MEMBER]})

    cluster: str
    step: int = Field(description="From 1.")
    position: int = Field(description="Place in the step's order, from 0.")
    state: MemberState
    action: ActionName | None = Field(
        description="The current action, or the next one; null: none is left."
    )
    attempt: int = Field(
        description="Number of the newest run, from 1, over all actions of the step; 0: no run yet."
    )
    reason: ReasonBody | None = Field(
        description="Why the member waits; null: it has finished. A member that could start while "
        "its step or rollout is held shows the hold."
    )
    stalled: StalledBody | None = Field(
        description="Set if the action takes longer than usual; null: it does not, or has too few "
        "measurements on this hub."
    )
    slot: int | None
    limit: datetime | None = Field(
        description="Past it, a cluster that needs the slot takes it. For all actions of the step."
    )
    started_at: datetime | None
    ended_at: datetime | None
    outcome: Outcome | None = Field(
        description="`succeeded` also if the member failed but completed its action late: its "
        "`run` says how it failed."
    )
    cause: Cause | None
    message: str = Field(description="The cluster's message at the end.")
    failed_action: ActionName | None
    failure: str | None = Field(description="Name of the known failure that matches the message.")
    means: str | None = Field(description="What happened, for a known failure.")
    fix: str | None = Field(description="What to mend or find out, for a known failure.")
    remedy: str | None = Field(
        description="`fix`, and the command that takes the cluster further then."
    )
    completed: list[CompletedActionBody]
    late: str = Field(description="What happened on the cluster after the member ended.")
    warning: str = Field(description="The cluster's warning when it completed an action.")
    rollback_until: datetime | None = Field(
        description="Until when the cluster can be rolled back; null: it can't, or does not report "
        "that."
    )
    paused_since: datetime | None = Field(
        description="Since when parts of the cluster may be paused for the rollout; null: nothing "
        "is."
    )
    run: RunBody | None = Field(description="The newest run.")


_ATTEMPTS: JsonValue = {"member": _MEMBER, "runs": [_RUN], "labels": {"region": "north"}}


class MemberAttemptsBody(Body):
    """One member with all attempts on its cluster."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ATTEMPTS]})

    member: MemberBody
    runs: list[RunBody] = Field(description="All attempts, oldest first.")
    labels: dict[str, str] = Field(
        description="The requested labels that the ManagedCluster has, as the controller last saw "
        "them."
    )


_VISIT: JsonValue = {
    "rollout": {
        "namespace": "default",
        "name": "ran-417",
        "uid": "0f5a2a38-6b54-4a5e-9f4e-2f1f7a2f4c11",
    },
    "member": _MEMBER,
    "runs": [_RUN],
}


class VisitBody(Body):
    """One step of one rollout that the cluster was a member of."""

    model_config = ConfigDict(json_schema_extra={"examples": [_VISIT]})

    rollout: RolloutNameBody
    member: MemberBody
    runs: list[RunBody] = Field(description="All attempts, oldest first.")


class VisitsBody(PageBody[VisitBody]):
    newest_event: NewestEvent
