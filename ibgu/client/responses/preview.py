"""Declares what a plan would do."""

from datetime import datetime
from typing import Any

from ibgu.client.responses.base import Response
from ibgu.client.responses.changes import NewStep


class PreviewOf(Response, frozen=True, kw_only=True):
    """PreviewOf is either a rollout by namespace and name, with steps to append, or a manifest."""

    namespace: str | None = None
    name: str | None = None
    append: tuple[NewStep, ...] = ()
    manifest: dict[str, Any] | None = None


class Excluded(Response, frozen=True, kw_only=True):
    why: str
    count: int = 0
    clusters: tuple[str, ...] = ()


class Measured(Response, frozen=True, kw_only=True):
    p50: float
    p95: float
    count: int = 0


class StepPreview(Response, frozen=True, kw_only=True):
    step: int
    actions: tuple[str, ...] = ()
    clusters: int = 0
    waves: int = 0
    slots: int = 0
    timeout_minutes: int = 0
    allowed_minutes_per_site: float = 0.0
    measured: Measured | None = None
    enough: bool | None = None
    advice: str = ""
    order: tuple[str, ...] = ()
    starts_per_minute: int = 0
    ramp_up: bool = False
    jitter_seconds: int = 0


class Ends(Response, frozen=True, kw_only=True):
    latest: datetime
    likely: datetime | None = None


class Preview(Response, frozen=True, kw_only=True):
    selected: int
    excluded: tuple[Excluded, ...] = ()
    steps: tuple[StepPreview, ...] = ()
    warnings: tuple[str, ...] = ()
    ends: Ends | None = None
    valid: bool = False
    problems: tuple[str, ...] = ()
