"""Declares events: who did what, when and why."""

from datetime import datetime
from typing import Any

from msgspec import field

from ibgu.client.responses.base import Response


class ActivityEntryResponse(Response, frozen=True, kw_only=True):
    """ActivityEntryResponse is what somebody did to a rollout, or what became of it."""

    seq: int
    at: datetime
    kind: str
    title: str
    text: str
    who: str | None
    via: str | None
    step: int | None
    warning: bool = False


class ActivityResponse(Response, frozen=True, kw_only=True):
    """ActivityResponse lists what was done, newest first."""

    items: tuple[ActivityEntryResponse, ...]


class EventResponse(Response, frozen=True, kw_only=True):
    seq: int
    at: datetime
    kind: str = ""
    why: str = ""
    cause: str | None = None
    warning: bool = False
    actor: str = ""
    rollout: str = ""
    """uid"""
    step: int | None = None
    cluster: str | None = None
    run: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
