"""All that is under way, in numbers, and what needs a person."""

from datetime import datetime

from pydantic import ConfigDict, Field, JsonValue

from ibgu.api.bodies import Body
from ibgu.api.rollouts.schemas import NeedsPersonBody
from ibgu.core.engine.display import Word
from ibgu.core.views.status import Phase

_SUMMARY: JsonValue = {
    "rollouts": {
        "Pending": 0,
        "Running": 1,
        "Held": 1,
        "Completed": 4,
        "CompletedWithFailures": 1,
        "Invalid": 0,
    },
    "members": {
        "waiting": 1828,
        "probing": 0,
        "running": 58,
        "rebooting": 142,
        "succeeded": 1441,
        "failed": 31,
        "skipped": 0,
        "cancelled": 0,
        "held": 0,
        "takenOver": 0,
    },
    "failed": 43,
    "stalled": 3,
    "needsPerson": [
        {
            "namespace": "default",
            "name": "edge-416",
            "kind": "CircuitBreaker",
            "since": "2026-11-20T02:12:09Z",
            "message": "20 clusters in a row have failed with UpgradeFailed; annotate the IBGU "
            "with ibgu.dev/resume to go on",
            "members": 0,
            "overdue": False,
        }
    ],
    "now": "2026-11-20T02:31:55Z",
}


class SummaryBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_SUMMARY]})

    rollouts: dict[Phase, int] = Field(description="By phase; deleted ones are not counted.")
    members: dict[Word, int] = Field(
        description="By state, in the newest steps of rollouts that have not completed."
    )
    failed: int = Field(
        description="Clusters that are failed in these rollouts, by `counts` of each."
    )
    stalled: int
    needs_person: list[NeedsPersonBody] = Field(description="What has waited longest comes first.")
    now: datetime = Field(description="The database's clock.")
