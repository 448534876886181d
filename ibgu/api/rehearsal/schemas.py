"""Bodies for rehearsals: what is rehearsed, and how it is likely to go."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, model_validator

from ibgu.api.bodies import ActionName, Body, KnownAction
from ibgu.api.preview.schemas import Name
from ibgu.api.problems.rules import LABEL_OR_NONE
from ibgu.core.model.bounds import MAX_INT32, moment

MAX_RUNS = 1000
MAX_LABEL = 317
MAX_TEXT = 512 * 1024
_WEEK = 7 * 24 * 60.0

_BAND: JsonValue = {"p5": 7200.0, "p50": 9000.0, "p95": 14400.0}
_STEP: JsonValue = {
    "step": 1,
    "actions": ["Prep"],
    "begun": 1.0,
    "end": _BAND,
    "succeeded": 3490.2,
    "failed": 9.8,
    "neverStarted": 0.0,
    "timedOut": 0.0,
}


def _moment(value: str) -> str:
    if moment(value) is None:
        raise ValueError('must be a time such as "2026-12-01T22:00:00Z"')
    return value


class AssumedBody(Body):
    """The caller's own expectation of one action, instead of what was measured."""

    action: KnownAction
    failing: float | None = Field(
        default=None, ge=0, le=100, description="Percent of the attempts that fail; null: none."
    )
    p50: float | None = Field(default=None, ge=0.1, le=_WEEK, description="Minutes.")
    p95: float | None = Field(
        default=None, ge=0.1, le=_WEEK, description="Minutes; no less than p50."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if (self.p50 is None) != (self.p95 is None):
            raise ValueError("specify p50 and p95, or neither")
        if self.p50 is not None and self.p95 is not None and self.p95 < self.p50:
            raise ValueError("p95 must be at least p50")
        return self


class RehearsalSubjectBody(Body):
    """Either a rollout by `namespace` and `name`, or a `manifest`, or `yaml` with one."""

    namespace: Name | None = None
    name: Name | None = None
    manifest: dict[str, Any] | None = Field(
        default=None, description="An ImageBasedGroupUpgrade or a FleetUpdate, not yet applied."
    )
    yaml: str | None = Field(
        default=None, max_length=MAX_TEXT, description="A text with one such manifest."
    )
    against: dict[str, Any] | None = Field(
        default=None, description="Manifest of a second plan, rehearsed with the same luck."
    )
    against_yaml: str | None = Field(
        default=None, max_length=MAX_TEXT, description="A text with that one."
    )
    runs: int = Field(default=100, ge=1, le=MAX_RUNS, description="How often it is rehearsed.")
    seed: int = Field(default=1, ge=0, le=MAX_INT32, description="Other draws for another number.")
    begin: Annotated[str, AfterValidator(_moment)] | None = Field(
        default=None, max_length=40, description="When it begins, with a zone; null: now."
    )
    assumed: list[AssumedBody] = Field(default=[], max_length=20)
    by: str = Field(
        default="",
        pattern=LABEL_OR_NONE,
        max_length=MAX_LABEL,
        description="Label of ManagedClusters whose values are told apart.",
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        named = bool(self.namespace and self.name)
        if named + (self.manifest is not None) + (self.yaml is not None) != 1:
            raise ValueError("specify namespace and name, or a manifest, or yaml")
        if self.against is not None and self.against_yaml is not None:
            raise ValueError("specify against or againstYaml, not both")
        return self


class PercentilesBody(Body):
    """A distribution over the runs: nine of ten are between p5 and p95."""

    p5: float
    p50: float
    p95: float


class RehearsedStepBody(Body):
    """Counts of clusters are means over the runs."""

    model_config = ConfigDict(json_schema_extra={"examples": [_STEP]})

    step: int = Field(description="From 1.")
    actions: list[ActionName]
    begun: float = Field(description="Share of the runs in which it begins, from 0 to 1.")
    end: PercentilesBody | None = Field(
        description="Seconds from `begin`; null: it begins in no run."
    )
    succeeded: float
    failed: float
    never_started: float
    timed_out: float = Field(description="Share of the runs in which its timeout ends it.")


class TripBody(Body):
    """A rule that stops a step after failures, until a person resumes."""

    rule: str = Field(description="`circuit breaker`, `breaker`, `canaries`, `failure budget`.")
    policy: str = Field(description="Empty: the step's own circuit breaker.")
    step: int
    share: float = Field(description="Share of the runs in which it holds the step.")
    failed: PercentilesBody = Field(description="Clusters that had failed by then.")
    started: PercentilesBody = Field(description="Clusters of the step that had started.")


class RehearsedPolicyBody(Body):
    """The clusters that one policy keeps waiting."""

    name: str
    clusters: PercentilesBody
    hours: PercentilesBody = Field(description="Of all these clusters together.")
    missed: PercentilesBody = Field(
        description="Clusters on which a window closes while they wait for their start."
    )
    missed_windows: PercentilesBody = Field(
        description="The windows that close so, over all these clusters."
    )


class RehearsedApprovalBody(Body):
    """An approval that a policy asks for; it is taken to come at once."""

    policy: str
    step: int
    before: str = Field(description="`Step`, `Rest`, or an action.")
    share: float = Field(description="Share of the runs in which it is asked for.")
    asked: PercentilesBody = Field(
        description="Seconds from `begin` until the first cluster waits for it."
    )


class RegionBody(Body):
    value: str = Field(description="Of the label; empty: clusters without it.")
    end: PercentilesBody = Field(description="Seconds from `begin`.")


class LoadBody(Body):
    """The load within an interval."""

    at: float = Field(description="Its beginning, in seconds from `begin`.")
    slots: PercentilesBody = Field(description="Slots in use, on average.")
    starts: PercentilesBody = Field(description="Most actions that start within a minute.")
    pulls: PercentilesBody = Field(description="Most of them that pull an image.")


class HeldBody(Body):
    by: str = Field(description="As `rule` of `trips`; or `policy`: one never opens.")
    share: float = Field(description="Share of the runs that end so.")


class RehearsedPlanBody(Body):
    namespace: str
    name: str
    clusters: int = Field(description="Clusters that any step may take.")
    end: PercentilesBody = Field(
        description="Seconds from `begin` to the end, or until a person has to act."
    )
    ends: list[float] = Field(description="Ends of at most 100 runs, in order.")
    held: list[HeldBody]
    trips: list[TripBody]
    steps: list[RehearsedStepBody]
    policies: list[RehearsedPolicyBody]
    approvals: list[RehearsedApprovalBody]
    endless: list[str] = Field(
        description="What keeps clusters for ever: a demand of a policy that nobody meets."
    )
    assumed: list[str] = Field(description="What is taken for granted, as sentences.")
    slots: int = Field(description="Most slots in use at once, in any run.")
    pulls: PercentilesBody = Field(description="Most pulls of an image within a minute.")
    regions: list[RegionBody] = Field(description="The 200 that end last, by `value`.")
    more_regions: int = Field(description="How many others there are.")
    load: list[LoadBody] = Field(description="At most 120 intervals of equal length.")
    warnings: list[str]


class RehearsalBody(Body):
    begin: datetime
    runs: int = Field(description="Runs for which the time sufficed; of each plan as many.")
    plans: list[RehearsedPlanBody] = Field(description="The second one is `against`.")
    left_out: str = Field(description="What is not rehearsed.")
