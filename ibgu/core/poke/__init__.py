"""Which clusters are worth being read now (R21.2), where their agents only poll.

All times are seconds of one monotonic clock of the caller's.
"""

from ibgu.core.poke.budget import Budget
from ibgu.core.poke.pokes import GAP, LONGEST, Pokes, Target
from ibgu.core.poke.ranges import BUILT_IN, Range, chance, range_of
from ibgu.core.poke.standing import Standing, standing

__all__ = [
    "BUILT_IN",
    "GAP",
    "LONGEST",
    "Budget",
    "Pokes",
    "Range",
    "Standing",
    "Target",
    "chance",
    "range_of",
    "standing",
]
