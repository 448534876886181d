"""Formats times for people: durations in their two largest units, moments in the local zone."""

from datetime import datetime, timedelta

from ibgu.core.text.spans import duration

__all__ = ["age", "clock", "duration", "remaining"]

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def age(span: timedelta) -> str:
    """Returns the age as kubectl writes it: one unit, "41m", "5d"."""
    left = max(0, int(span.total_seconds()))
    for size, unit in _UNITS:
        if left >= 2 * size or size == 1:
            return f"{left // size}{unit[0]}"
    raise AssertionError("unreachable")


def remaining(at: datetime, now: datetime) -> str:
    """Returns the time with how much is left until then, or that it has passed."""
    left = at - now
    return f"{clock(at, now)} ({'passed' if left < timedelta() else f'in {duration(left)}'})"


def clock(at: datetime, now: datetime) -> str:
    """Returns local time, with the date unless it is today's."""
    local = at.astimezone()
    today = local.date() == now.astimezone().date()
    return f"{local:%H:%M:%S}" if today else f"{local:%Y-%m-%d %H:%M:%S}"
