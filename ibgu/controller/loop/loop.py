"""Runs the turn: touched -> snapshot -> decide -> journal -> hub -> status.

The process may die between any two arrows; the next turn continues from what the journal and the
hub say.
"""

import asyncio
import time
from collections.abc import Iterable
from datetime import datetime

import structlog
from msgspec.structs import replace

from ibgu import telemetry, tracing
from ibgu.controller import naming
from ibgu.controller.loop.deps import LoopDeps
from ibgu.controller.loop.event_handlers import EventHandlers
from ibgu.controller.loop.foreign_runs import Runs
from ibgu.controller.loop.planner import Planner
from ibgu.controller.loop.post_commit import PostCommit, by_rollout
from ibgu.controller.loop.work_queue import Touched
from ibgu.controller.quarantine import TryAgain, attributed_to
from ibgu.core.engine.snapshot import Facts
from ibgu.core.engine.state import FleetState
from ibgu.core.model import Action, Decision, ReasonKind
from ibgu.hub.errors import HubError

log = structlog.get_logger("ibgu.controller")

GATHER = 0.25
"""Seconds from the first change to the turn. One action causes a burst of changes (a write's
response, its watch event, the agent's patches), and a turn for each would cost more than it saves.
A change that may free a slot is not delayed."""
DRAIN, YIELD_SECONDS = 5.0, 0.05
"""DRAIN: the most seconds that a term which ends by itself waits for its writes; YIELD_SECONDS:
seconds between two checks of them."""


class HubRestored(Exception):
    """HubRestored ends a term: the hub was restored while this controller led, so it has to start
    again."""


