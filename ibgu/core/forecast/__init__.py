"""Forecasts: how long actions usually take here, which are stalled, and when a step will be
over."""

from ibgu.core.forecast.curve import IntervalCounts, Point, curve
from ibgu.core.forecast.durations import MEASURED, DurationsByAction, DurationStats, steadied
from ibgu.core.forecast.eta import Eta, InFlight, RemainingWork, eta
from ibgu.core.forecast.schedule import makespan
from ibgu.core.forecast.stalled import Stalled, stalled

__all__ = [
    "MEASURED",
    "DurationStats",
    "DurationsByAction",
    "Eta",
    "InFlight",
    "IntervalCounts",
    "Point",
    "RemainingWork",
    "Stalled",
    "curve",
    "eta",
    "makespan",
    "stalled",
    "steadied",
]
