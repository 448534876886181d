"""Rollouts that an error of ibgu's own keeps from being worked on, while all others go on.

Whatever raises ends the term: its world may be half changed by then. If it is about one rollout,
the next term leaves that one alone, and tries it again after a while.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from traceback import walk_tb

import structlog
from msgspec import Struct

from ibgu import telemetry
from ibgu.db.errors import is_refused
from ibgu.hub.backoff import Backoff
from ibgu.hub.errors import HubError

log = structlog.get_logger("ibgu.controller")

FIRST, LONGEST = 60.0, 1800.0
"""Seconds from the error to the next try: at most, doubled from try to try up to the longest."""
CHANGED = 15.0
"""As FIRST, where somebody has changed the IBGU since: that may have mended it."""
_AFTER_ERROR, _AFTER_CHANGE = Backoff(FIRST, LONGEST), Backoff(CHANGED, LONGEST)
BATCH_LIMIT = 10
"""With rollouts of more namespaces it is hardly theirs: the process ends, as with any error. With
more rollouts of one namespace all of that namespace are set aside: each costs all others a term."""


class Broken(Exception):
    """An error of ibgu's own in what it does about one rollout."""

    def __init__(self, rollout: str, words: str) -> None:
        super().__init__(f"{words}, about the rollout {rollout}")
        self.rollout = rollout
        """Its uid."""
        self.words = words
        """What and where: the same each time it happens, so that it is told once."""


class TryAgain(Exception):
    """It is time to try what was set aside: on a fresh world, as a start would."""


def broken_of(group: BaseExceptionGroup[BaseException]) -> Iterator[Broken]:
    """All in it, however deep."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from broken_of(error)
        elif isinstance(error, Broken):
            yield error


@contextmanager
def about(rollout: str) -> Iterator[None]:
    """For what is done for one rollout's sake, by its uid. Raises Broken; what the hub answers is
    no error of ours."""
    try:
        yield
    except (Broken, HubError, MemoryError):
        raise
    except Exception as error:
        raise Broken(rollout, _words(error)) from error


@contextmanager
def storing(rollout: str) -> Iterator[None]:
    """For a commit of one rollout's decisions alone: what Postgres refuses of them is that
    rollout's matter, what else goes wrong is not. Raises Broken."""
    try:
        yield
    except Exception as error:
        if not is_refused(error):
            raise
        raise Broken(rollout, _words(error)) from error


def _words(error: Exception) -> str:
    """The error's own words may name another cluster each time."""
    frames = [
        (frame.f_globals.get("__name__", ""), line) for frame, line in walk_tb(error.__traceback__)
    ]
    module, line = next((f for f in reversed(frames) if f[0].startswith("ibgu.")), frames[-1])
    return f"{type(error).__name__} in {module}, line {line}"


class _Failure(Struct):
    words: str
    at: float
    again: float
    tries: int
    namespace: str
    quarantine: bool = True


class Quarantine:
    """For one lead; by the event loop's clock. As a collection: uids of the rollouts."""

    def __init__(self, rng: Random) -> None:
        self._failures: dict[str, _Failure] = {}
        self._untold: set[tuple[str, str]] = set()
        self._rng = rng
        self._now: Callable[[], float] = asyncio.get_running_loop().time

    def __contains__(self, rollout: str) -> bool:
        known = self._failures.get(rollout)
        return known is not None and known.quarantine

    def __iter__(self) -> Iterator[str]:
        return (uid for uid, failure in self._failures.items() if failure.quarantine)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @contextmanager
    def tolerate(self, rollout: str) -> Iterator[None]:
        """As `about`, for what is also done for those set aside: of them it counts no more."""
        try:
            with about(rollout):
                yield
        except Broken:
            if rollout not in self:
                raise

    @contextmanager
    def best_effort(self, rollout: str) -> Iterator[None]:
        """For what only tells people of the rollout: an error in it stops nothing. The log has each
        once."""
        try:
            with about(rollout):
                yield
        except Broken as broken:
            if (rollout, broken.words) not in self._untold:
                self._untold.add((rollout, broken.words))
                telemetry.OWN_ERRORS.labels("telling").inc()
                log.exception("can't tell of a rollout", rollout=rollout, error=broken.words)

    def words(self, rollout: str) -> str:
        """Of one that is set aside."""
        return self._failures[rollout].words

    @property
    def namespaces(self) -> Counter[str]:
        """How many rollouts of each namespace are set aside."""
        return Counter(self._failures[uid].namespace for uid in self)

    def put(self, broken: Broken, namespace: str | None) -> float:
        """Set the rollout aside; answer the seconds until it is tried again. `namespace`: None if
        its IBGU is gone. All of whom nobody knows more count as one."""
        telemetry.OWN_ERRORS.labels("work").inc()
        now, before = self._now(), self._failures.get(broken.rollout)
        lately = before is not None and now - before.at < 2 * LONGEST
        tries = before.tries + 1 if before is not None and lately else 1
        pause = _AFTER_ERROR.delay(tries, self._rng)
        if namespace is None:
            namespace = before.namespace if before is not None else ""
        failure = _Failure(broken.words, now, now + pause, tries, namespace)
        self._failures[broken.rollout] = failure
        return pause

    def changed(self, rollout: str) -> None:
        """Somebody has changed its IBGU. Each try costs all others a start, though."""
        if rollout in self:
            known = self._failures[rollout]
            soon = _AFTER_CHANGE.delay(known.tries, self._rng)
            known.again = min(known.again, known.at + soon)

    @property
    def due(self) -> bool:
        return any(self._failures[uid].again <= self._now() for uid in self)

    def let_go(self) -> None:
        """Those whose time has come are rollouts like all others."""
        for uid in list(self):
            if self._failures[uid].again <= self._now():
                self._failures[uid].quarantine = False
