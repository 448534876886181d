"""Caches counts: of ended steps, which never change; of rollouts and seed images until the next
event; of large running steps for a second or three, however many callers ask."""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from math import inf
from typing import Generic, TypeVar

from msgspec import Struct

from ibgu.core.model import Step, StepState
from ibgu.core.model.counts import Counts
from ibgu.db.errors import JournalUnavailable
from ibgu.db.views import RolloutRow, SeedFailureRow, StepRow

CAPACITY = 10_000
"""The most steps, and the most rollouts; the least recently used goes first."""
MAX_SEEDS = 200
"""The most seed images."""
LARGE = 1000
"""Members; a smaller running step is counted for every caller."""
FRESH_SECONDS = 1.0
STALE_SECONDS = 3.0
"""The oldest count that a request gets; what is no longer fresh is counted again behind it."""

StepKey = tuple[str, int]
Newest = tuple[int | None, datetime | None]
"""Number and time of a rollout's newest event; retention deletes events of old rollouts."""
SeedKey = tuple[str, tuple[str, ...]]
"""A seed image, and the rollouts that are counted."""
SeedCounts = tuple[int, int, tuple[SeedFailureRow, ...]]
"""Clusters that were upgraded and rolled back, and the failures of others."""
_Key = tuple[str, int, datetime | None]


class SharedRollout(Struct, frozen=True):
    """SharedRollout is a rollout as it was a moment ago."""

    row: RolloutRow
    seq: int
    """The number of the hub's newest event then."""


Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row")


def is_shared(step: Step) -> bool:
    """Returns whether the step's count is one for all callers of the same second."""
    return step.state is StepState.RUNNING and step.total >= LARGE


class RecentCounts(Generic[Key, Row]):
    """RecentCounts keeps what was counted a moment ago, whole: what is in one row was true
    together. A row that is no longer fresh is shown while it is counted again in the
    background."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rows: dict[Key, tuple[float, Row]] = {}
        self._counting: Counter[Key] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    @contextmanager
    def counting(self, keys: Collection[Key]) -> Iterator[None]:
        """Marks a count in progress: nobody else begins one."""
        self._counting.update(keys)
        try:
            yield
        finally:
            self._counting -= Counter(keys)

    def get(self, key: Key) -> Row | None:
        """Returns a row of at most STALE_SECONDS ago."""
        if key not in self._rows:
            return None
        made, row = self._rows[key]
        return row if self._clock() - made <= STALE_SECONDS else None

    def due(self, keys: Iterable[Key]) -> list[Key]:
        """Returns those of the keys whose rows are no longer fresh, and that nobody counts."""
        now, never = self._clock(), (-inf, None)
        return [
            key
            for key in keys
            if now - self._rows.get(key, never)[0] > FRESH_SECONDS and key not in self._counting
        ]

    def recount(self, keys: Collection[Key], count: Callable[[], Awaitable[None]]) -> None:
        """Starts a count of these keys in the background. If Postgres is away, the next reader
        finds that out."""

        async def run() -> None:
            with suppress(JournalUnavailable):
                await count()

        self._counting.update(keys)
        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._counted(done, keys))

    def _counted(self, task: asyncio.Task[None], keys: Collection[Key]) -> None:
        self._tasks.discard(task)
        self._counting -= Counter(keys)

    def remember(self, key: Key, row: Row) -> None:
        """Stores a row, and drops expired ones."""
        now = self._clock()
        for each in [each for each, (made, _) in self._rows.items() if now - made > STALE_SECONDS]:
            del self._rows[each]
        self._rows[key] = (now, row)

    def __len__(self) -> int:
        return len(self._rows)


class CountCache:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.steps: RecentCounts[StepKey, StepRow] = RecentCounts(clock)
        self.rollouts: RecentCounts[str, SharedRollout] = RecentCounts(clock)
        self._known: OrderedDict[_Key, Counts] = OrderedDict()
        self._totals: OrderedDict[str, tuple[Newest, Counts]] = OrderedDict()
        self._seeds: OrderedDict[SeedKey, tuple[tuple[Newest, ...], SeedCounts]] = OrderedDict()

    def get(self, step: Step) -> Counts | None:
        key = _key(step)
        if key not in self._known:
            return None
        self._known.move_to_end(key)
        return self._known[key]

    def total(self, rollout: str, newest: Newest) -> Counts | None:
        """Returns the count of the rollout, if nothing has happened in it since."""
        found = self._totals.get(rollout)
        if found is None:
            return None
        self._totals.move_to_end(rollout)
        made, counts = found
        return counts if made == newest else None

    def learn_total(self, rollout: str, newest: Newest, counts: Counts) -> None:
        self._totals[rollout] = (newest, counts)
        if len(self._totals) > CAPACITY:
            self._totals.popitem(last=False)

    def seed(self, key: SeedKey, newest: tuple[Newest, ...]) -> SeedCounts | None:
        """Returns the counts of a seed image, if nothing has happened in its rollouts since."""
        made, counts = self._seeds.get(key, ((), None))
        return counts if made == newest else None

    def learn_seed(self, key: SeedKey, newest: tuple[Newest, ...], counts: SeedCounts) -> None:
        self._seeds[key] = (newest, counts)
        self._seeds.move_to_end(key)
        if len(self._seeds) > MAX_SEEDS:
            self._seeds.popitem(last=False)

    def learn(self, step: Step, counts: Counts) -> None:
        """Stores the count of a step that is over, if it includes all members."""
        if step.state is not StepState.FINISHED or counts.total != step.total:
            return
        self._known[_key(step)] = counts
        if len(self._known) > CAPACITY:
            self._known.popitem(last=False)


def _key(step: Step) -> _Key:
    """Returns the key, with the step's end: after a restore of the journal the same step may end
    again."""
    return (*step.key, step.finished_at)
