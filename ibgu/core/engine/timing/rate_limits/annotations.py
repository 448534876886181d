"""Reads the rate limit annotations strictly: a typing error must not let everything start at
once."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import lru_cache

from ibgu.core.engine.timing.rate_limits.limits import UNLIMITED, RateLimits
from ibgu.core.model import ActionName, limits_starts
from ibgu.core.model.names import RAMP_UP, RATE_LIMIT_ANNOTATIONS, START_JITTER, STARTS_PER_MINUTE
from ibgu.core.text.harmless import one_line

_RATE = re.compile(r"0*([1-9]\d{0,5})")
_SPAN = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s?)?")
_SHOWN = 40
"""Characters of a wrong value that are shown."""
MAX_JITTER = timedelta(hours=1)
EXPECTED = {
    STARTS_PER_MINUTE: "a whole number from 1 on, as 10",
    START_JITTER: "seconds, or a time like 30s or 1m30s, of at most an hour",
    RAMP_UP: "true or false",
}


def rate_limits_of(annotations: Mapping[str, str]) -> RateLimits:
    """Returns the limits that the annotations ask for; a missing one sets no limit."""
    return _read(*(annotations.get(key) for key in RATE_LIMIT_ANNOTATIONS))


def step_limits(annotations: Mapping[str, str], actions: Iterable[ActionName]) -> RateLimits:
    """Returns the limits of a step of these actions."""
    return rate_limits_of(annotations) if limits_starts(actions) else UNLIMITED


@lru_cache(maxsize=1024)
def _read(rate: str | None, jitter: str | None, ramp: str | None) -> RateLimits:
    starts, delay, ramps = _rate(rate), _span(jitter), _flag(ramp)
    problems = (
        _unread(STARTS_PER_MINUTE, rate) if starts is None else "",
        _unread(START_JITTER, jitter) if delay is None else "",
        _unread(RAMP_UP, ramp) if ramps is None else "",
    )
    problem = "; ".join(filter(None, problems))
    return RateLimits(starts or 0, delay or timedelta(), bool(ramps), problem)


def _unread(key: str, value: str | None) -> str:
    return misread(key, value or "", EXPECTED[key])


def misread(key: str, value: str, expected: str) -> str:
    """Returns the message for an annotation whose value can't be read."""
    return f'the annotation {key} is "{one_line(value[:_SHOWN])}"; expected: {expected}'


def _rate(value: str | None) -> int | None:
    if value is None:
        return 0
    found = _RATE.fullmatch(value.strip())
    return int(found[1]) if found and value.isascii() else None


def _span(value: str | None) -> timedelta | None:
    if value is None:
        return timedelta()
    found = _SPAN.fullmatch(value.strip())
    if found is None or not value.strip() or not value.isascii():
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    span = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return span if span <= MAX_JITTER else None


def _flag(value: str | None) -> bool | None:
    return {None: False, "false": False, "true": True}.get(value and value.strip().lower())
