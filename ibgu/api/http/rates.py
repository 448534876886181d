"""Limits requests per user, so that one user's script does not keep the others waiting."""

import time
from collections import OrderedDict
from collections.abc import Callable

USERS = 10_000
"""The most users remembered; the least recently seen is forgotten first."""
_ROUNDING = 1e-6


class Rates:
    """Rates admits `rate` requests per second for each user, after a pause up to `burst` at once.

    The limit applies to this process: behind a Service with several replicas a user may ask each as
    often.
    """

    def __init__(
        self,
        rate: float = 100.0,
        burst: int = 300,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rate = rate
        self._interval = 1.0 / rate
        self._depth = (burst - 1) * self._interval
        self._clock = clock
        self._due: OrderedDict[str, float] = OrderedDict()

    def take(self, user: str) -> float:
        """Counts a request and returns 0.0 if it is allowed, else the seconds until the next one
        is."""
        now = self._clock()
        due = max(self._due.get(user, now - self._depth), now - self._depth)
        if due - now > _ROUNDING:
            return due - now
        self._due[user] = due + self._interval
        self._due.move_to_end(user)
        if len(self._due) > USERS:
            self._due.popitem(last=False)
        return 0.0


class UnknownTokens:
    """UnknownTokens limits the checks of tokens that were never accepted: `rate` per second in all,
    and half as many from one address, so that one flood does not keep everybody else out."""

    def __init__(self, rate: float = 20.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._of_all = Rates(rate, _at_once(rate), clock)
        self._of_peers = Rates(rate / 2, _at_once(rate / 2), clock)

    def take(self, peer: str) -> float:
        """Acts like `Rates.take`; `peer` is the address that the request came from."""
        return self._of_peers.take(peer) or self._of_all.take("")


def _at_once(rate: float) -> int:
    """Returns the burst: the requests of five seconds."""
    return max(1, round(5 * rate))
