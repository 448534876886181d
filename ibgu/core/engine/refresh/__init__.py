"""Selects the clusters whose feedback is refreshed now (R21.2), where their agents only poll.

All times are seconds of one monotonic clock of the caller's.
"""

from ibgu.core.engine.refresh.budget import Budget
from ibgu.core.engine.refresh.eligibility import Eligibility, eligibility
from ibgu.core.engine.refresh.ranges import BUILT_IN, Range, chance, range_of
from ibgu.core.engine.refresh.schedule import GAP, LONGEST, RefreshSchedule, RefreshTarget

__all__ = [
    "BUILT_IN",
    "GAP",
    "LONGEST",
    "Budget",
    "Eligibility",
    "Range",
    "RefreshSchedule",
    "RefreshTarget",
    "chance",
    "eligibility",
    "range_of",
]
