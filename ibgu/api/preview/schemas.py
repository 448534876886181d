"""Bodies for the preview of a plan: what it would do, before it does."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, JsonValue, model_validator

from ibgu.api.bodies import Body
from ibgu.api.changes.schemas import NewStepBody
from ibgu.api.problems.rules import NAME

_STEP: JsonValue = {
    "step": 1,
    "actions": ["Prep"],
    "clusters": 3500,
    "waves": 18,
    "slots": 200,
    "timeoutMinutes": 60,
    "allowedMinutesPerSite": 3.3,
    "measured": {"p50": 420.0, "p95": 720.0, "count": 1200},
    "enough": False,
    "advice": "timeout 60 is too short: it allows 3.3 min a site in 18 waves, and Prep takes "
    "7 min (p50) to 12 min (p95) here; at least 216 for p95",
    "order": ["site-1", "site-2"],
    "startsPerMinute": 20,
    "rampUp": False,
    "jitterSeconds": 0,
}
PREVIEW: JsonValue = {
    "selected": 3500,
    "excluded": [
        {
            "why": "with the label lcm.openshift.io/ibgu-upgrade-completed",
            "count": 96,
            "clusters": ["site-7"],
        }
    ],
    "steps": [_STEP],
    "errors": [
        "14 of 3500 clusters are older than 4.14.13, the first supported release (site-3, …) [P1]"
    ],
    "warnings": ["12 of 3500 clusters are not reachable now: they wait, and start when they are"],
    "ends": {
        "likely": "2026-11-20T03:10:00Z",
        "slow": "2026-11-20T04:00:00Z",
        "latest": "2026-11-20T04:00:00Z",
        "basis": [
            "Prep measured 1200 times here: half took 7 min, 95 of 100 at most 12 min",
            "no cluster fails",
        ],
        "unreached": [
            {"why": "the hub can't reach them now", "count": 12, "clusters": ["site-40"]}
        ],
    },
    "valid": True,
    "problems": [],
}
Name = Annotated[str, Field(pattern=NAME, max_length=253)]


class ProposalBody(Body):
    """Either a rollout by `namespace` and `name`, with steps to append, or a `manifest`."""

    namespace: Name | None = None
    name: Name | None = None
    append: list[NewStepBody] = Field(default=[], max_length=10)
    manifest: dict[str, Any] | None = Field(
        default=None, description="An ImageBasedGroupUpgrade, as it would be applied."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        named = bool(self.namespace and self.name)
        if named == (self.manifest is not None) or (self.manifest is not None and self.append):
            raise ValueError("specify namespace and name (and append), or a manifest")
        return self


class ExcludedBody(Body):
    why: str
    count: int
    clusters: list[str] = Field(description="At most ten names.")


class MeasuredBody(Body):
    p50: float = Field(description="Seconds per site for all actions of the step.")
    p95: float
    count: int = Field(description="Of the action that was measured least.")


class StepPreviewBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_STEP]})

    step: int = Field(description="From 1.")
    actions: list[str]
    clusters: int
    waves: int
    slots: int
    timeout_minutes: int
    allowed_minutes_per_site: float
    measured: MeasuredBody | None = Field(description="null: too few measurements on this hub.")
    enough: bool | None = Field(description="Whether p95 fits into the time; null: not measured.")
    advice: str
    order: list[str] = Field(description="The first fifty, in the order in which they would start.")
    starts_per_minute: int = Field(description="At most; 0: as many as there are slots.")
    ramp_up: bool = Field(description="At most 1, 2, 4, ... clusters in flight.")
    jitter_seconds: int = Field(description="Maximum random delay of a start.")


class EndsBody(Body):
    likely: datetime | None = Field(
        description="If each action takes as long as half of the measured ones, under windows, "
        "freezes, canaries and limits of policies. null: an action was measured too rarely, or no "
        "cluster of a step can start."
    )
    slow: datetime | None = Field(
        description="The same, if each takes as long as p95; null if `likely` is."
    )
    latest: datetime | None = Field(
        description="When the last timeout is over; null: policies keep all clusters of the first "
        "step, and its timeout has not begun to count."
    )
    basis: list[str] = Field(description="What likely and slow rest on.")
    unreached: list[ExcludedBody] = Field(
        description="Clusters that do not get to the end of the likely course, and why."
    )


class PreviewBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [PREVIEW]})

    selected: int = Field(description="Clusters of the next step.")
    excluded: list[ExcludedBody] = Field(
        description="Clusters that the selectors match, but this step leaves out."
    )
    steps: list[StepPreviewBody] = Field(description="Steps that have not started.")
    errors: list[str] = Field(
        description="What preflight found wrong with some of the clusters: with "
        "`ibgu.dev/preflight: enforce` they do not start, else they are likely to fail."
    )
    warnings: list[str]
    ends: EndsBody | None = Field(description="null: nothing would start.")
    valid: bool
    problems: list[str] = Field(description="Why ibgu could not carry out the plan.")
