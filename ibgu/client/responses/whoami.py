"""Declares who asks, and which hub answers."""

from ibgu.client.responses.base import Response


class WhoamiResponse(Response, frozen=True, kw_only=True):
    username: str
    hub: str
