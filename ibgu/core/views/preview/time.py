"""Checks whether a step's time suffices: by measurements on this hub, and by the agent's own
timeout."""

from collections.abc import Sequence
from datetime import timedelta
from math import ceil

from ibgu.core.drivers import traits
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.text.counted import counted
from ibgu.core.views.preview.model import StepPreview, TimeNeeded


def measured(actions: Sequence[str], duration_stats: DurationsByAction) -> TimeNeeded | None:
    """Returns the time of all actions of a step, one after the other; None where one is unknown."""
    found = [stats for action in actions if (stats := duration_stats.get(action))]
    if len(found) < len(actions):
        return None
    return TimeNeeded(
        timedelta(seconds=sum(stats.p50 for stats in found)),
        timedelta(seconds=sum(stats.p95 for stats in found)),
        min(stats.count for stats in found),
    )


def advice(step: StepPreview) -> str:
    if not step.clusters or step.measured is None:
        return ""
    return _against_measured(step, step.measured)


def _against_measured(step: StepPreview, found: TimeNeeded) -> str:
    if step.allowed >= found.p95:
        return ""
    waves = counted(step.waves, "wave")
    return (
        f"timeout {minutes(step.timeout)} is too short: it allows {minutes(step.allowed)} min a "
        f"site in {waves}, and {' and '.join(step.actions)} takes "
        f"{minutes(found.p50)} min (p50) to {minutes(found.p95)} min (p95) here; "
        f"at least {_timeout(found.p95, step)} for p95"
    )


def safe(step: StepPreview, rollback: timedelta) -> timedelta:
    """Returns the time of an action that fails and rolls back by itself; zero for others."""
    return rollback if any(traits(action).rolls_back for action in step.actions) else timedelta()


def minutes(span: timedelta) -> str:
    """Returns minutes, with one decimal place below ten: "3.3", "25"."""
    value = span.total_seconds() / 60
    return f"{value:.1f}".removesuffix(".0") if value < 10 else f"{value:.0f}"


def _timeout(site: timedelta, step: StepPreview) -> int:
    return ceil(site.total_seconds() / 60 * step.waves)
