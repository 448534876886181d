"""The start rate of a rehearsed step (R18.3)."""

from collections import deque

from ibgu.core.rehearsal.model import NEVER

_MINUTE = 60.0


class StartRate:
    """StartRate lets at most so many members start within any minute."""

    def __init__(self, per_minute: int) -> None:
        """`per_minute`: 0 is no limit."""
        self._rate = per_minute
        self._recent: deque[float] = deque()
        self.opens = NEVER
        """When it lets the next one start that it keeps now; NEVER: it keeps nobody."""

    def note(self, now: float) -> None:
        if self._rate:
            self._recent.append(now)

    def left(self, now: float, most: int) -> int:
        """Returns how many more may start now, up to `most`."""
        while self._recent and self._recent[0] <= now - _MINUTE:
            self._recent.popleft()
        return self._rate - len(self._recent) if self._rate else most

    def keeps(self, now: float) -> bool:
        """Returns whether nobody may start now."""
        if self.left(now, 1) > 0:
            return False
        self.opens = self._recent[0] + _MINUTE
        return True
