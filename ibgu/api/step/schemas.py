"""One step as a whole: its grid of members, and how it has gone."""

from datetime import datetime

from pydantic import ConfigDict, Field, JsonValue

from ibgu.api.bodies import Body
from ibgu.core.model import Cause, ReasonKind
from ibgu.core.views.display import DisplayState

_GRID: JsonValue = {
    "step": 2,
    "seq": 48213,
    "clusters": ["site-0001", "site-0412", "site-0413"],
    "states": ["succeeded", "failed", "rebooting"],
    "reasons": [None, None, "Rebooting"],
    "causes": [None, "UpgradeFailed", None],
    "failures": [None, "InitMonitorTimeout", None],
    "since": ["2026-11-20T02:01:12Z", "2026-11-20T02:29:04Z", "2026-11-20T02:31:40Z"],
    "stalled": [False, False, True],
    "overdue": [False, False, True],
    "warned": [True, False, False],
    "rollback": [True, False, False],
}
_TIMELINE: JsonValue = {
    "step": 2,
    "slots": 200,
    "points": [
        {"at": "2026-11-20T01:30:00Z", "succeeded": 0, "failed": 0, "inFlight": 0},
        {"at": "2026-11-20T02:00:00Z", "succeeded": 181, "failed": 3, "inFlight": 200},
    ],
}


class GridBody(Body):
    """One entry a member in each list, in the order in which they start."""

    model_config = ConfigDict(json_schema_extra={"examples": [_GRID]})

    step: int | None = Field(description="From 1; null: no step has started.")
    seq: int = Field(
        description="The hub's newest event at that moment: follow the stream from here."
    )
    clusters: list[str]
    states: list[DisplayState] = Field(
        description="The state in one word, as shown by symbols and colours."
    )
    reasons: list[ReasonKind | None] = Field(description="Null: it has finished.")
    causes: list[Cause | None]
    failures: list[str | None] = Field(description="Names of known failures.")
    since: list[datetime | None] = Field(
        description="Start of the reason; for a finished member, its end."
    )
    stalled: list[bool] = Field(
        description="Whether the action takes longer than usual on this hub."
    )
    overdue: list[bool] = Field(description="Whether the reason lasts longer than usual.")
    warned: list[bool] = Field(
        description="Whether the cluster completed an action with a warning."
    )
    rollback: list[bool] = Field(
        description="Whether the cluster reports a deadline for a rollback."
    )


class PointBody(Body):
    at: datetime
    succeeded: int = Field(description="Until then.")
    failed: int = Field(description="Until then.")
    in_flight: int = Field(description="At that moment.")


class TimelineBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_TIMELINE]})

    step: int | None = Field(description="From 1; null: no step has started.")
    slots: int | None
    points: list[PointBody] = Field(description="From the step's start to its end, or to now.")
