"""What all answers have in common."""

from msgspec import Struct


class Response(Struct, frozen=True, kw_only=True, rename="camel"):
    """Fields that a newer server sends besides are ignored."""
