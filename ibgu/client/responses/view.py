"""Declares one rollout as a screen shows it, all of it as of one moment."""

from datetime import datetime

from ibgu.client.responses.base import Response
from ibgu.client.responses.failures import Failures
from ibgu.client.responses.overview import Grid, Timeline
from ibgu.client.responses.rollouts import Counts, Rollout, Step


class StalledCluster(Response, frozen=True, kw_only=True):
    cluster: str
    action: str
    reason: str
    since: datetime
    usual: float
    """Seconds."""


class Selected(Response, frozen=True, kw_only=True):
    """Selected is the rollout over the clusters with the requested labels."""

    counts: Counts
    steps: tuple[Step, ...]


class View(Response, frozen=True, kw_only=True):
    seq: int
    now: datetime
    rollout: Rollout
    steps: tuple[Step, ...]
    grid: Grid
    """Of the step that was asked for, as are the following."""
    labelled: tuple[bool, ...] | None
    selected: Selected | None = None
    failures: Failures
    stalled: tuple[StalledCluster, ...] = ()
    timeline: Timeline
