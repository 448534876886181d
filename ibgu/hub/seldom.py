"""The same trouble is told once, and again every minute as long as it lasts."""

from collections.abc import Callable

SECONDS = 60.0


class Seldom:
    """Tells by subject which words are worth a line now: new ones, and old ones after a minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: dict[str, tuple[str, float]] = {}

    def due(self, subject: str, words: str) -> bool:
        """Whether to tell it now; whoever asks is taken to do so."""
        now = self._clock()
        known = self._told.get(subject)
        if known is not None and known[0] == words and now - known[1] < SECONDS:
            return False
        self._told[subject] = (words, now)
        return True

    def forget(self, subject: str) -> None:
        """It is over: if it comes back it is news."""
        self._told.pop(subject, None)
