"""Interprets responses, and decides when to retry."""

from msgspec import Struct

FIRST = 1.0
MAX_DELAY = 300.0
"""Seconds: the longest pause after the first failure, and after any number of them."""
GIVE_UP_AFTER = 3600.0
"""The most seconds of a `Retry-After` that are respected."""
_REFUSES_CONTENT = frozenset({400, 403, 413, 422})
"""Answers that may be to what a message says. A firewall says 403, as a receiver does to a wrong
token."""


class DeliveryResponse(Struct, frozen=True):
    """The response. `status` 0: there was none."""

    status: int
    words: str
    """A message for a person, without secrets."""
    retry_after: float = 0.0
    """Seconds that the receiver asks for."""

    @property
    def delivered(self) -> bool:
        return 200 <= self.status < 300

    @property
    def may_refuse_content(self) -> bool:
        return self.status in _REFUSES_CONTENT


def pause(failures: int, answer: DeliveryResponse, chance: float) -> float:
    """Returns the seconds after the n-th failure in a row, n from 1; `chance` is in [0, 1).

    No message is ever dropped: sending is retried until the receiver is repaired or taken out of
    the file, because a lost message looks like good news.
    """
    ceiling = min(MAX_DELAY, FIRST * 2.0 ** min(failures - 1, 32))
    asked = min(answer.retry_after, GIVE_UP_AFTER)
    return max(asked, ceiling * (0.5 + chance / 2))


def retry_after(header: str) -> float:
    """Returns seconds; 0 for a date, which receivers of webhooks don't use, and for invalid
    values."""
    return float(header) if header.strip().isdecimal() else 0.0


def redacted(words: str, secrets: tuple[str, ...]) -> str:
    """Returns the text without secrets: a response may quote what was sent."""
    for secret in sorted(secrets, key=len, reverse=True):
        words = words.replace(secret, "***")
    return words
