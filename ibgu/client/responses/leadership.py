"""Declares which controller leads."""

from datetime import datetime

from ibgu.client.responses.base import Response


class LeadershipResponse(Response, frozen=True, kw_only=True):
    leader: str | None = None
    epoch: int = 0
    since: datetime | None = None
    before: str | None = None
    changes: int = 0
    flaps: bool = False
    words: str
    remedy: str | None = None
