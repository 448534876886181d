"""Bodies for ManifestWorks: what they ask of a cluster, and what its agent reports."""

from datetime import datetime

from pydantic import ConfigDict, Field, JsonValue

from ibgu.api.bodies import ActionName, Body
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.observe.ibu_state import IbuState
from ibgu.core.model import RunResult

_APPLIED: JsonValue = {
    "type": "Applied",
    "status": "True",
    "reason": "AppliedManifestComplete",
    "message": "Apply manifest complete",
    "observedGeneration": 4,
    "lastTransitionTime": "2026-11-20T01:12:09Z",
}
_WORKS: JsonValue = {
    "cluster": "site-0412",
    "readAt": "2026-11-20T01:15:40Z",
    "items": [
        {
            "name": "ran-417-0c5d1e2f3a4b-stage",
            "part": "stage",
            "rollout": "default/ran-417",
            "rolloutUid": "5b0c1b8e-0000-4000-8000-000000000417",
            "asks": "Prep, attempt 1 (disarmed, only watched)",
            "agent": "has applied this version",
            "stands": "preparing: stage Prep, seed 4.17.2; may follow: Idle",
            "generation": 4,
            "createdAt": "2026-11-20T01:11:58Z",
            "terminating": False,
            "edited": False,
            "armed": False,
            "run": {
                "id": "0198a7d2",
                "action": "Prep",
                "attempt": 1,
                "startedAt": "2026-11-20T01:12:09Z",
                "limit": "2026-11-20T05:12:09Z",
                "result": None,
            },
            "applied": True,
            "applyError": "",
            "ibu": {
                "state": "preparing",
                "stage": "Prep",
                "generation": 3,
                "observedGeneration": 3,
                "available": "True",
                "nextStages": ["Idle"],
                "seed": "4.17.2",
                "run": "0198a7d2",
            },
            "conditions": [_APPLIED],
            "manifests": [
                {
                    "kind": "ImageBasedUpgrade",
                    "namespace": "",
                    "name": "upgrade",
                    "conditions": [_APPLIED],
                    "feedback": {"stage": "Prep", "generation": "3", "observedGeneration": "3"},
                }
            ],
        }
    ],
}


class ConditionBody(Body):
    type: str
    status: str
    reason: str
    message: str
    observed_generation: int = Field(description="0: not reported.")
    last_transition_time: datetime | None


class ManifestBody(Body):
    """One object that the work brings to the cluster; its content is not shown."""

    kind: str
    namespace: str
    name: str
    conditions: list[ConditionBody]
    feedback: dict[str, str] = Field(description="Values by name, as the agent reports them.")


class WorkRunBody(Body):
    id: str
    action: ActionName
    attempt: int
    started_at: datetime | None
    limit: datetime | None
    result: RunResult | None = Field(description="null: it had not ended when the work was written")


class IbuBody(Body):
    """The cluster's ImageBasedUpgrade, as the values tell it."""

    state: IbuState = Field(description="Meaning of the conditions.")
    stage: str
    generation: int
    observed_generation: int = Field(
        description="If it differs from `generation`, the Lifecycle Agent has "
        "not seen the stage yet."
    )
    available: str = Field(
        description="Unless True, the agent can't read the object, and the values are old."
    )
    next_stages: list[Stage]
    seed: str = Field(description="The seed image's version.")
    run: str = Field(description="The run that the cluster's stage belongs to.")


class WorkBody(Body):
    name: str
    part: str = Field(
        description="`stage` (the requested stage), `payload` (the objects that it needs) or `job` "
        "(a Job that does an action)."
    )
    rollout: str = Field(description="namespace/name")
    rollout_uid: str
    asks: str = Field(
        description="What the work requests from the cluster; empty: it only delivers objects."
    )
    agent: str = Field(description="What the agent has done with the work.")
    stands: str = Field(description="The values in one sentence; empty: no values.")
    generation: int
    created_at: datetime | None
    terminating: bool
    edited: bool = Field(description="The work differs from what ibgu wrote.")
    armed: bool = Field(description="Whether the stage is enforced; otherwise it is only watched.")
    run: WorkRunBody | None = Field(
        description="What the work is armed for, or was last armed for."
    )
    applied: bool = Field(description="The agent has applied this generation.")
    apply_error: str
    ibu: IbuBody | None = Field(description="null: no report yet.")
    conditions: list[ConditionBody]
    manifests: list[ManifestBody]


class WorksBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_WORKS]})

    cluster: str
    read_at: datetime = Field(description="When ibgu read the works from the hub.")
    items: list[WorkBody]
