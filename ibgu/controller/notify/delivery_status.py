"""Reports problems with a receiver: logged once, and again after a while; measured all the time."""

import asyncio
from datetime import UTC, datetime

import structlog

from ibgu import telemetry

log = structlog.get_logger("ibgu.notify")

REMIND = 600.0
"""Seconds after which the same problem is logged again."""


class DeliveryStatus:
    def __init__(self, receiver: str) -> None:
        self._receiver = receiver
        self._since: datetime | None = None
        self._stuck: datetime | None = None
        self._warned: tuple[str, float] | None = None
        telemetry.NOTIFY_LAG.labels(receiver).set_function(self.lag)

    def lag(self) -> float:
        """Returns, in seconds, the age of the oldest undelivered message, or of the problem that
        keeps the journal from being followed."""
        known = [each for each in (self._since, self._stuck) if each is not None]
        return max(0.0, (datetime.now(UTC) - min(known)).total_seconds()) if known else 0.0

    def wrong(self, words: str, since: datetime) -> None:
        """Records a failed delivery; `since`: the time of the message."""
        self._since = min(self._since or since, since)
        telemetry.NOTIFICATIONS.labels(self._receiver, "failed").inc()
        self._warn(words)

    def stuck(self, words: str) -> None:
        """Records that the journal can't be followed for this receiver."""
        self._stuck = self._stuck or datetime.now(UTC)
        self._warn(words)

    def follows(self) -> None:
        if self._stuck is not None and self._since is None:
            self._clear_warning()
        self._stuck = None

    def _warn(self, words: str) -> None:
        now = asyncio.get_running_loop().time()
        if self._warned is None or self._warned[0] != words or now - self._warned[1] >= REMIND:
            self._warned = (words, now)
            log.warning("can't notify a receiver", receiver=self._receiver, error=words)

    def delivered(self) -> None:
        telemetry.NOTIFICATIONS.labels(self._receiver, "delivered").inc()
        self._since = None
        self._clear_warning()

    def delivered_without_quotes(self, message: str) -> None:
        """Records that the receiver has taken a message only without what it quotes."""
        telemetry.NOTIFICATIONS.labels(self._receiver, "without-quotes").inc()
        self._since = self._warned = None
        log.warning(
            "a receiver refuses the words of a message; it has the message without them",
            receiver=self._receiver,
            message=message,
        )

    def _clear_warning(self) -> None:
        if self._warned is not None:
            log.info("a receiver is reached again", receiver=self._receiver)
        self._warned = None

    def over(self) -> None:
        """Ends the measurement: another process notifies the receiver now."""
        self._since = self._stuck = None
