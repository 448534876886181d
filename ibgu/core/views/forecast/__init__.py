"""Forecasts: how long actions usually take here, which are stalled, and when a step or a
plan will be over."""

from ibgu.core.engine.timing.durations import MEASURED, DurationsByAction, DurationStats, steadied
from ibgu.core.views.forecast.curve import IntervalCounts, Point, curve
from ibgu.core.views.forecast.eta import Eta, RemainingActions, RemainingWork, eta
from ibgu.core.views.forecast.plan import Forecast, Unreached, forecast
from ibgu.core.views.forecast.schedule import makespan
from ibgu.core.views.forecast.stalled import Stalled, stalled
from ibgu.core.views.forecast.step_course import PlannedStep, PlanRules, later

__all__ = [
    "MEASURED",
    "DurationStats",
    "DurationsByAction",
    "Eta",
    "Forecast",
    "IntervalCounts",
    "PlanRules",
    "PlannedStep",
    "Point",
    "RemainingActions",
    "RemainingWork",
    "Stalled",
    "Unreached",
    "curve",
    "eta",
    "forecast",
    "later",
    "makespan",
    "stalled",
    "steadied",
]
