"""What a process can't begin without is waited for, as long as it takes."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from ibgu.db import JournalAway
from ibgu.hub.backoff import Backoff
from ibgu.hub.errors import CERTIFICATE, HubError

log = structlog.get_logger("ibgu")
T = TypeVar("T")

BACKOFF = Backoff(first=0.25, longest=5.0)
REMIND = 60.0
"""Seconds after which the same trouble is told again."""


class Patience:
    """`reason` says what is waited for at the moment; empty: nothing."""

    def __init__(self) -> None:
        self.reason = ""
        self._rng = random.Random()
        self._told: tuple[str, float] | None = None

    async def until(self, what: str, act: Callable[[], Awaitable[T]]) -> T:
        """The answer of `act`, which is tried again while what it needs is away.

        What no waiting can heal (a wrong password, a refused token) is raised at once.
        """
        failures = 0
        while True:
            try:
                answer = await act()
            except (JournalAway, HubError) as error:
                if not _heals(error):
                    raise
                failures += 1
                self._wait(what, str(error))
                await asyncio.sleep(BACKOFF.delay(failures, self._rng))
            else:
                self._go_on(what)
                return answer

    def _wait(self, what: str, why: str) -> None:
        self.reason = f"waits for {what}: {why}"
        now = asyncio.get_running_loop().time()
        if self._told is None or self._told[0] != self.reason or now - self._told[1] >= REMIND:
            self._told = (self.reason, now)
            log.warning(f"waits for {what}", error=why)

    def _go_on(self, what: str) -> None:
        if self.reason:
            log.info(f"waits for {what} no longer")
        self.reason, self._told = "", None


def _heals(error: JournalAway | HubError) -> bool:
    if isinstance(error, HubError):
        return error.transient and error.reason != CERTIFICATE
    return True
