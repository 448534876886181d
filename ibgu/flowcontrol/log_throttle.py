"""Repeats the same log line only once a minute."""

from collections.abc import Callable

SECONDS = 60.0


class LogThrottle:
    """LogThrottle decides, per subject, which words are worth a line now: new ones, and old ones
    after a minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._logged: dict[str, tuple[str, float]] = {}

    def due(self, subject: str, words: str) -> bool:
        """Returns whether to log the words now, and records that they are."""
        now = self._clock()
        known = self._logged.get(subject)
        if known is not None and known[0] == words and now - known[1] < SECONDS:
            return False
        self._logged[subject] = (words, now)
        return True

    def forget(self, subject: str) -> None:
        """Forgets the subject: the problem is over, and is logged again if it returns."""
        self._logged.pop(subject, None)
