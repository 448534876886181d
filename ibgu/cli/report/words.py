"""Words and times that the sections of a report share."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ibgu.core.text import counted as text
from ibgu.core.text.spans import duration

NOTHING = "-"


def moment(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if at else NOTHING


def seconds(found: float) -> str:
    return duration(timedelta(seconds=found))


def span(found: timedelta | None) -> str:
    return NOTHING if found is None else duration(found)


def clusters(names: Sequence[str], count: int) -> str:
    """Returns the names, and how many more there are."""
    rest = count - len(names)
    return ", ".join(names) + (f" and {rest:,} more" if rest > 0 else "")


def counted(number: int, noun: str) -> str:
    return text.counted(number, noun, spec=",")
