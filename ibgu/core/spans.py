"""Spans of time as people read them."""

from datetime import timedelta

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def duration(span: timedelta) -> str:
    """ "2 d 4 h", "41 min", "31 s"; seconds are left out from ten minutes on."""
    left = max(0, int(span.total_seconds()))
    if left >= 600:
        left -= left % 60
    parts = []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
