"""How fast a step may start its members: what the IBGU's annotations ask for."""

from ibgu.core.rate_limits.annotations import misread, rate_limits_of
from ibgu.core.rate_limits.limits import MINUTE, UNLIMITED, RateLimits, words

__all__ = ["MINUTE", "UNLIMITED", "RateLimits", "misread", "rate_limits_of", "words"]
