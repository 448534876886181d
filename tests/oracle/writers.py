"""Checks that one writer at a time wrote: the leaders' epochs never interleave (R30.1)."""

from bisect import bisect_left
from collections.abc import Sequence

from tests.oracle.audit import Audit
from tests.oracle.events import Event, Leader
from tests.oracle.rules import Rule


class Writers:
    def __init__(self, audit: Audit, leaders: Sequence[Leader]) -> None:
        self._audit = audit
        self._leaders = sorted(leaders, key=lambda leader: leader.epoch)
        self._seq = 0
        self._epoch = 0

    def wrote(self, event: Event) -> None:
        require = self._audit.require
        words = f"the event comes after number {self._seq}"
        require(Rule.HISTORY, event.seq > self._seq, event, words, self._seq)
        words = f"epoch {event.epoch} writes after epoch {self._epoch} had begun"
        require(Rule.WRITER, event.epoch >= self._epoch, event, words, self._seq)
        if self._leaders:
            self._in_its_time(event)
        self._seq, self._epoch = event.seq, max(event.epoch, self._epoch)

    def _in_its_time(self, event: Event) -> None:
        """Checks that the event lies between the beginning of its epoch and that of the next
        one."""
        place = bisect_left(self._leaders, event.epoch, key=lambda leader: leader.epoch)
        mine = self._leaders[place : place + 1]
        known = bool(mine) and mine[0].epoch == event.epoch
        words = f"no controller led in epoch {event.epoch}"
        if not self._audit.require(Rule.WRITER, known, event, words):
            return
        following = self._leaders[place + 1 : place + 2]
        inside = mine[0].after_seq < event.seq and all(
            event.seq <= leader.after_seq for leader in following
        )
        words = f"{mine[0].holder} wrote outside of its epoch {event.epoch}"
        self._audit.require(Rule.WRITER, inside, event, words)