class Loop:
    def __init__(self, deps: LoopDeps, facts: Facts) -> None:
        self._deps = deps
        self._planner = Planner(deps, facts)
        self._post_commit = PostCommit(deps)
        self._runs = Runs(deps.fleet, deps.mirror, deps.journal_writer)
        self._gap = False
        self.handlers = EventHandlers(deps, lambda: self.facts.talm_live)
        self._recovered: list[Decision] = []
        deps.statuses.writes_suspended = facts.talm_live

    @property
    def facts(self) -> Facts:
        return self._planner.facts

    @property
    def fleet(self) -> FleetState:
        return self._deps.fleet

    @property
    def now(self) -> datetime:
        """The time by the database's clock."""
        return self._deps.clock.now()

    @property
    def writes_suspended(self) -> bool:
        """Whether only a turn's decisions may be written, or what is seen must not be acted on."""
        away = self._gap or bool(self._deps.journal_writer.away)
        return self.facts.talm_live or away or not self._current()

    @property
    def depth(self) -> int:
        """Number of objects that have a write pending."""
        return self._deps.effects.depth

    def touch_everything(self) -> None:
        """Queues everything, at the start and whenever the mirror is in sync again."""
        for uid, tracked in self._deps.fleet.rollouts.items():
            # Members in flight come first: their reports may speak against new starts.
            running = {name: None for step in tracked.steps for name in step.in_flight}
            everybody = {name: None for step in tracked.steps for name in step.members}
            self._deps.work_queue.touch(uid, running | everybody)
            if not self.facts.talm_live:
                self._deps.statuses.touch(uid)
        for obj in self._deps.mirror.ibgus:
            self._deps.work_queue.touch(obj.metadata.uid)
        for uid in self._deps.fleet.pending_patches:
            self._deps.work_queue.touch_patch(uid)
        self._deps.work_queue.expedite()  # nothing was decided for a while

    def report_quarantine(self) -> None:
        """Reports quarantined rollouts whose status can't say so, because another hold is shown or
        the journal does not have the rollout or its hold. Waits while a live TALM is on the
        hub."""
        for uid in () if self.facts.talm_live else self._deps.quarantine:
            tracked = self.fleet.rollouts.get(uid)
            hold = tracked.rollout.hold if tracked is not None else None
            shown = hold is None or hold.kind is ReasonKind.INTERNAL_ERROR
            if tracked is None or not shown or self._deps.quarantine.untouchable(uid):
                words = self._deps.quarantine.words(uid)
                self._deps.notices.warn(uid, ReasonKind.INTERNAL_ERROR, words)
                self._deps.statuses.touch(uid)

    def recovered(self, decisions: list[Decision]) -> None:
        """Reports what the start decided after a restore, and removes works without an owner.

        Waits while a live TALM is on the hub.
        """
        self._recovered = decisions if self.facts.talm_live else []
        if self.facts.talm_live:
            return
        for uid, own in by_rollout(decisions).items():
            with self._deps.quarantine.best_effort(uid):
                self._deps.notices.tell(self._deps.fleet, own)
        self._deps.effects.remove_orphans(self._deps.fleet)

    def synced(self, now: datetime) -> None:
        """Resumes after a gap: mirror and journal are complete (again) since `now`."""
        self._planner.facts = replace(self.facts, in_sync_since=now, led_since=None)
        self.touch_everything()
        if not self.facts.talm_live:
            self._deps.effects.remove_orphans(self._deps.fleet)

    def talm(self, live: bool) -> None:
        if live != self.facts.talm_live:
            self._planner.facts = replace(self.facts, talm_live=live)
            self._deps.statuses.writes_suspended = live
            self.recovered(self._recovered)
            self.touch_everything()
            self.report_quarantine()

    # -- the loop ------------------------------------------------------------------------------

    async def run(self) -> None:
        while True:
            await self._something()
            await self._deps.work_queue.gather(GATHER)
            await self.turn()
            await self._deps.journal_writer.flush(self._deps.clock.now())

    async def _something(self) -> None:
        work_queue, clock = self._deps.work_queue, self._deps.clock
        if clock.stale:
            await self._deps.journal_writer.with_retries(clock.sync)
        work_queue.ring(clock.now())
        if work_queue.changed.is_set() or self._gap:
            return
        due = work_queue.next_timer()
        wait = 30.0 if due is None else min(30.0, clock.seconds_until(due))
        wait = min(wait, self._deps.journal_writer.patience)
        try:
            async with asyncio.timeout(max(0.001, wait)):
                await work_queue.changed.wait()
        except TimeoutError:
            work_queue.ring(clock.now())

    async def turn(self) -> None:
        """Runs one turn; see the module's docstring. Raises HubRestored, Broken, TryAgain."""
        if proof := self._deps.mirror.hub_restored:
            # The restored hub no longer shows what was seen before.
            await self._deps.journal_writer.write_waiting(self._deps.clock.now())
            raise HubRestored(proof)
        if self.handlers.broken is not None:
            raise self.handlers.broken
        if not await self._in_sync():
            return
        if self._deps.quarantine.due:
            await self._drain()
            raise TryAgain
        since = self._deps.work_queue.since
        touched, pending_patches = self._deps.work_queue.take()
        if not touched and not pending_patches:
            return
        quarantine = self._deps.quarantine
        followed = {uid: names for uid, names in touched.items() if uid not in quarantine}
        pending_patches = [uid for uid in pending_patches if not self._waits(uid)]
        if await self._runs.learn(followed) and self._missed():
            self._put_back(touched, pending_patches)
            return
        now = self._deps.clock.now()
        with telemetry.TURN.time(), tracing.span("turn", ibgu_rollouts=len(touched)):
            with self._deps.journal_writer.ahead():
                draft = await self._planner.draft(touched, pending_patches, now)
                await self._deps.journal_writer.commit(draft, now)
            writes_suspended, late = self.facts.talm_live, self._missed()
            self._post_commit.perform(
                draft, pending_patches, now, writes_suspended=writes_suspended, late=late
            )
        telemetry.REACTION.observe(time.monotonic() - since)

    def _waits(self, pending: str) -> bool:
        """Returns whether the pending patch belongs to a quarantined rollout."""
        known = self.fleet.pending_patches.get(pending)
        return known is not None and known.rollout in self._deps.quarantine

    async def _drain(self) -> None:
        """Waits up to `DRAIN` seconds for writes in progress before the term ends."""
        await self._deps.journal_writer.write_waiting(self._deps.clock.now())
        for _ in range(round(DRAIN / YIELD_SECONDS)):
            if not self.depth:
                return
            await asyncio.sleep(YIELD_SECONDS)

    def _put_back(self, touched: Touched, pending_patches: Iterable[str]) -> None:
        """Queues the work again: after a gap, limits that passed meanwhile get their grace
        first."""
        for uid, clusters in touched.items():
            self._deps.work_queue.touch(uid, clusters)
        for uid in pending_patches:
            self._deps.work_queue.touch_patch(uid)

    def _missed(self) -> bool:
        """Returns whether the journal was away or the mirror is. The gap is remembered until
        everything has been queued again, even if both are back before the next turn."""
        self._gap = self._gap or not self._current()
        return self._gap

    def _current(self) -> bool:
        return self._deps.in_sync() and not self._deps.mirror.hub_restored

    async def _in_sync(self) -> bool:
        """Returns whether a turn may decide now. A mirror with a gap permits nothing; after a gap
        (or after the journal was away) everything is queued again, and limits that passed meanwhile
        get their grace."""
        if not self._deps.in_sync():
            self._gap = True
            await asyncio.sleep(0.05)
            return False
        if self._gap:
            self._gap = False
            self.synced(self._deps.clock.now())
        return True

    def was_away(self) -> None:
        """Marks a gap, because the journal was away: decisions made meanwhile are not acted on but
        made again."""
        self._gap = True

    async def check_payloads(self) -> bool:
        """Reads again what running steps with Prep carry; a change closes a gate (R25.4).

        Returns False if the payload of some step is not known yet; nothing starts there before.
        """
        known = True
        for uid, tracked in list(self._deps.fleet.rollouts.items()):
            step = tracked.current
            if step is None or not step.unfinished or tracked.rollout.deleted_at is not None:
                continue
            if uid in self._deps.quarantine:
                continue
            if Action.PREP not in step.step.actions:
                continue
            before = self._deps.payloads.state(uid)
            try:
                with attributed_to(uid):
                    after = await self._deps.payloads.read(
                        tracked.rollout, step.step.payload_digest
                    )
            except HubError as error:
                names = naming.of_rollout(self.fleet, uid)
                log.warning(
                    "can't read a payload", **names, step=step.step.index + 1, error=str(error)
                )
                known = known and before.read
                continue
            if after != before:
                self._deps.work_queue.touch(uid, step.in_flight)
        return known

    def disarm_what_was_taken(self) -> None:
        """Disarms accepted runs while the journal is away (R9.2)."""
        for uid, tracked in self._deps.fleet.rollouts.items():
            with self.handlers.outside(uid):
                step = tracked.current
                for cluster in step.in_flight if step else ():
                    self._deps.effects.disarm_taken(tracked, cluster)
