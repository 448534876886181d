"""Changes that a person asks for, and what comes of them."""

from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue

from ibgu.api.bodies import ActionName, Body, KnownAction
from ibgu.api.problems.rules import NAME, POINT
from ibgu.core.model import ReasonKind
from ibgu.core.model.actions import Danger

_CHANGE: JsonValue = {
    "done": "alice pauses ran-417: nothing new starts, clusters in flight finish",
    "kubectl": "kubectl -n default annotate imagebasedgroupupgrade ran-417 "
    "ibgu.dev/pause=alice --overwrite",
    "danger": "reversible",
    "lost": "",
    "uid": "6a1f9d8e-5f63-4a52-9b0e-2d6c1f1f4a17",
}
_APPROVED: JsonValue = {
    "done": "nora approves Upgrade of step 2 of ran-417",
    "kubectl": "kubectl create -f - <<'EOF' …",
    "step": 2,
    "danger": "reversible",
    "lost": "",
    "uid": "6a1f9d8e-5f63-4a52-9b0e-2d6c1f1f4a17",
}
_PERMIT: JsonValue = {
    "name": "append-step",
    "allowed": True,
    "why": "",
    "plans": [["Upgrade"], ["AbortOnFailure"]],
    "approvals": [],
    "danger": "reversible",
}

Slots = Annotated[int | None, Field(ge=1, le=100_000, description="null: that of the last step.")]
Minutes = Annotated[
    int | None, Field(ge=1, le=1_000_000, description="Minutes; null: that of the last step.")
]
Lost = Annotated[
    str, Field(description="What can't be undone, in one sentence; empty: everything can.")
]
Lasting = Annotated[int, Field(ge=1, le=10_080, description="Minutes, at most seven days.")]
Cluster = Annotated[str, Field(pattern=NAME, max_length=63)]
"""A namespace of the hub has the same name."""
Clusters = Annotated[list[Cluster] | None, Field(max_length=5000)]


class NewStepBody(Body):
    actions: list[KnownAction] = Field(min_length=1, max_length=4)
    max_concurrency: Slots = None
    timeout: Minutes = None


class PauseBody(Body):
    why: str = Field(
        default="",
        max_length=200,
        description="Reason for the pause, shown to everyone who looks at the rollout.",
    )


class SkipBody(Body):
    """A skip; both fields null: all that wait."""

    clusters: Clusters = None
    reason: ReasonKind | None = Field(
        default=None, description="Only clusters that wait for this reason."
    )
    if_waiting: bool = Field(
        default=False,
        description="Ignore clusters that do not wait; otherwise one of them "
        "causes the request to fail.",
    )


class ApproveBody(Body):
    """An approval of what a policy lets start only then."""

    step: int | None = Field(
        default=None, ge=1, le=100, description="From 1; null: the one that runs or comes next."
    )
    before: str = Field(
        max_length=32,
        pattern=POINT,
        description="Step, Rest (what comes behind the canaries), or one of the step's actions.",
    )
    comment: str = Field(default="", max_length=512, description="Shown in the history.")
    minutes: Lasting | None = Field(
        default=None, description="How long the approval counts; null: it has no end."
    )


class BreakGlassBody(Body):
    """A request to let the rollout pass gates of policies for a while."""

    gates: list[Annotated[str, Field(min_length=1, max_length=300)]] = Field(
        min_length=1,
        max_length=20,
        description="As reasons name them: RolloutPolicy/NAME, or ClusterHold.",
    )
    reason: str = Field(min_length=1, max_length=512, description="Shown in the history.")
    minutes: Lasting


class ChangeBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_CHANGE]})

    done: str = Field(description="The result, in one sentence.")
    kubectl: str = Field(
        description="The equivalent kubectl command; empty: there was nothing to do."
    )
    danger: Danger = Field(
        description="Risk of the change, including that of what may start because of it."
    )
    lost: Lost
    uid: str = Field(
        description="The rollout's. With it as `uid`, the request that follows a dry run is about "
        "no other rollout of the name."
    )


class ApprovedBody(ChangeBody):
    model_config = ConfigDict(json_schema_extra={"examples": [_APPROVED]})

    step: int = Field(description="What is approved is of this step, from 1.")


class AwaitedApprovalBody(Body):
    """An approval for which clusters wait, or that a policy asks for of the running or next
    step."""

    step: int = Field(description="From 1, as `step` of the request.")
    before: str = Field(description="As `before` of the request.")
    what: str = Field(description="In words, such as: Upgrade of step 2.")
    danger: Danger = Field(description="Risk of what may start then.")
    ahead: bool = Field(description="Whether no cluster waits for it yet.")


class PermitBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_PERMIT]})

    name: str = Field(
        description="pause, resume, approve, retry, skip, finalize, cancel, rollback, "
        "confirm-cleanup, append-step or adopt: the last segment of its path; append-step is POST "
        "…/steps."
    )
    allowed: bool
    why: str = Field(description="Why it is not possible: the state, or a right that you lack.")
    plans: list[list[ActionName]] = Field(
        description="For append-step: the steps that may come next, least dangerous first."
    )
    approvals: list[AwaitedApprovalBody] = Field(
        description="For approve: what may be approved; what clusters wait for comes first."
    )
    danger: Danger = Field(
        description="Risk of the change itself, for its button; for a new step, see its actions' "
        "`dangers`, for an approval, see `approvals`. What can't be undone is in the answer of a "
        "dry run."
    )


class PermitsBody(Body):
    items: list[PermitBody] = Field(description="Least dangerous first.")
    dangers: dict[ActionName, Danger] = Field(description="Risk of a step with that action.")
