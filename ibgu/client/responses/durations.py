"""Declares how long actions took, in seconds."""

from ibgu.client.responses.base import Response


class DurationResponse(Response, frozen=True, kw_only=True):
    action: str
    result: str
    count: int
    p50: float
    p90: float
    p95: float
    max: float


class DurationsResponse(Response, frozen=True, kw_only=True):
    items: tuple[DurationResponse, ...]
