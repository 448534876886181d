"""Defers errors of ibgu's own that occur between two turns."""

from collections.abc import Iterator
from contextlib import contextmanager

from ibgu.controller.loop.work_queue import WorkQueue
from ibgu.controller.quarantine import Quarantine, RolloutError


class DeferredErrors:
    """DeferredErrors keeps the first error about a rollout for the next turn to raise."""

    def __init__(self, quarantine: Quarantine, work_queue: WorkQueue) -> None:
        self._quarantine = quarantine
        self._work_queue = work_queue
        self._first: RolloutError | None = None

    @contextmanager
    def of(self, rollout: str) -> Iterator[None]:
        """Defers an error of the block about the rollout."""
        try:
            with self._quarantine.tolerate(rollout):
                yield
        except RolloutError as broken:
            self._first = self._first or broken
            self._work_queue.touch_now(rollout)

    def raise_first(self) -> None:
        if self._first is not None:
            raise self._first
