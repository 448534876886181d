"""Declares what all requests and responses have in common."""

from msgspec import Struct


class Response(Struct, frozen=True, kw_only=True, rename="camel"):
    """Response ignores additional fields of a newer server."""
