"""One rollout as a screen shows it."""

from datetime import datetime

from pydantic import Field

from ibgu.api.bodies import ActionName, Body, CountsBody
from ibgu.api.failures.schemas import FailuresBody
from ibgu.api.rollouts.schemas import RolloutBody, StepBody
from ibgu.api.step.schemas import GridBody, TimelineBody
from ibgu.core.model import ReasonKind


class StalledClusterBody(Body):
    """A cluster whose action is in flight for longer than usual here."""

    cluster: str
    action: ActionName
    reason: ReasonKind
    since: datetime = Field(description="When the usual duration of the action was over.")
    usual: float = Field(description="Usual duration in seconds: p95 of this hub's clusters.")


class ReportsBody(Body):
    """Clusters of one step that report something at the end of their actions."""

    step: int = Field(description="From 1.")
    warned: int = Field(description="Clusters that completed an action with a warning.")
    rollback: int = Field(description="Clusters that report a deadline for a rollback.")


class SelectedBody(Body):
    """The rollout over the clusters with the labels that were asked for, and no others."""

    counts: CountsBody = Field(description="Over all steps, as those of `rollout`.")
    steps: list[StepBody] = Field(description="As `steps`, with no `eta`.")


class ViewBody(Body):
    """All of it is as of one moment: whatever is counted twice in it is counted alike."""

    seq: int = Field(description="The hub's newest event at that moment.")
    now: datetime = Field(description="The database's time at that moment; not part of the ETag.")
    rollout: RolloutBody
    steps: list[StepBody] = Field(description="As `steps` has them.")
    reports: list[ReportsBody] = Field(
        description="The steps whose clusters report a warning or a deadline for a rollback."
    )
    grid: GridBody = Field(description="Members of the requested step, as in `grid`.")
    labelled: list[bool] | None = Field(
        description="For each member of the grid, whether its cluster matches the selector; null: "
        "no selector."
    )
    selected: SelectedBody | None = Field(description="null: no selector.")
    failures: FailuresBody = Field(
        description="Failures of that step or of all steps, as in `failures`; with a selector, "
        "only of matching clusters."
    )
    stalled: list[StalledClusterBody] = Field(
        description="The ten that have been stalled longest in that step; with a selector, only "
        "matching clusters."
    )
    timeline: TimelineBody = Field(
        description="Timeline of that step, as in `timeline`; with a selector, "
        "only of matching clusters."
    )
