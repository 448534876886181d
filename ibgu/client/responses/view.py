"""Declares one rollout as a screen shows it, all of it as of one moment."""

from datetime import datetime

from ibgu.client.responses.base import Response
from ibgu.client.responses.failures import FailuresResponse
from ibgu.client.responses.overview import GridResponse, TimelineResponse
from ibgu.client.responses.rollouts import CountsResponse, RolloutResponse, StepResponse


class StalledClusterResponse(Response, frozen=True, kw_only=True):
    cluster: str
    action: str
    reason: str
    since: datetime
    usual: float
    """Seconds."""


class SelectedResponse(Response, frozen=True, kw_only=True):
    """SelectedResponse is the rollout over the clusters with the requested labels."""

    counts: CountsResponse
    steps: tuple[StepResponse, ...]


class ViewResponse(Response, frozen=True, kw_only=True):
    seq: int
    now: datetime
    rollout: RolloutResponse
    steps: tuple[StepResponse, ...]
    grid: GridResponse
    """Of the step that was asked for, as are the following."""
    labelled: tuple[bool, ...] | None
    selected: SelectedResponse | None = None
    failures: FailuresResponse
    stalled: tuple[StalledClusterResponse, ...] = ()
    timeline: TimelineResponse
