"""Declares what a plan would do."""

from datetime import datetime
from typing import Any

from ibgu.client.responses.base import Response
from ibgu.client.responses.changes import NewStepRequest


class PreviewRequest(Response, frozen=True, kw_only=True):
    """PreviewRequest is either a rollout by namespace and name, with steps to append, or a
    manifest."""

    namespace: str | None = None
    name: str | None = None
    append: tuple[NewStepRequest, ...] = ()
    manifest: dict[str, Any] | None = None


class ExcludedResponse(Response, frozen=True, kw_only=True):
    why: str
    count: int = 0
    clusters: tuple[str, ...] = ()


class MeasuredResponse(Response, frozen=True, kw_only=True):
    p50: float
    p95: float
    count: int = 0


class StepPreviewResponse(Response, frozen=True, kw_only=True):
    step: int
    actions: tuple[str, ...] = ()
    clusters: int = 0
    waves: int = 0
    slots: int = 0
    timeout_minutes: int = 0
    allowed_minutes_per_site: float = 0.0
    measured: MeasuredResponse | None = None
    enough: bool | None = None
    advice: str = ""
    order: tuple[str, ...] = ()
    starts_per_minute: int = 0
    ramp_up: bool = False
    jitter_seconds: int = 0


class EndsResponse(Response, frozen=True, kw_only=True):
    latest: datetime
    likely: datetime | None = None


class PreviewResponse(Response, frozen=True, kw_only=True):
    selected: int
    excluded: tuple[ExcludedResponse, ...] = ()
    steps: tuple[StepPreviewResponse, ...] = ()
    warnings: tuple[str, ...] = ()
    ends: EndsResponse | None = None
    valid: bool = False
    problems: tuple[str, ...] = ()
