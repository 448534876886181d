"""Bodies for the records of shadow mode beside TALM. Every body says that it is a shadow's."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue

from ibgu.api.bodies import ActionName, Body
from ibgu.api.rollouts.schemas import ReleaseBody
from ibgu.core.assurance.shadow import ShadowVerdict
from ibgu.core.model import Cause

_OUTCOME: JsonValue = {
    "verdict": "failed",
    "at": "2026-11-20T01:12:09Z",
    "cause": "PrepFailed",
    "message": "Prep failed",
}
_CLUSTER: JsonValue = {
    "shadow": True,
    "cluster": "site-0412",
    "step": 1,
    "action": "Prep",
    "batch": 3,
    "since": "2026-11-20T01:00:01Z",
    "reachable": True,
    "words": "Prep failed",
    "ibgu": _OUTCOME,
    "talm": None,
    "aheadSeconds": 2880.0,
    "idleSeconds": None,
    "differ": False,
    "explanation": "Prep has failed 48 min ago; TALM waits for its time-out",
    "failure": None,
    "means": None,
    "remedy": "read the cluster's own words",
    "history": [{"at": "2026-11-20T01:00:01Z", "text": "TALM asks the cluster for Prep"}],
}


class ShadowBody(Body):
    shadow: Annotated[Literal[True], Field(description="TALM did this; ibgu only watched.")] = True


class ShadowRolloutBody(ShadowBody):
    namespace: str
    name: str
    uid: str
    created_at: datetime
    watched_since: datetime = Field(description="ibgu has not seen what happened before.")
    release: ReleaseBody
    plan: list[list[str]]
    progress: str = Field(description="TALM's own words (condition Progressing).")
    complete: bool = Field(description="As reported by TALM.")
    deleted: bool


class OutcomeBody(Body):
    verdict: ShadowVerdict
    at: datetime
    cause: Cause | None = Field(description="null: TALM reports only a timeout, without a cause.")
    message: str


class NoteBody(Body):
    at: datetime
    text: str


class ShadowClusterBody(ShadowBody):
    """One action of TALM's on one cluster."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CLUSTER]})

    cluster: str
    step: int = Field(description="From 1.")
    action: ActionName
    batch: int = Field(description="TALM's, from 1; 0: not known.")
    since: datetime = Field(description="When TALM made its ManifestWork.")
    reachable: bool
    words: str = Field(
        description="The newest conditions of the Lifecycle Agent that TALM's feedback reported."
    )
    ibgu: OutcomeBody | None = Field(description="What ibgu would have concluded, and when.")
    talm: OutcomeBody | None = Field(description="What TALM reported, and when ibgu saw it.")
    ahead_seconds: float | None = Field(
        description="How much earlier ibgu would have reported the failure; counted until now if "
        "TALM has not."
    )
    idle_seconds: float | None = Field(
        description="How long the cluster's slot stayed empty until TALM's batch was over."
    )
    differ: bool = Field(description="Set if both have reported, with different results.")
    explanation: str
    failure: str | None = Field(description="Name of the known failure that matches the message.")
    means: str | None
    remedy: str | None
    history: list[NoteBody]


class SlowBatchBody(Body):
    batch: int
    slowest: str = Field(description="The cluster that the batch waited for.")
    waited_seconds: float = Field(
        description="From the first finished cluster to the end of the batch."
    )
    idle_seconds: float = Field(description="Sum over all slots of the batch.")


class ShadowStepBody(Body):
    step: int = Field(description="From 1.")
    actions: list[ActionName]
    max_concurrency: int
    timeout_minutes: int
    clusters: int
    batches: int
    batch: int = Field(description="The running step, from 1; 0: none.")
    started_at: datetime | None
    finished_at: datetime | None
    took_seconds: float | None
    sliding_seconds: float | None = Field(
        description="Estimated duration for the same clusters in a sliding window."
    )
    saved_seconds: float
    idle_seconds: float
    slow: list[SlowBatchBody]


class ShadowFailureBody(Body):
    step: int = Field(description="From 1.")
    action: ActionName
    cause: Cause | None
    failure: str | None
    means: str | None
    remedy: str
    message: str
    count: int
    clusters: list[str] = Field(description="The first ten.")
    ahead_seconds: float = Field(description="Of all of them together.")


class ShadowPolicyBody(Body):
    gate: str = Field(
        description="The gate of a policy that would have held starts, such as "
        "RolloutPolicy/ran-nights, or ClusterHold."
    )
    count: int = Field(description="The starts that it would have held.")
    clusters: list[str] = Field(description="The first ten.")
    message: str = Field(description="Why the first of these starts would have been held.")


class ShadowReportBody(ShadowBody):
    rollout: ShadowRolloutBody
    steps: list[ShadowStepBody]
    failures: list[ShadowFailureBody]
    policies: list[ShadowPolicyBody] = Field(
        description="What the RolloutPolicies of the hub would have held, by the limits, windows, "
        "freezes and holds that ibgu knew when TALM began."
    )
    ahead_seconds: float = Field(
        description="How much earlier ibgu would have reported the failures, in total."
    )
    saved_seconds: float = Field(description="Saved by the sliding window, for the whole rollout.")
