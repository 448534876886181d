"""Writes that the hub refuses: said to people, and tried again, ever more seldom.

What the records want stays wanted: asked for again at once, it would be refused as often as the
hub can answer.
"""

import asyncio
from http import HTTPStatus

from msgspec import Struct
from msgspec.structs import replace

from ibgu.hub.client import VERBS
from ibgu.hub.errors import HubError
from ibgu.hub.writer import Write

FIRST = 2.0
"""Seconds from a refused write to the next try: a right can be given, and is not known to an API
server that has just started; a webhook's mind can change."""
LONGEST = 30.0


def denied(error: HubError | None) -> bool:
    """No verdict on what was asked for: only the right to ask it is missing."""
    return error is not None and error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def _now() -> float:
    return asyncio.get_running_loop().time()


class _Refusal(Struct, frozen=True):
    words: str
    times: int
    until: float
    """By the loop's clock."""


class Refusals:
    """By the key of the write: ("work", namespace, name), ("cluster", name) or ("status", uid)."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], _Refusal] = {}

    def note(self, key: tuple[str, ...], words: str) -> None:
        known = self._known.get(key)
        times = known.times + 1 if known else 1
        pause = min(LONGEST, FIRST * 2 ** min(times - 1, 10))
        self._known[key] = _Refusal(words, times, _now() + pause)

    def tried(self, key: tuple[str, ...]) -> None:
        """Another write of that key is on its way: what the hub said before counts no more."""
        known = self._known.get(key)
        if known is not None:
            self._known[key] = replace(known, words="")

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
        """Why it was refused; empty: nothing was."""
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
