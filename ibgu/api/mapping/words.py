"""Maps known failures to the same words in every answer."""

from functools import lru_cache

from ibgu.core.drivers.ibu.failures import KnownFailure, explain
from ibgu.core.model import Action

_REMEMBERED = 10_000
"""The most messages that are cached; a grid asks for those of all failed members each time."""


def known_failure(action: Action | None, message: str) -> KnownFailure | None:
    return _known(action, message) if action is not None and message else None


_known = lru_cache(_REMEMBERED)(explain)
