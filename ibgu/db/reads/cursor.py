"""Encodes where a page ended, as an opaque string that callers return."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from ibgu.db.views import Page

T = TypeVar("T")
K = TypeVar("K")


class InvalidCursor(ValueError):
    """InvalidCursor: the string is no cursor of this list."""


def encode(key: object) -> str:
    return urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode(cursor: str, kind: type[K]) -> K:
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(raw, type=kind)
    except (ValueError, RecursionError) as error:
        raise InvalidCursor(
            "cursor: not one of this list; use `nextCursor` of the page before unchanged, "
            "or none to begin at the first page"
        ) from error


def page(found: Sequence[T], limit: int, key: Callable[[T], object]) -> Page[T]:
    """Returns a page from one row more than `limit`, if there are as many: so the last page is
    known."""
    items = tuple(found[:limit])
    return Page(items, encode(key(items[-1])) if len(found) > limit else None)
