"""Finds out whose runs clusters and works show (R9.7), from memory or else from the journal.

The journal keeps every run, also of rollouts that are long over; memory caches its answers.
"""

from collections.abc import Iterable, Iterator

from ibgu.controller.loop.commit import JournalWriter
from ibgu.controller.loop.work_queue import Touched
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import Quarantine, attributed_to
from ibgu.core.engine.decide import other_run
from ibgu.core.engine.state import FleetState
from ibgu.core.model.names import stage_name

MAX_CACHED = 10_000
"""The most cached answers beyond those that a turn needs; with more, the cache is cleared."""


class ForeignRuns:
    """ForeignRuns asks the journal about each run that the hub shows and memory does not know, and
    caches the answers; `FleetState.foreign_runs` holds those that are not ibgu's."""

    def __init__(
        self,
        fleet: FleetState,
        mirror: Mirror,
        journal_writer: JournalWriter,
        quarantine: Quarantine,
    ) -> None:
        self._fleet = fleet
        self._mirror = mirror
        self._journal_writer = journal_writer
        self._quarantine = quarantine
        self._asked: set[str] = set()

    async def look_up(self, touched: Touched) -> bool:
        """Asks the journal for what the next turn has to know, including changes that arrive
        meanwhile; returns False if all was known."""
        asked = False
        while unknown := self._unknown(touched):
            foreign = await self._journal_writer.foreign_runs(unknown)
            self._fleet.foreign_runs |= foreign
            self._asked |= unknown
            asked = True
        return asked

    def _unknown(self, touched: Touched) -> set[str]:
        shown = set(self._shown(touched))
        if len(self._asked - shown) > MAX_CACHED:
            self._asked.clear()
            self._fleet.foreign_runs.clear()
        return shown - self._asked

    def _shown(self, touched: Touched) -> Iterator[str]:
        for uid, clusters in touched.items():
            if uid not in self._quarantine:
                with attributed_to(uid):
                    yield from self._of_rollout(uid, clusters)

    def _of_rollout(self, uid: str, clusters: Iterable[str]) -> Iterator[str]:
        tracked = self._fleet.rollouts.get(uid)
        if tracked is None:
            yield from (work.view.run for work in self._mirror.works_of(uid))
            return
        name = stage_name(uid, tracked.rollout.name)
        for cluster in clusters:
            run = other_run(tracked, cluster, self._mirror.work((cluster, name)))
            if run:
                yield run
