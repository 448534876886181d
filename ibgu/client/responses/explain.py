"""Declares one cluster in sentences."""

from datetime import datetime

from ibgu.client.responses.base import Response


class LineResponse(Response, frozen=True, kw_only=True):
    at: datetime
    text: str


class ExplainedResponse(Response, frozen=True, kw_only=True):
    cluster: str
    rollout: str
    """namespace/name"""
    step: int
    state: str
    headline: str
    why: str | None = None
    kind: str | None = None
    since: datetime | None = None
    ends: str | None = None
    until: datetime | None = None
    who: str | None = None
    overdue: datetime | None = None
    means: str | None = None
    do: str | None = None
    words: str | None = None
    remedy: str | None = None
    limit: datetime | None = None
    late: str | None = None
    history: tuple[LineResponse, ...] = ()
