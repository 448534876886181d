"""Rate limits on the starts of a step's members, as the IBGU's annotations ask."""

from ibgu.core.engine.timing.rate_limits.annotations import misread, rate_limits_of, step_limits
from ibgu.core.engine.timing.rate_limits.limits import MINUTE, UNLIMITED, RateLimits, phrases

__all__ = [
    "MINUTE",
    "UNLIMITED",
    "RateLimits",
    "misread",
    "phrases",
    "rate_limits_of",
    "step_limits",
]
