"""How long things take here: what is usual, what is stalled, and when a step will be over."""

from ibgu.core.forecast.curve import Change, Point, curve
from ibgu.core.forecast.pace import MEASURED, Pace, Paces
from ibgu.core.forecast.stalled import Stalled, stalled

__all__ = ["MEASURED", "Change", "Pace", "Paces", "Point", "Stalled", "curve", "stalled"]
