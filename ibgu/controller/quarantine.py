"""Quarantines rollouts that ibgu fails on by an error of its own, while all others go on.

Any exception ends the term, because its FleetState may be half changed. If the error is about one
rollout, the next term leaves that rollout alone and retries it after a while.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from random import Random
from traceback import walk_tb

import structlog
from msgspec import Struct

from ibgu import telemetry
from ibgu.core.engine.state import UnreadableRollout
from ibgu.flowcontrol.backoff import Backoff
from ibgu.hub.errors import HubError

log = structlog.get_logger("ibgu.controller")

MIN_DELAY, MAX_DELAY = 60.0, 1800.0
"""Seconds from the error to the next try, at most; doubled from try to try up to MAX_DELAY."""
CHANGED = 15.0
"""Like MIN_DELAY, after someone has changed the IBGU: that may have solved the problem."""
_AFTER_ERROR, _AFTER_CHANGE = Backoff(MIN_DELAY, MAX_DELAY), Backoff(CHANGED, MAX_DELAY)
MAX_NAMESPACES = 10
"""The most namespaces with quarantined rollouts; with more, the cause is hardly theirs, and the
process ends as with any error. Also the most quarantined rollouts of one namespace; with more, all
of that namespace are quarantined, because each costs all others a term."""


_REMEDY = "see “Records that can't be read” in docs/recovery.md"
_UNREADABLE = (
    "its records in the journal can't be read ({}): nothing of this rollout goes on, its clusters "
    f"in flight are not followed, and its claims stay; do: {_REMEDY}; ibgu looks again each minute"
)
_UNSTORABLE = (
    ": the journal refuses all of this rollout, so nothing of it goes on; do: send the log of the "
    "controller to those who maintain ibgu; it is tried again by itself"
)


class RolloutError(Exception):
    """RolloutError is an error of ibgu's own in its work on one rollout."""

    def __init__(self, rollout: str, words: str) -> None:
        super().__init__(f"{words}, about the rollout {rollout}")
        self.rollout = rollout
        """The rollout's uid."""
        self.words = words
        """Type and place of the error: the same each time, so that it is reported once."""


class RetryDue(Exception):
    """RetryDue ends the term when a quarantined rollout is due, to retry it on a fresh FleetState,
    as at a start."""


def broken_of(group: BaseExceptionGroup[BaseException]) -> Iterator[RolloutError]:
    """Yields all RolloutErrors in the group, at any depth."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from broken_of(error)
        elif isinstance(error, RolloutError):
            yield error


@contextmanager
def attributed_to(rollout: str) -> Iterator[None]:
    """Attributes errors in the block to the rollout (by uid). Raises RolloutError; what the hub
    responds is no error of ours."""
    try:
        yield
    except (RolloutError, HubError, MemoryError):
        raise
    except Exception as error:
        raise broken_by(rollout, error) from error


def broken_by(rollout: str, error: Exception) -> RolloutError:
    """Attributes an error that was caught to the rollout (by uid)."""
    broken = RolloutError(rollout, _error_place(error))
    broken.__cause__ = error
    return broken


def _error_place(error: Exception) -> str:
    """Returns the error's type and place; its message may name another cluster each time."""
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
    unstorable: bool = False
    active: bool = True


