"""Selects the clusters whose feedback is refreshed now: where agents only poll, runs that may have
ended (R21.2); where they watch, clusters that have fallen silent after a reboot (R21.4).

All times are seconds of one monotonic clock of the caller's.
"""

from ibgu.core.engine.refresh.budget import Budget
from ibgu.core.engine.refresh.eligibility import Eligibility, eligibility, eligibility_if_silent
from ibgu.core.engine.refresh.ranges import any_age, chance, range_of
from ibgu.core.engine.refresh.schedule import GAP, MAX_AGE, RefreshSchedule, RefreshTarget

__all__ = [
    "GAP",
    "MAX_AGE",
    "Budget",
    "Eligibility",
    "RefreshSchedule",
    "RefreshTarget",
    "any_age",
    "chance",
    "eligibility",
    "eligibility_if_silent",
    "range_of",
]
