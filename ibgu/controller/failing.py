"""Rollouts that ibgu itself fails to decide about: what is left to look at, and when."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta

from msgspec import Struct

AGAIN = timedelta(seconds=30)
"""From a failure to the next try, whatever the clusters tell meanwhile: each fills the log."""


class _Failure(Struct):
    clusters: dict[str, None]
    """Touched since the last turn that got through."""
    again: datetime


class Failing:
    def __init__(self) -> None:
        self._failures: dict[str, _Failure] = {}

    def left(self, uid: str, clusters: Collection[str], now: datetime) -> Collection[str] | None:
        """The clusters of the rollout to decide about. None: it is not tried yet."""
        known = self._failures.get(uid)
        if known is None:
            return clusters
        known.clusters.update(dict.fromkeys(clusters))
        return known.clusters if now >= known.again else None

    def failed(self, uid: str, clusters: Iterable[str], now: datetime) -> None:
        self._failures[uid] = _Failure(dict.fromkeys(clusters), now + AGAIN)

    def again(self, uid: str) -> datetime:
        """When it is tried, of one that has failed."""
        return self._failures[uid].again

    def __iter__(self) -> Iterator[str]:
        """Uids of the rollouts that are waited with."""
        return iter(self._failures)

    def over(self, uid: str) -> None:
        self._failures.pop(uid, None)
