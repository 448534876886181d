"""One rollout as a screen shows it, all of it as of one moment."""

from datetime import datetime

from ibgu.client.answers.base import Answer
from ibgu.client.answers.failures import Failures
from ibgu.client.answers.overview import Grid, Timeline
from ibgu.client.answers.rollouts import Counts, Rollout, Step


class StalledCluster(Answer, frozen=True, kw_only=True):
    cluster: str
    action: str
    reason: str
    since: datetime
    usual: float
    """Seconds."""


class Selected(Answer, frozen=True, kw_only=True):
    """Over the clusters with the labels that were asked for."""

    counts: Counts
    steps: tuple[Step, ...]


class View(Answer, frozen=True, kw_only=True):
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
