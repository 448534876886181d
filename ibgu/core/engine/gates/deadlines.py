"""The deadline of a step, and the part of its time that a member has (R11)."""

from datetime import datetime, timedelta

from ibgu.core.engine.gates.shares import step_rate_limits
from ibgu.core.engine.state import TrackedRollout, TrackedStep
from ibgu.core.model import Step
from ibgu.core.model.bounds import LATEST


def time_stopped(step: Step, now: datetime) -> timedelta:
    """Returns how long the step's clock has stood. Another leader's clock may be behind that of the
    one that stopped it: no time has passed then."""
    stopped_now = now - step.stopped_since if step.stopped_since else timedelta()
    return step.stopped + max(timedelta(), stopped_now)


def step_deadline(step: Step, now: datetime) -> datetime:
    """Returns the end of the step's clock, which may have stood, or stand now (R11.1)."""
    assert step.started_at is not None
    return step.started_at + step.timeout + time_stopped(step, now)


def share(tracked: TrackedRollout, step: TrackedStep) -> timedelta:
    """Returns a member's part of the step's time, if all take equally long (R11.1)."""
    total, slots = step.step.total, step.step.max_concurrency
    return step.step.timeout / step_rate_limits(tracked, step).waves(total, slots)


def _remaining_share(tracked: TrackedRollout, step: TrackedStep, now: datetime) -> timedelta:
    """Returns a member's part of the time that the step has left, if it starts now (R11.2)."""
    total, slots = step.step.total, step.step.max_concurrency
    started = min(total - step.not_started, total - 1)
    waves = step_rate_limits(tracked, step).waves(total, slots, started)
    return (step_deadline(step.step, now) - now) / waves


def limit(tracked: TrackedRollout, step: TrackedStep, now: datetime) -> datetime:
    """Returns the limit of a member that starts now: its share, or more if time allows (R11.2)."""
    return min(LATEST, now + max(share(tracked, step), _remaining_share(tracked, step, now)))
