"""What goes wrong with a receiver: said once, and again after a while; measured all the time."""

import asyncio
from datetime import UTC, datetime

import structlog

from ibgu import telemetry

log = structlog.get_logger("ibgu.notify")

REMIND = 600.0
"""Seconds after which the same trouble is told again."""


class Trouble:
    def __init__(self, receiver: str) -> None:
        self._receiver = receiver
        self._since: datetime | None = None
        self._told: tuple[str, float] | None = None
        telemetry.NOTIFY_LAG.labels(receiver).set_function(self.lag)

    def lag(self) -> float:
        """Seconds: the age of the oldest message that is not delivered."""
        if self._since is None:
            return 0.0
        return max(0.0, (datetime.now(UTC) - self._since).total_seconds())

    def wrong(self, words: str, since: datetime) -> None:
        """`since`: the time of what could not be delivered."""
        self._since = min(self._since or since, since)
        telemetry.NOTIFICATIONS.labels(self._receiver, "failed").inc()
        self.tell(words)

    def tell(self, words: str) -> None:
        now = asyncio.get_running_loop().time()
        if self._told is None or self._told[0] != words or now - self._told[1] >= REMIND:
            self._told = (words, now)
            log.warning("a receiver is not told", receiver=self._receiver, error=words)

    def delivered(self) -> None:
        telemetry.NOTIFICATIONS.labels(self._receiver, "delivered").inc()
        if self._told is not None:
            log.info("a receiver is told again", receiver=self._receiver)
        self._since = self._told = None

    def over(self) -> None:
        """This process tells the receiver no more: how late it is, others know."""
        self._since = None
