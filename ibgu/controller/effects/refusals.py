"""Tracks writes that the hub refuses: reported to people, and retried with backoff.

The records still want them. An immediate retry would be refused as often as the hub can answer.
"""

import asyncio
from http import HTTPStatus
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from ibgu.flowcontrol.backoff import Backoff
from ibgu.hub.client import VERBS
from ibgu.hub.errors import HubError
from ibgu.hub.writing.writer import Write

BACKOFF = Backoff(2.0, 30.0)
"""A right may be granted, an API server that has just started may not know it yet, and a webhook
may change its verdict."""


def denied(error: HubError | None) -> bool:
    """Returns whether the hub only denied the right to make the request (401, 403), not the request
    itself."""
    if error is None or error.terminating:
        return False
    return error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def _now() -> float:
    return asyncio.get_running_loop().time()


class _Refusal(Struct, frozen=True):
    words: str
    times: int
    until: float
    """When the write may be retried, by the event loop's clock."""


class Refusals:
    """Refusals maps keys of writes to refusals: ("work", namespace, name), ("cluster", name) or
    ("status", uid)."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._known: dict[tuple[str, ...], _Refusal] = {}

    def note(self, key: tuple[str, ...], words: str) -> None:
        known = self._known.get(key)
        times = known.times + 1 if known else 1
        self._known[key] = _Refusal(words, times, _now() + BACKOFF.delay(times, self._rng))

    def tried(self, key: tuple[str, ...]) -> None:
        """Clears the words of the last refusal because another write of that key is in progress."""
        known = self._known.get(key)
        if known is not None:
            self._known[key] = replace(known, words="")

    def forget(self, key: tuple[str, ...]) -> None:
        """Forgets the refusal: the hub has handled a write of that key, whatever the result."""
        self._known.pop(key, None)

    def clear(self) -> None:
        self._known.clear()

    def left(self, key: tuple[str, ...]) -> float:
        """Returns the seconds until the next retry; 0 if it may happen at once."""
        known = self._known.get(key)
        return max(0.0, known.until - _now()) if known else 0.0

    def refusal(self, *key: str) -> str:
        """Returns why the hub refused the write; empty if it did not."""
        known = self._known.get(key)
        return known.words if known else ""


_PLURALS = {"work": "manifestworks", "cluster": "managedclusters"}


def denial_text(write: Write, error: HubError) -> str:
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
