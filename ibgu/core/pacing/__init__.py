"""How fast a step may start its members: what the IBGU's annotations ask for."""

from ibgu.core.pacing.annotations import misread, pacing_of
from ibgu.core.pacing.pacing import MINUTE, UNPACED, Pacing, words

__all__ = ["MINUTE", "UNPACED", "Pacing", "misread", "pacing_of", "words"]
