"""Determines how long to wait before a retry."""

import random

from msgspec import Struct


class Backoff(Struct, frozen=True):
    """Backoff is exponential, with the whole upper half random so that many clients don't retry in
    step."""

    first: float = 0.25
    """Seconds before the second try."""
    longest: float = 30.0

    def delay(self, failures: int, rng: random.Random) -> float:
        """Returns the seconds to wait after the n-th failure in a row, n counted from 1."""
        ceiling = min(self.longest, self.first * 2.0 ** min(failures - 1, 32))
        return ceiling * rng.uniform(0.5, 1.0)
