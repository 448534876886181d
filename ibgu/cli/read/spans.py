"""Parses spans of time: 90s, 15m, 2h30m, 1d."""

import re
from datetime import timedelta

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_PART = r"\d+(?:\.\d+)?[dhms]"


def span(text: str) -> timedelta:
    """Returns the span; a number alone counts seconds. Raises ValueError."""
    if re.fullmatch(r"\d+", text):
        return timedelta(seconds=int(text))
    if not re.fullmatch(rf"(?:{_PART})+", text):
        raise ValueError(f"{text!r} is not a duration: use one such as 90s, 15m, 2h30m or 1d")
    parts = re.findall(_PART, text)
    return timedelta(seconds=sum(float(part[:-1]) * _UNITS[part[-1]] for part in parts))
