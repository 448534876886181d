"""Waits for what a process can't begin without, as long as it takes."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from ibgu.cli.serve.unready import HubNotReady
from ibgu.db import JournalUnavailable
from ibgu.flowcontrol.backoff import Backoff
from ibgu.flowcontrol.log_throttle import LogThrottle
from ibgu.hub.errors import CERTIFICATE, HubError

log = structlog.get_logger("ibgu")
T = TypeVar("T")

BACKOFF = Backoff(first=0.25, longest=5.0)


class StartupRetry:
    """StartupRetry retries; `reason` says what it waits for now; empty: nothing."""

    def __init__(self) -> None:
        self.reason = ""
        self._rng = random.Random()
        self._log_throttle = LogThrottle(time.monotonic)

    async def until(self, what: str, act: Callable[[], Awaitable[T]]) -> T:
        """Returns the result of `act`, which is retried while what it needs is away. What no
        waiting can heal (a wrong password, a refused token) is raised at once."""
        failures = 0
        while True:
            try:
                answer = await act()
            except (JournalUnavailable, HubError, HubNotReady) as error:
                if not _worth_waiting(error):
                    raise
                failures += 1
                self._wait(what, str(error))
                await asyncio.sleep(BACKOFF.delay(failures, self._rng))
            else:
                self._go_on(what)
                return answer

    def _wait(self, what: str, why: str) -> None:
        self.reason = f"waiting for {what}: {why}"
        if self._log_throttle.due(what, why):
            log.warning(f"waiting for {what}", error=why)

    def _go_on(self, what: str) -> None:
        if self.reason:
            log.info(f"no longer waiting for {what}")
        self.reason = ""
        self._log_throttle.forget(what)


def _worth_waiting(error: JournalUnavailable | HubError | HubNotReady) -> bool:
    if isinstance(error, HubNotReady):
        return error.may_recover
    if isinstance(error, HubError):
        return error.transient and error.reason != CERTIFICATE
    return True
