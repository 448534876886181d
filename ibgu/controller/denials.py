"""Writes that the hub does not let ibgu make: said to people, and tried again, ever more seldom."""

import asyncio
from http import HTTPStatus

from msgspec import Struct

from ibgu.hub.client import VERBS
from ibgu.hub.errors import HubError
from ibgu.hub.writer import Write

FIRST = 2.0
"""Seconds from a denied write to the next try: a right can be given, and is not known to an API
server that has just started."""
LONGEST = 30.0


def denied(error: HubError | None) -> bool:
    """No verdict on what was asked for: only the right to ask it is missing."""
    return error is not None and error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def _now() -> float:
    return asyncio.get_running_loop().time()


class _Denial(Struct, frozen=True):
    words: str
    times: int
    until: float
    """By the loop's clock."""


class Denials:
    """By the key of the write: ("work", namespace, name) or ("cluster", name)."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], _Denial] = {}

    def note(self, write: Write, error: HubError) -> None:
        known = self._known.get(write.key)
        times = known.times + 1 if known else 1
        pause = min(LONGEST, FIRST * 2 ** min(times - 1, 10))
        self._known[write.key] = _Denial(told(write, error), times, _now() + pause)

    def forget(self, key: tuple[str, ...]) -> None:
        """The hub has dealt with a write of that key, one way or the other."""
        self._known.pop(key, None)

    def clear(self) -> None:
        self._known.clear()

    def left(self, key: tuple[str, ...]) -> float:
        """Seconds until another try; 0: at once."""
        known = self._known.get(key)
        return max(0.0, known.until - _now()) if known else 0.0

    def words(self, *key: str) -> str:
        """What ibgu may not do there; empty: nothing was denied."""
        known = self._known.get(key)
        return known.words if known else ""


_PLURALS = {"work": "manifestworks", "cluster": "managedclusters"}


def told(write: Write, error: HubError) -> str:
    if error.unauthorized:
        return (
            "the hub does not know ibgu's token any more; do: renew what KUBECONFIG names. "
            f"The hub said: {error.message}"
        )
    kind, *place = write.key
    where = f" in namespace {place[0]}" if kind == "work" else f" {place[0]}"
    return (
        f"ibgu may not {VERBS[write.method]} {_PLURALS[kind]}{where}; do: give it the right "
        f"(`ibgu doctor` prints what is missing and how). The hub said: {error.message}"
    )
