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
    observed_generation: int = Field(description="0: it does not say.")
    last_transition_time: datetime | None


class ManifestBody(Body):
    """One object that the work brings to the cluster; its content is not shown."""

    kind: str
    namespace: str
    name: str
    conditions: list[ConditionBody]
    feedback: dict[str, str] = Field(description="Value by name, as the agent reports it.")


class WorkRunBody(Body):
    id: str
    action: ActionName
    attempt: int
    started_at: datetime | None
    limit: datetime | None
    result: RunResult | None = Field(description="null: it had not ended when the work was written")


class IbuBody(Body):
    """The cluster's ImageBasedUpgrade, as the values tell it."""

    state: IbuState = Field(description="What its conditions mean.")
    stage: str
    generation: int
    observed_generation: int = Field(
        description="Differs from `generation`: the Lifecycle Agent has not seen the stage yet."
    )
    available: str = Field(description="Not True: the agent can't read it, the values are old.")
    next_stages: list[Stage]
    seed: str = Field(description="The seed image's version.")
    run: str = Field(description="The run whose stage the cluster has.")


class WorkBody(Body):
    name: str
    part: str = Field(description="`stage` (what is asked) or `payload` (what it takes for it).")
    rollout: str = Field(description="namespace/name")
    rollout_uid: str
    asks: str = Field(description="What it asks of the cluster; empty: it only carries something.")
    agent: str = Field(description="What the agent has done about it.")
    stands: str = Field(description="What the values say, in a sentence; empty: there are none.")
    generation: int
    created_at: datetime | None
    terminating: bool
    edited: bool = Field(description="It is not as ibgu wrote it.")
    armed: bool = Field(description="The stage is enforced; else it is only watched.")
    run: WorkRunBody | None = Field(description="What it is armed for, or was last.")
    applied: bool = Field(description="The agent has applied this generation.")
    apply_error: str
    ibu: IbuBody | None = Field(description="null: nothing was reported yet.")
    conditions: list[ConditionBody]
    manifests: list[ManifestBody]


class WorksBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_WORKS]})

    cluster: str
    read_at: datetime = Field(description="When the hub was asked.")
    items: list[WorkBody]
