"""Parses spans of time: 90s, 15m, 2h30m, 1d."""

import re
from datetime import timedelta

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_MAX_SECONDS = 3650 * _UNITS["d"]
_PART = r"\d+(?:\.\d+)?[dhms]"


def span(text: str) -> timedelta:
    """Returns the span; a number alone counts seconds. Raises ValueError."""
    if not re.fullmatch(rf"\d+|(?:{_PART})+", text):
        raise ValueError(f"{text!r} is not a duration: use one such as 90s, 15m, 2h30m or 1d")
    parts = re.findall(_PART, text) or [f"{text}s"]
    seconds = sum(float(part[:-1]) * _UNITS[part[-1]] for part in parts)
    if seconds > _MAX_SECONDS:
        raise ValueError(f"{text} is too long: use at most {_MAX_SECONDS // _UNITS['d']}d")
    return timedelta(seconds=seconds)
