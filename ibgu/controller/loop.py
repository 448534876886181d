"""The turn: touched -> snapshot -> decide -> journal -> hub -> status.

Everything may die between any two arrows; the next turn goes on from what the journal and the
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
from ibgu.controller.agenda import Touched
from ibgu.controller.aside import TryAgain, about
from ibgu.controller.deciding import Deciding
from ibgu.controller.following import Following, by_rollout
from ibgu.controller.news import News
from ibgu.controller.parts import Parts
from ibgu.controller.recovery import WentBack
from ibgu.controller.runs import Runs
from ibgu.core.fleet import FleetState
from ibgu.core.model import Action, Decision, ReasonKind
from ibgu.core.snapshot import Facts
from ibgu.hub.errors import HubError

log = structlog.get_logger("ibgu.controller")

GATHER = 0.25
"""Seconds from the first change to the turn: what one action causes comes in bursts (a write's
answer, its watch event, the agent's patches), and a turn for each would cost more than it saves.
Where a slot may be free now nobody waits for more."""
DRAIN, BREATH = 5.0, 0.05
"""Seconds that a term which ends by its own will waits for its writes at most, and between two
looks at them."""


class Loop:
    def __init__(self, parts: Parts, facts: Facts) -> None:
        self._parts = parts
        self._deciding = Deciding(parts, facts)
        self._following = Following(parts)
        self._runs = Runs(parts.fleet, parts.mirror, parts.ledger)
        self._gap = False
        self.news = News(parts, lambda: self.facts.talm_live)
        self._recovered: list[Decision] = []
        parts.statuses.hushed = facts.talm_live

    @property
    def facts(self) -> Facts:
        return self._deciding.facts

    @property
    def fleet(self) -> FleetState:
        return self._parts.fleet

    @property
    def now(self) -> datetime:
        """By the database's clock."""
        return self._parts.clock.now()

    @property
    def hushed(self) -> bool:
        """Nothing may be written that no turn has decided, or what is seen can't be acted on."""
        away = self._gap or bool(self._parts.ledger.away)
        return self.facts.talm_live or away or not self._current()

    @property
    def depth(self) -> int:
        """How many objects have a write pending."""
        return self._parts.effects.depth

    def touch_everything(self) -> None:
        """At the start, and whenever everything is in sync again."""
        for uid, tracked in self._parts.fleet.rollouts.items():
            # Who is in flight comes first: what they say may speak against new starts.
            running = {name: None for step in tracked.steps for name in step.in_flight}
            everybody = {name: None for step in tracked.steps for name in step.members}
            self._parts.agenda.touch(uid, running | everybody)
            if not self.facts.talm_live:
                self._parts.statuses.touch(uid)
        for obj in self._parts.mirror.ibgus:
            self._parts.agenda.touch(obj.metadata.uid)
        for uid in self._parts.fleet.pending_patches:
            self._parts.agenda.touch_patch(uid)
        self._parts.agenda.hurry()  # nobody has looked for a while

    def tell_aside(self) -> None:
        """What is set aside, where its own status can't tell: it is held by something else, or
        not in the journal yet. While a live TALM is on the hub that waits."""
        for uid in () if self.facts.talm_live else self._parts.aside:
            tracked = self.fleet.rollouts.get(uid)
            hold = tracked.rollout.hold if tracked is not None else None
            if tracked is None or (hold is not None and hold.kind is not ReasonKind.INTERNAL_ERROR):
                self._parts.notices.warn(
                    uid, ReasonKind.INTERNAL_ERROR, self._parts.aside.words(uid)
                )

    def recovered(self, decisions: list[Decision]) -> None:
        """What the start has decided after a restore, to be told; works without an owner go.

        While a live TALM is on the hub that waits.
        """
        self._recovered = decisions if self.facts.talm_live else []
        if self.facts.talm_live:
            return
        for uid, own in by_rollout(decisions).items():
            with self._parts.aside.telling(uid):
                self._parts.notices.tell(self._parts.fleet, own)
        self._parts.effects.remove_orphans(self._parts.fleet)

    def synced(self, now: datetime) -> None:
        """Mirrors and journal are complete (again) since now."""
        self._deciding.facts = replace(self.facts, in_sync_since=now, led_since=None)
        self.touch_everything()
        if not self.facts.talm_live:
            self._parts.effects.remove_orphans(self._parts.fleet)

    def talm(self, live: bool) -> None:
        if live != self.facts.talm_live:
            self._deciding.facts = replace(self.facts, talm_live=live)
            self._parts.statuses.hushed = live
            self.recovered(self._recovered)
            self.touch_everything()
            self.tell_aside()

    # -- the loop ------------------------------------------------------------------------------

    async def run(self) -> None:
        while True:
            await self._something()
            await self._parts.agenda.gather(GATHER)
            await self.turn()
            await self._parts.ledger.flush(self._parts.clock.now())

    async def _something(self) -> None:
        agenda, clock = self._parts.agenda, self._parts.clock
        if clock.stale:
            await self._parts.ledger.survive(clock.sync)
        agenda.ring(clock.now())
        if agenda.changed.is_set() or self._gap:
            return
        due = agenda.next_timer()
        wait = 30.0 if due is None else min(30.0, clock.seconds_until(due))
        wait = min(wait, self._parts.ledger.patience)
        try:
            async with asyncio.timeout(max(0.001, wait)):
                await agenda.changed.wait()
        except TimeoutError:
            agenda.ring(clock.now())

    async def turn(self) -> None:
        """One turn; see the module's first line. Raises WentBack, Broken, TryAgain."""
        if proof := self._parts.mirror.went_back:
            # What was seen before is not to be found again on the hub.
            await self._parts.ledger.write_waiting(self._parts.clock.now())
            raise WentBack(proof)
        if self.news.broken is not None:
            raise self.news.broken
        if not await self._in_sync():
            return
        if self._parts.aside.due:
            await self._drain()
            raise TryAgain
        since = self._parts.agenda.since
        touched, pending_patches = self._parts.agenda.take()
        if not touched and not pending_patches:
            return
        aside = self._parts.aside
        followed = {uid: names for uid, names in touched.items() if uid not in aside}
        pending_patches = [uid for uid in pending_patches if not self._waits(uid)]
        if await self._runs.learn(followed) and self._missed():
            self._put_back(touched, pending_patches)
            return
        now = self._parts.clock.now()
        with telemetry.TURN.time(), tracing.span("turn", ibgu_rollouts=len(touched)):
            with self._parts.ledger.ahead():
                draft = await self._deciding.draft(touched, pending_patches, now)
                await self._parts.ledger.commit(draft, now)
            quiet, late = self.facts.talm_live, self._missed()
            self._following.perform(draft, pending_patches, now, quiet=quiet, late=late)
        telemetry.REACTION.observe(time.monotonic() - since)

    def _waits(self, pending: str) -> bool:
        """What a cluster is owed by a rollout that is set aside."""
        known = self.fleet.pending_patches.get(pending)
        return known is not None and known.rollout in self._parts.aside

    async def _drain(self) -> None:
        """What is on its way arrives before the term ends, where it does so soon."""
        await self._parts.ledger.write_waiting(self._parts.clock.now())
        for _ in range(round(DRAIN / BREATH)):
            if not self.depth:
                return
            await asyncio.sleep(BREATH)

    def _put_back(self, touched: Touched, pending_patches: Iterable[str]) -> None:
        """The journal was away, or the mirror is: what passed meanwhile gets its grace first."""
        for uid, clusters in touched.items():
            self._parts.agenda.touch(uid, clusters)
        for uid in pending_patches:
            self._parts.agenda.touch_patch(uid)

    def _missed(self) -> bool:
        """The journal was away, or the mirror is. Kept in mind, whoever is back before the next
        turn: what is not done now is done when everything is looked at again."""
        self._gap = self._gap or not self._current()
        return self._gap

    def _current(self) -> bool:
        return self._parts.in_sync() and not self._parts.mirror.went_back

    async def _in_sync(self) -> bool:
        """Nothing is decided on a mirror with a gap; after one (or after the journal was away)
        everything is looked at again, and limits that passed meanwhile get their grace."""
        if not self._parts.in_sync():
            self._gap = True
            await asyncio.sleep(0.05)
            return False
        if self._gap:
            self._gap = False
            self.synced(self._parts.clock.now())
        return True

    def was_away(self) -> None:
        """The journal is back. What was decided meanwhile is not done: it is decided anew."""
        self._gap = True

    async def check_payloads(self) -> bool:
        """Re-read what running steps with Prep carry; a change closes a gate (R25.4).

        False: of some of them nothing is known yet, and nobody starts there before.
        """
        known = True
        for uid, tracked in list(self._parts.fleet.rollouts.items()):
            step = tracked.current
            if step is None or not step.unfinished or tracked.rollout.deleted_at is not None:
                continue
            if uid in self._parts.aside:
                continue
            if Action.PREP not in step.step.actions:
                continue
            before = self._parts.payloads.state(uid)
            try:
                with about(uid):
                    after = await self._parts.payloads.read(
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
                self._parts.agenda.touch(uid, step.in_flight)
        return known

    def disarm_what_was_taken(self) -> None:
        """While the journal is away: an accepted impulse is still taken back (R9.2)."""
        for uid, tracked in self._parts.fleet.rollouts.items():
            with self.news.outside(uid):
                step = tracked.current
                for cluster in step.in_flight if step else ():
                    self._parts.effects.disarm_taken(tracked, cluster)
