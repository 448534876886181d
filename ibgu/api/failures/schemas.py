"""Failures, grouped by what happened."""

from pydantic import ConfigDict, Field, JsonValue

from ibgu.api.bodies import ActionName, Body
from ibgu.core.model import Cause, Outcome

_GROUP: JsonValue = {
    "step": 1,
    "action": "Prep",
    "outcome": "failed",
    "cause": "PrepFailed",
    "failure": "PrecacheFailed",
    "specific": True,
    "means": "Images of the new release could not be pulled to the node.",
    "remedy": "Check the mirror registry. Then run `ibgu retry ran-417 -n default --abort-first`.",
    "message": "failed to pull images: registry.site:5000 is unreachable",
    "messageOf": "site-0003",
    "count": 22,
    "clusters": ["site-0003", "site-0017"],
    "aborted": ["site-0017"],
}


class FailureGroupBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_GROUP]})

    step: int = Field(description="From 1.")
    action: ActionName | None
    outcome: Outcome
    cause: Cause | None
    failure: str | None = Field(description="Name of the known failure, if any.")
    specific: bool = Field(
        description="Whether `failure`, or else `cause`, says more than action and outcome do."
    )
    means: str | None
    remedy: str | None
    message: str = Field(description="The most frequent message from the clusters.")
    message_of: str | None = Field(
        description="The cluster that reported `message`, if others of the group reported another "
        "one. Null: all have reported this one."
    )
    count: int
    clusters: list[str] = Field(description="At most ten names.")
    aborted: list[str] = Field(
        description="Members of `clusters` that an Abort or AbortOnFailure, of this or another "
        "rollout, later returned to Idle."
    )


class FailuresBody(Body):
    total: int
    items: list[FailureGroupBody] = Field(description="Largest group first.")
