"""Forecasts: how long actions usually take here, which are stalled, and when a step will be
over."""

from ibgu.core.forecast.curve import Change, Point, curve
from ibgu.core.forecast.durations import MEASURED, DurationsByAction, DurationStats
from ibgu.core.forecast.eta import Eta, InFlight, Rest, eta
from ibgu.core.forecast.schedule import makespan
from ibgu.core.forecast.stalled import Stalled, stalled

__all__ = [
    "MEASURED",
    "Change",
    "DurationStats",
    "DurationsByAction",
    "Eta",
    "InFlight",
    "Point",
    "Rest",
    "Stalled",
    "curve",
    "eta",
    "makespan",
    "stalled",
]
