"""Time stamps that others have written, and that anybody may have edited."""

from datetime import UTC, datetime

_YEARS = range(2000, 2200)
"""What lies outside is no time of a rollout, and not far outside of them neither Python nor
Postgres can count: a time zone alone may lead out of the calendar."""


def moment(told: str) -> datetime | None:
    """Return the time in UTC that RFC 3339 text with a zone tells; None where it is no such thing.

    Every time stamp that others have written comes in through here.
    """
    try:
        found = datetime.fromisoformat(told)
        if found.tzinfo is None:
            return None
        found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if found.year in _YEARS else None
