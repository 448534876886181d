"""Declares overviews: the whole hub, and a step as a grid and a timeline."""

from datetime import datetime

from ibgu.client.responses.base import Response


class NeedsPersonResponse(Response, frozen=True, kw_only=True):
    namespace: str
    name: str
    kind: str
    since: datetime
    message: str = ""
    members: int = 0
    overdue: bool = False


class SummaryResponse(Response, frozen=True, kw_only=True):
    rollouts: dict[str, int]
    members: dict[str, int]
    failed: int = 0
    stalled: int = 0
    needs_person: tuple[NeedsPersonResponse, ...] = ()
    now: datetime


class GridResponse(Response, frozen=True, kw_only=True):
    """GridResponse has one entry per member in each list."""

    step: int | None
    seq: int
    clusters: tuple[str, ...]
    states: tuple[str, ...]
    reasons: tuple[str | None, ...]
    causes: tuple[str | None, ...]
    failures: tuple[str | None, ...]
    since: tuple[datetime | None, ...]
    stalled: tuple[bool, ...] = ()
    overdue: tuple[bool, ...] = ()


class PointResponse(Response, frozen=True, kw_only=True):
    at: datetime
    succeeded: int
    failed: int
    in_flight: int


class TimelineResponse(Response, frozen=True, kw_only=True):
    step: int | None
    slots: int | None
    points: tuple[PointResponse, ...]
