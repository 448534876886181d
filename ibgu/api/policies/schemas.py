"""RolloutPolicies with what they hold."""

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field, JsonValue

from ibgu.api.bodies import Body
from ibgu.core.model import ActingParty

_SCOPE = (
    "It applies to Upgrade, Update, in every rollout, on the clusters with the labels network=ran."
)
_OPENS = "the policy's window opens at 01:00 CET on 27 November 2026"
_POLICY: dict[str, JsonValue] = {
    "name": "ran-nights",
    "generation": 3,
    "since": "2026-11-12T08:30:00Z",
    "allows": [
        _SCOPE,
        'Clusters start in a window of 4 h from "0 1 * * MON-FRI" (cron), in the time zone '
        "Europe/Berlin; it opens at 01:00 CET on 27 November 2026.",
    ],
    "clusters": 214,
    "rollouts": 1,
    "opens": "2026-11-27T00:00:00Z",
    "message": f"held by policy ran-nights: {_OPENS}; 214 clusters wait for it",
}
_HOLD: JsonValue = {
    "namespace": "default",
    "name": "ran-417",
    "uid": "5f0d8e1c-6f3c-4a8e-9f5e-0d9f4c1f2a3b",
    "step": 2,
    "clusters": 214,
    "names": ["site-0412", "site-0413"],
    "inFlight": False,
    "since": "2026-11-26T04:00:12Z",
    "until": "2026-11-27T00:00:00Z",
    "who": "ibgu",
    "message": _OPENS,
    "ends": "the gate opens automatically when the policy allows it, for the first at "
    "2026-11-27T00:00:00Z",
}
_SPEC: JsonValue = {
    "clusters": {"selector": {"matchLabels": {"network": "ran"}}},
    "actions": ["Upgrade", "Update"],
    "windows": [
        {"cron": "0 1 * * MON-FRI", "durationMinutes": 240, "timeZone": "Europe/Berlin"},
    ],
}


class PolicyBody(Body):
    """A policy, with what it holds in rollouts that the caller may read."""

    model_config = ConfigDict(json_schema_extra={"examples": [_POLICY]})

    name: str
    generation: int | None = Field(
        description="Of the version that is in force; null: the controller can't read the policy."
    )
    since: datetime | None = Field(description="When this version came into force.")
    allows: list[str] = Field(description="What the policy allows, a sentence each.")
    clusters: int = Field(description="Clusters that it holds now.")
    rollouts: int = Field(description="Rollouts that these clusters belong to.")
    opens: datetime | None = Field(description="When the first of these clusters may start.")
    message: str | None = Field(
        description="What it holds now, and why, in a sentence; null: nothing."
    )


class PoliciesBody(Body):
    problem: str | None = Field(
        description="What waits because the policies of the hub are not known; null: nothing."
    )
    items: list[PolicyBody] = Field(description="By name.")


class PolicyHoldBody(Body):
    """Clusters of a step that a policy holds for one reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [_HOLD]})

    namespace: str
    name: str = Field(description="The rollout's name.")
    uid: str
    step: int = Field(description="From 1.")
    clusters: int
    names: list[str] = Field(description="At most ten clusters, in the step's order.")
    in_flight: bool = Field(description="Whether they wait between two actions of the step.")
    since: datetime = Field(description="When the first of them began to wait.")
    until: datetime | None = Field(description="When the first of them may start, if known.")
    who: ActingParty = Field(description="Who must act to end it.")
    message: str = Field(description="The reason of the one that may start first.")
    ends: str = Field(description="What ends the hold.")


class PolicyDetailBody(PolicyBody):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_POLICY, "spec": _SPEC, "holds": [_HOLD]}]}
    )

    spec: dict[str, Any] | None = Field(description="As the controller has read it.")
    holds: list[PolicyHoldBody] = Field(description="Most clusters first.")
