"""The event log as it is read: by its own words, not by the engine's types.

What an older or newer version of ibgu wrote is readable too, so kinds and causes are strings.
"""

from datetime import datetime
from typing import Any

from msgspec import Struct


class Event(Struct, frozen=True):
    """The order of the fields is that of the digest: never change it."""

    seq: int
    epoch: int
    at: datetime
    rollout: str
    step: int | None
    cluster: str | None
    cluster_uid: str | None
    run: str | None
    kind: str
    why: str
    cause: str | None
    warning: bool
    actor: str
    data: dict[str, Any]


class Leader(Struct, frozen=True):
    """Who led in an epoch; its events have numbers above `after_seq`."""

    epoch: int
    holder: str
    since: datetime
    after_seq: int
