"""Who did what, when and why."""

from datetime import datetime
from typing import Any

from msgspec import field

from ibgu.client.answers.base import Answer


class Event(Answer, frozen=True, kw_only=True):
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
