"""Bodies for how long actions took on this hub."""

from pydantic import ConfigDict, Field, JsonValue

from ibgu.api.bodies import ActionName, Body
from ibgu.core.model import RunResult

_DURATION: JsonValue = {
    "action": "Upgrade",
    "result": "succeeded",
    "count": 1441,
    "p50": 1440.2,
    "p90": 1750.0,
    "p95": 1860.9,
    "max": 2511.4,
}


class DurationBody(Body):
    """The durations of an action in seconds, from when it went to the cluster to its end."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DURATION]})

    action: ActionName
    result: RunResult
    count: int = Field(description="Of the newest 5,000 attempts of the action.")
    p50: float
    p90: float
    p95: float
    max: float


class DurationsBody(Body):
    items: list[DurationBody] = Field(
        description="In the order of the actions, most frequent first."
    )
