"""Forecasts: how long actions usually take here, which are stalled, and when a step will be
over."""

from ibgu.core.engine.timing.durations import MEASURED, DurationsByAction, DurationStats, steadied
from ibgu.core.views.forecast.curve import IntervalCounts, Point, curve
from ibgu.core.views.forecast.eta import Eta, RemainingActions, RemainingWork, eta
from ibgu.core.views.forecast.schedule import makespan
from ibgu.core.views.forecast.stalled import Stalled, stalled

__all__ = [
    "MEASURED",
    "DurationStats",
    "DurationsByAction",
    "Eta",
    "IntervalCounts",
    "Point",
    "RemainingActions",
    "RemainingWork",
    "Stalled",
    "curve",
    "eta",
    "makespan",
    "stalled",
    "steadied",
]
