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
    since: datetime = Field(description="When its action had taken as long as usual.")
    usual: float = Field(description="Seconds in which 95 of 100 clusters of this hub do it.")


class SelectedBody(Body):
    """The rollout over the clusters with the labels that were asked for, and no others."""

    counts: CountsBody = Field(description="Over all steps, as those of `rollout`.")
    steps: list[StepBody] = Field(description="As `steps`, with no `eta`.")


class ViewBody(Body):
    """All of it is as of one moment: whatever is counted twice in it is counted alike."""

    seq: int = Field(description="The hub's newest event at that moment.")
    now: datetime = Field(
        description="The database's clock at that moment. The tag of the answer does not count it."
    )
    rollout: RolloutBody
    steps: list[StepBody] = Field(description="As `steps` has them.")
    grid: GridBody = Field(description="Of the step that was asked for, as `grid` has it.")
    labelled: list[bool] | None = Field(
        description="Of each member of the grid, whether its cluster has such labels; null: no "
        "label was asked for."
    )
    selected: SelectedBody | None = Field(description="Null: no label was asked for.")
    failures: FailuresBody = Field(
        description="Of that step, or of all of them, as `failures` has them; where a label was "
        "asked for, of clusters with such labels only."
    )
    stalled: list[StalledClusterBody] = Field(
        description="Of that step, the ten that have been so for longest; where a label was asked "
        "for, of clusters with such labels only."
    )
    timeline: TimelineBody = Field(
        description="Of that step, as `timeline` has it; where a label was asked for, of clusters "
        "with such labels only."
    )
