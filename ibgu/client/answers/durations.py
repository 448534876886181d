"""How long actions took, in seconds."""

from ibgu.client.answers.base import Answer


class Duration(Answer, frozen=True, kw_only=True):
    action: str
    result: str
    count: int
    p50: float
    p90: float
    p95: float
    max: float


class Durations(Answer, frozen=True, kw_only=True):
    items: tuple[Duration, ...]
