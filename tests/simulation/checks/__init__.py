"""Collects the invariants that must hold, and their violations."""

import asyncio
from collections import Counter


class Found:
    """Found holds broken invariants in words, and how often each was checked and held."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.held: Counter[str] = Counter()
        self._sleeper: asyncio.Future[None] | None = None

    def check(self, name: str, holds: bool, *words: object) -> None:
        """Records a check; `words` are formatted only if it fails."""
        if holds:
            self.held[name] += 1
            return
        if len(self.problems) < 20:
            self.problems.append(f"{name}: {' '.join(map(str, words))}")
        if self._sleeper is not None:
            _wake(self._sleeper)

    async def sleep(self, seconds: float) -> None:
        """Sleeps so long in the loop's time, or until an invariant is broken."""
        if seconds <= 0.0 or self.problems:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        self._sleeper = loop.create_future()
        timer = loop.call_later(seconds, _wake, self._sleeper)
        try:
            await self._sleeper
        finally:
            timer.cancel()


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
