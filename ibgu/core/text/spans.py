"""Formats times and spans of time for people."""

from datetime import UTC, datetime, timedelta

_UNITS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


def utc(moment: datetime) -> str:
    """Returns the time as Kubernetes writes it: "2026-12-20T10:00:00Z"."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(span: timedelta) -> str:
    """Returns a unit and the next smaller one, as on the page: "2 d 4 h", "41 min", "31 s".

    Seconds are left out from ten minutes on.
    """
    left = max(0, int(span.total_seconds()))
    if 600 <= left < 3600:
        left -= left % 60
    for size, unit, smaller, name in _UNITS:
        if left >= size:
            rest = left % size // smaller
            return f"{left // size} {unit}" + (f" {rest} {name}" if rest else "")
    return f"{left} s"
