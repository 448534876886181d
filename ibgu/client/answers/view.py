"""One rollout as a screen shows it, all of it as of one moment."""

from datetime import datetime

from ibgu.client.answers.base import Answer
from ibgu.client.answers.failures import Failures
from ibgu.client.answers.overview import Grid, Timeline
from ibgu.client.answers.rollouts import Rollout, Step


class View(Answer, frozen=True, kw_only=True):
    seq: int
    now: datetime
    rollout: Rollout
    steps: tuple[Step, ...]
    grid: Grid
    """Of the step that was asked for, as are the following."""
    labelled: tuple[bool, ...] | None
    failures: Failures
    timeline: Timeline
