"""Declares events: who did what, when and why."""

from datetime import datetime
from typing import Any

from msgspec import field

from ibgu.client.responses.base import Response


class Deed(Response, frozen=True, kw_only=True):
    """Deed is what somebody did to a rollout, or what became of it."""

    seq: int
    at: datetime
    kind: str
    title: str
    text: str
    who: str | None
    via: str | None
    step: int | None
    warning: bool = False


class Activity(Response, frozen=True, kw_only=True):
    """Activity lists deeds, newest first."""

    items: tuple[Deed, ...]


class Event(Response, frozen=True, kw_only=True):
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
