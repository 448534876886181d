"""What an answer means, and when to try again."""

from msgspec import Struct

FIRST = 1.0
LONGEST = 300.0
"""Seconds between two tries."""
PATIENT = 3600.0
"""Seconds: a longer `Retry-After` is not believed."""


class Answer(Struct, frozen=True):
    """What came back. `status` 0: nothing did."""

    status: int
    words: str
    """For a person; secrets are taken out."""
    retry_after: float = 0.0
    """Seconds that the receiver asks for."""

    @property
    def delivered(self) -> bool:
        return 200 <= self.status < 300


def pause(failures: int, answer: Answer, chance: float) -> float:
    """Seconds after the n-th failure in a row, n counted from 1; `chance` is below 1, at least 0.

    Nothing is ever given up: a receiver that refuses is told again until it is mended or taken
    out of the file, because a lost message looks like good news.
    """
    ceiling = min(LONGEST, FIRST * 2.0 ** min(failures - 1, 32))
    asked = min(answer.retry_after, PATIENT)
    return max(asked, ceiling * (0.5 + chance / 2))


def retry_after(header: str) -> float:
    """Seconds; 0 for a date, which receivers of webhooks don't use, and for nonsense."""
    return float(header) if header.strip().isdecimal() else 0.0


def redacted(words: str, secrets: tuple[str, ...]) -> str:
    """What others say may quote what was sent to them."""
    for secret in sorted(secrets, key=len, reverse=True):
        words = words.replace(secret, "***")
    return words
