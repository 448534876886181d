"""Limits what may be in progress at a time, per user and in all: each takes memory for as long as
it lasts."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from ibgu import telemetry
from ibgu.api.problems import Problem, too_many, unavailable


class ConcurrencyLimit:
    """ConcurrencyLimit applies to this process: behind a Service with several replicas each has as
    many."""

    def __init__(
        self, what: str, of_all: int, of_user: int, *, retry_seconds: float, words: str = ""
    ) -> None:
        """`what`: the plural in metrics and problem types; `words`: what a person reads, if that
        differs."""
        self._what = what
        self._words = words or what
        self._of_all = of_all
        self._of_user = of_user
        self._retry_seconds = retry_seconds
        self._taken: Counter[str] = Counter()

    @contextmanager
    def held(self, user: str) -> Iterator[None]:
        """Counts as one while the block lasts. Raises Problem if the limit is reached."""
        if problem := self._full(user):
            telemetry.API_REFUSED.labels(self._what).inc()
            raise problem
        self._taken[user] += 1
        telemetry.API_OPEN.labels(self._what).inc()
        try:
            yield
        finally:
            telemetry.API_OPEN.labels(self._what).dec()
            self._taken[user] -= 1
            if not self._taken[user]:
                del self._taken[user]

    def _full(self, user: str) -> Problem | None:
        if self._taken[user] >= self._of_user:
            words = f"{user} already has {self._of_user} {self._words} at this process"
            return too_many(f"{words}; end one of them, or try again", self._retry_seconds)
        if self._taken.total() >= self._of_all:
            words = f"this process has {self._of_all} {self._words} already; try again"
            return unavailable(f"too-many-{self._what}", words, seconds=self._retry_seconds)
        return None


class RequestsInProgress:
    """RequestsInProgress counts authenticated requests that have no response yet. A stream is not
    counted while it lasts, nor is the sending of a response."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1


def streams(of_all: int = 500, of_user: int = 50) -> ConcurrencyLimit:
    return ConcurrencyLimit("streams", of_all, of_user, retry_seconds=30.0)


def bodies() -> ConcurrencyLimit:
    """Limits the bodies of requests: at most 8 MiB of one user, 64 MiB in all."""
    return ConcurrencyLimit("bodies", 128, 16, retry_seconds=1.0)


class TurnLimit:
    """TurnLimit limits what takes this process seconds. Few run at a time; the others wait in order
    of arrival."""

    def __init__(
        self,
        what: str,
        of_all: int,
        of_user: int,
        *,
        at_a_time: int,
        retry_seconds: float,
        words: str = "",
    ) -> None:
        """`of_all`, `of_user`: limits that include those that wait."""
        self._places = ConcurrencyLimit(
            what, of_all, of_user, retry_seconds=retry_seconds, words=words
        )
        self._turn = asyncio.Semaphore(at_a_time)

    @asynccontextmanager
    async def turn(self, user: str) -> AsyncIterator[None]:
        """Admits the block as one. Raises Problem if too many wait."""
        with self._places.held(user):
            async with self._turn:
                yield


class FleetLists(TurnLimit):
    """FleetLists limits lists of all ManagedClusters, each of which takes the hub and this process
    seconds."""

    def __init__(self, of_all: int = 64, of_user: int = 4, *, at_a_time: int = 3) -> None:
        super().__init__(
            "fleet-lists",
            of_all,
            of_user,
            at_a_time=at_a_time,
            retry_seconds=1.0,
            words="requests in progress that list all clusters",
        )


def preflights() -> TurnLimit:
    """Limits what preflight reads of single clusters and judges. It may run within a turn of the
    lists, and takes none itself: two that each wait for a second one would never end."""
    words = "preflight requests in progress"
    return TurnLimit("preflights", 64, 4, at_a_time=3, retry_seconds=1.0, words=words)
