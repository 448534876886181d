"""Runs the turn: touched -> snapshot -> decide -> journal -> hub -> status.

The process may die between any two arrows; the next turn continues from what the journal and the
hub say.
"""

import asyncio
import time
from collections.abc import Iterable

from msgspec import Struct

from ibgu import telemetry, tracing
from ibgu.controller.clock import Clock
from ibgu.controller.facts import TermFacts
from ibgu.controller.loop.commit import JournalWriter
from ibgu.controller.loop.foreign_runs import ForeignRuns
from ibgu.controller.loop.planner import Planner
from ibgu.controller.loop.post_commit import PostCommit
from ibgu.controller.loop.resync import Resync
from ibgu.controller.loop.term_end import TermEnd
from ibgu.controller.loop.work_queue import Touched, WorkQueue

GATHER = 0.25
"""Seconds from the first change to the turn. One action causes a burst of changes (a write's
response, its watch event, the agent's patches), and a turn for each would cost more than it saves.
A change that may free a slot is not delayed."""
MAX_WAIT = 30.0
"""The most seconds between two looks at timers and the clock."""
OUT_OF_SYNC = 0.05
"""Seconds between two looks at whether the mirror is complete."""


class Loop(Struct, frozen=True, eq=False):
    """Loop runs one turn after the other for as long as the term lasts; nothing else decides."""

    _clock: Clock
    _work_queue: WorkQueue
    _planner: Planner
    _journal_writer: JournalWriter
    _post_commit: PostCommit
    _foreign_runs: ForeignRuns
    _facts: TermFacts
    _resync: Resync
    _ending: TermEnd

    async def run(self) -> None:
        while True:
            await self._wait_for_work()
            await self._work_queue.gather(GATHER)
            await self.turn()
            await self._journal_writer.flush(self._clock.now())

    async def _wait_for_work(self) -> None:
        work_queue, clock = self._work_queue, self._clock
        if clock.stale:
            await self._journal_writer.with_retries(clock.sync)
        work_queue.fire_due_timers(clock.now())
        if work_queue.changed.is_set() or self._facts.gap:
            return
        due = work_queue.next_timer()
        wait = MAX_WAIT if due is None else min(MAX_WAIT, clock.seconds_until(due))
        wait = min(wait, self._journal_writer.until_flush)
        try:
            async with asyncio.timeout(max(0.001, wait)):
                await work_queue.changed.wait()
        except TimeoutError:
            work_queue.fire_due_timers(clock.now())

    async def turn(self) -> None:
        """Runs one turn; see the module's docstring. Raises HubRestored, RolloutError, RetryDue."""
        await self._ending.end_if_invalid(self._clock.now())
        if not await self._in_sync():
            return
        await self._ending.end_if_due(self._clock.now())
        since = self._work_queue.since
        touched, queued = self._work_queue.pop()
        if not touched and not queued:
            return
        pending_patches = self._planner.not_quarantined(queued)
        if await self._foreign_runs.look_up(touched) and self._facts.had_gap():
            self._put_back(touched, pending_patches)
            return
        now = self._clock.now()
        with telemetry.TURN.time(), tracing.span("turn", ibgu_rollouts=len(touched)):
            with self._journal_writer.uncommitted():
                draft = await self._planner.draft(touched, pending_patches, now)
                await self._journal_writer.commit(draft, now)
            writes_suspended, late = bool(self._facts.talm_hold), self._facts.had_gap()
            self._post_commit.perform(
                draft, pending_patches, now, writes_suspended=writes_suspended, late=late
            )
        telemetry.REACTION.observe(time.monotonic() - since)

    def _put_back(self, touched: Touched, pending_patches: Iterable[str]) -> None:
        """Queues the work again: after a gap, limits that passed meanwhile get their grace
        first."""
        for uid, clusters in touched.items():
            self._work_queue.touch(uid, clusters)
        for uid in pending_patches:
            self._work_queue.touch_patch(uid)

    async def _in_sync(self) -> bool:
        """Returns whether a turn may decide now. A mirror with a gap permits nothing; after a gap
        (or after the journal was away) everything is queued again, and limits that passed meanwhile
        get their grace."""
        if self._facts.incomplete():
            await asyncio.sleep(OUT_OF_SYNC)
            return False
        if self._facts.gap:
            self._resync.after_gap(self._clock.now())
        return True