class Quarantine:
    """Quarantine holds the quarantined rollouts of one lead, by uid; its times are the event
    loop's."""

    def __init__(self, rng: Random) -> None:
        self._failures: dict[str, _Failure] = {}
        self._unreadable: dict[str, str] = {}
        self._readable_again = False
        self._logged: set[tuple[str, str]] = set()
        self._rng = rng
        self._now: Callable[[], float] = asyncio.get_running_loop().time

    def __contains__(self, rollout: str) -> bool:
        return rollout in self._unreadable or self._failed(rollout)

    def _failed(self, rollout: str) -> bool:
        known = self._failures.get(rollout)
        return known is not None and known.active

    def __iter__(self) -> Iterator[str]:
        yield from self._unreadable
        yield from (uid for uid in self._failures if uid not in self._unreadable and uid in self)

    @property
    def _failing(self) -> list[str]:
        return [uid for uid in self._failures if self._failed(uid)]

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @contextmanager
    def tolerate(self, rollout: str) -> Iterator[None]:
        """Does what `attributed_to` does, but ignores errors of rollouts that are already
        quarantined."""
        try:
            with attributed_to(rollout):
                yield
        except RolloutError:
            if rollout not in self:
                raise

    @contextmanager
    def best_effort(self, rollout: str) -> Iterator[None]:
        """Ignores errors of a block that only reports on the rollout; the log has each once."""
        try:
            with attributed_to(rollout):
                yield
        except RolloutError as broken:
            if (rollout, broken.words) not in self._logged:
                self._logged.add((rollout, broken.words))
                telemetry.OWN_ERRORS.labels("report").inc()
                log.exception("can't report on a rollout", rollout=rollout, error=broken.words)

    def error_of(self, rollout: str) -> str:
        """Returns the error of a quarantined rollout."""
        return self._unreadable.get(rollout) or self._failures[rollout].words

    def untouchable(self, rollout: str) -> bool:
        """Returns whether nothing of a quarantined rollout may be written to the journal: its
        records can't be read, or even its hold can't be stored."""
        unstorable = self._failed(rollout) and self._failures[rollout].unstorable
        return rollout in self._unreadable or unstorable

    @property
    def namespaces(self) -> Counter[str]:
        """Number of rollouts that are quarantined for an error, by namespace. Those that can't be
        read are not counted: they cost the others nothing."""
        return Counter(self._failures[uid].namespace for uid in self._failing)

    def unreadable(self, found: Collection[UnreadableRollout]) -> None:
        """Quarantines the rollouts whose records can't be read, and no longer those that were so
        before; each is reported once."""
        before = self._unreadable
        self._unreadable = {each.uid: _UNREADABLE.format(each.error) for each in found}
        self._readable_again = False
        for each in found:
            if each.uid not in before:
                telemetry.OWN_ERRORS.labels("work").inc()
                log.error(
                    "records of a rollout can't be read",
                    rollout=each.full_name,
                    uid=each.uid,
                    error=each.error,
                    do=_REMEDY,
                )

    def readable_again(self) -> None:
        """Ends the term soon, since records that could not be read now can, or are gone."""
        self._readable_again = True

    def put(self, broken: RolloutError, namespace: str | None) -> float:
        """Quarantines the rollout and returns the seconds until it is retried. `namespace`: None if
        its IBGU is gone; rollouts of unknown namespaces count as one namespace's."""
        telemetry.OWN_ERRORS.labels("work").inc()
        now, before = self._now(), self._failures.get(broken.rollout)
        lately = before is not None and now - before.at < 2 * MAX_DELAY
        tries = before.tries + 1 if before is not None and lately else 1
        pause = _AFTER_ERROR.delay(tries, self._rng)
        if namespace is None:
            namespace = before.namespace if before is not None else ""
        again = self._failed(broken.rollout)  # of a quarantined rollout only the hold is decided
        words = broken.words + (_UNSTORABLE if again else "")
        failure = _Failure(words, now, now + pause, tries, namespace, unstorable=again)
        self._failures[broken.rollout] = failure
        return pause

    def changed(self, rollout: str) -> None:
        """Retries the rollout sooner because someone changed its IBGU, but not at once: each try
        costs all others a start."""
        if self._failed(rollout):
            known = self._failures[rollout]
            soon = _AFTER_CHANGE.delay(known.tries, self._rng)
            known.again = min(known.again, known.at + soon)

    @property
    def due(self) -> bool:
        over = any(self._failures[uid].again <= self._now() for uid in self._failing)
        return over or self._readable_again

    def release_due(self) -> None:
        """Releases the rollouts that are due."""
        for uid in self._failing:
            if self._failures[uid].again <= self._now():
                self._failures[uid].active = False
