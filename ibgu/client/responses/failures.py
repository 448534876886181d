"""Declares failures, grouped by what happened."""

from ibgu.client.responses.base import Response


class FailureGroupResponse(Response, frozen=True, kw_only=True):
    step: int
    action: str | None = None
    outcome: str = ""
    cause: str | None = None
    failure: str | None = None
    means: str | None = None
    remedy: str | None = None
    message: str = ""
    count: int = 0
    clusters: tuple[str, ...] = ()
    aborted: tuple[str, ...] = ()
    """Of those, the ones that were taken back to Idle since."""


class FailuresResponse(Response, frozen=True, kw_only=True):
    total: int
    items: tuple[FailureGroupResponse, ...] = ()
