"""Bounds of times and whole numbers that others have written, and that anybody may have edited."""

from datetime import UTC, datetime

YEARS = range(2000, 2200)
"""The range of a rollout's times. Not far outside of it neither Python nor Postgres can calculate:
a time zone alone may exceed the calendar."""

LATEST = datetime(YEARS[-1], 12, 31, tzinfo=UTC)
"""The latest limit of a member: a plan's timeout may be thousands of years."""

MAX_INT32 = 2**31 - 1
"""The limit of ibgu's CRD, of which an older one may let any of 64 bits through: the journal's
columns and the calendar take no more."""


def moment(timestamp: str) -> datetime | None:
    """Returns the time in UTC of an RFC 3339 text with a zone; None if the text is something else.

    Every time stamp that others have written comes in through here.
    """
    try:
        found = datetime.fromisoformat(timestamp)
        if found.tzinfo is None:
            return None
        found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if found.year in YEARS else None


def int32(number: int) -> int:
    """Returns the number, or the nearest one that the journal can store."""
    return max(-MAX_INT32, min(number, MAX_INT32))
