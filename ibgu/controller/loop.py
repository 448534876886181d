"""The turn: touched -> snapshot -> decide -> journal -> hub -> status.

Everything may die between any two arrows; the next turn goes on from what the journal and the
hub say.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from ibgu import telemetry
from ibgu.controller import measures
from ibgu.controller.agenda import Agenda
from ibgu.controller.clock import Clock
from ibgu.controller.commit import Draft, Ledger
from ibgu.controller.effects import DENIED, Effects, denied
from ibgu.controller.mirror import Mirror
from ibgu.controller.notices import Notices, rollout_of
from ibgu.controller.openings import Openings
from ibgu.controller.payloads import Payloads
from ibgu.controller.statuses import Statuses
from ibgu.core.book import Book, World
from ibgu.core.decide import Answer, decide, decide_debt, start_step
from ibgu.core.kinds import Ibgu
from ibgu.core.model import (
    Action,
    Decision,
    Kind,
    OnDebt,
    OnMember,
    OnRollout,
    OnStep,
    Preempt,
    Rollout,
    Step,
    StepState,
)
from ibgu.core.snapshot import Facts, Snapshot
from ibgu.core.works import names
from ibgu.hub.errors import HubError
from ibgu.hub.writer import WriteResult

log = structlog.get_logger("ibgu.controller")

DEBT_RETRY = timedelta(seconds=30)
"""From a write to a ManagedCluster that the hub refused, or left without an answer, to the next."""

GATHER = 0.008
"""Seconds from the first change to the turn: what one action causes comes in bursts (a write's
answer, its watch event, the agent's patches), and a turn for each would cost more than it saves."""


class Parts(Struct, frozen=True):
    """What a loop works with; made by the service, replaced as a whole in tests."""

    world: World
    mirror: Mirror
    agenda: Agenda
    ledger: Ledger
    effects: Effects
    openings: Openings
    payloads: Payloads
    statuses: Statuses
    notices: Notices
    clock: Clock
    in_sync: Callable[[], bool]
    """Whether the mirror is complete."""


class Loop:
    def __init__(self, parts: Parts, facts: Facts) -> None:
        self._ = parts
        self.facts = facts
        self._gap = False

    @property
    def world(self) -> World:
        return self._.world

    # -- what reaches it -----------------------------------------------------------------------

    def touched(self, rollout: str, cluster: str) -> None:
        """From the mirror; `rollout` "" means every rollout that has the cluster."""
        agenda, world = self._.agenda, self._.world
        if rollout:
            agenda.touch(rollout, [cluster] if cluster else [])
            return
        for uid in world.rollouts_of.get(cluster, ()):
            agenda.touch(uid, [cluster])
        found = self._.mirror.clusters.get(("", cluster))
        for uid in self._owed(cluster, found.metadata.uid if found else ""):
            agenda.touch_debt(uid)

    def _owed(self, cluster: str, uid: str) -> list[str]:
        if uid and uid in self._.world.debts:
            return [uid]
        if uid:
            return []
        return [debt.uid for debt in self._.world.debts.values() if debt.cluster == cluster]

    def answered(self, result: WriteResult) -> None:
        """From the writer."""
        telemetry.count_write(result)
        kind, *rest = result.write.key
        self._.effects.answered(result)
        if kind == "status":
            self._.statuses.answered(result)
        elif kind == "work":
            self._work_answered(rest[0], result)
        elif kind == "cluster":
            self._cluster_answered(rest[0], result)
        if result.error is not None and not result.error.conflict and not result.superseded:
            log.warning("write failed", key=result.write.key, error=str(result.error))

    def _work_answered(self, cluster: str, result: WriteResult) -> None:
        owner = result.write.owner
        self._.agenda.touch(owner, [cluster])
        if denied(result.error):
            again = asyncio.get_running_loop()
            again.call_later(DENIED + 0.1, self._.agenda.touch, owner, [cluster])

    def _cluster_answered(self, cluster: str, result: WriteResult) -> None:
        """What was refused, or had no answer, is tried again after a while."""
        self.touched("", cluster)
        if result.error is None or result.superseded:
            return
        for uid in [debt.uid for debt in self._.world.debts.values() if debt.cluster == cluster]:
            self._.agenda.at(self._.clock.now() + DEBT_RETRY, "", uid)

    def status_changed(self, rollout: str) -> None:
        """From the mirror: our own write, or somebody else's hand."""
        self._.statuses.seen(rollout)

    def touch_everything(self) -> None:
        """At the start, and whenever everything is in sync again."""
        for uid, book in self._.world.books.items():
            clusters = {name: None for step in book.steps for name in step.members}
            self._.agenda.touch(uid, clusters)
            if not self.facts.talm_live:
                self._.statuses.touch(uid)
        for obj in self._.mirror.ibgus:
            self._.agenda.touch(obj.metadata.uid)
        for uid in self._.world.debts:
            self._.agenda.touch_debt(uid)

    def synced(self, now: datetime) -> None:
        """Mirrors and journal are complete (again) since now."""
        self.facts = Facts(in_sync_since=now, talm_live=self.facts.talm_live)
        self.touch_everything()

    def talm(self, live: bool) -> None:
        if live != self.facts.talm_live:
            self.facts = Facts(in_sync_since=self.facts.in_sync_since, talm_live=live)
            self.touch_everything()

    # -- the loop ------------------------------------------------------------------------------

    async def run(self) -> None:
        while True:
            await self._something()
            await asyncio.sleep(GATHER)
            await self.turn()
            await self._.ledger.flush(self._.clock.now())

    async def _something(self) -> None:
        agenda, clock = self._.agenda, self._.clock
        if clock.stale:
            await self._.ledger.survive(clock.sync)
        agenda.ring(clock.now())
        if agenda.changed.is_set():
            return
        due = agenda.next_timer()
        wait = 30.0 if due is None else min(30.0, clock.seconds_until(due))
        wait = min(wait, self._.ledger.patience)
        try:
            async with asyncio.timeout(max(0.001, wait)):
                await agenda.changed.wait()
        except TimeoutError:
            agenda.ring(clock.now())

    async def turn(self) -> None:
        """One turn; see the module's first line."""
        if not await self._in_sync():
            return
        touched, debts = self._.agenda.take()
        if not touched and not debts:
            return
        now = self._.clock.now()
        with telemetry.TURN.time():
            draft = self._decide(touched, debts, now)
            await self._.ledger.commit(draft, now)
            self._perform(touched, debts, draft.decisions, now)

    async def _in_sync(self) -> bool:
        """Nothing is decided on a mirror with a gap; after one (or after the journal was away)
        everything is looked at again, and limits that passed meanwhile get their grace."""
        if not self._.in_sync():
            self._gap = True
            await asyncio.sleep(0.05)
            return False
        if self._gap:
            self._gap = False
            self.synced(self._.clock.now())
        return True

    def was_away(self) -> None:
        """The journal is back."""
        self._gap = True

    def _decide(
        self, touched: dict[str, dict[str, None]], debts: Iterable[str], now: datetime
    ) -> Draft:
        """All rollouts of this turn, one after the other: each sees what was decided before."""
        draft = Draft(self._.world)
        for decision in self._debts(debts):
            draft.take(decision)
        for uid, clusters in touched.items():
            for seen in self._seen(uid, now):
                draft.take(seen)
            if uid in self._.world.books:
                self._decide_rollout(draft, uid, clusters, now)
        return draft

    def _decide_rollout(
        self, draft: Draft, uid: str, clusters: Iterable[str], now: datetime
    ) -> None:
        answer = self._rollout(self._.world.books[uid], clusters, now)
        for decision in answer.decisions:
            draft.take(decision)
        for cluster, when in answer.wake.items():
            self._.agenda.at(when, uid, cluster)

    def _debts(self, uids: Iterable[str]) -> Iterable[OnDebt]:
        for uid in uids:
            debt = self._.world.debts.get(uid)
            if debt is not None:
                decision = decide_debt(debt, self._.mirror.cluster(debt.cluster))
                if decision is not None:
                    yield decision

    def _seen(self, uid: str, now: datetime) -> Iterable[OnRollout]:
        """An IBGU that the journal does not know yet."""
        found = self._.mirror.ibgu(uid)
        if found is not None and uid not in self._.world.books and not _leaving(found):
            rollout = new_rollout(found, now)
            yield OnRollout(Kind.ROLLOUT_SEEN, rollout, "seen on the hub", actor=actor_of(found))

    def _rollout(self, book: Book, clusters: Iterable[str], now: datetime) -> Answer:
        snapshot = self.snapshot(book)
        listed = self._.openings.take(book)
        if listed is not None:
            return start_step(snapshot, listed, now)
        return decide(snapshot, clusters, now)

    def snapshot(self, book: Book) -> Snapshot:
        rollout = book.rollout
        found = self._.mirror.ibgu(rollout.uid)
        return Snapshot(
            world=self._.world,
            book=book,
            observe=self._.mirror.observe(rollout, self._.effects.pending),
            facts=self.facts,
            object=found,
            payload=self._.payloads.state(rollout.uid),
            adoption=self._.mirror.unfinished_cgus(rollout),
            actor=actor_of(found),
        )

    async def check_payloads(self) -> None:
        """Re-read what running steps with Prep carry; a change closes a gate (design 5)."""
        for uid, book in list(self._.world.books.items()):
            step = book.current
            if step is None or not step.unfinished or book.rollout.deleted_at is not None:
                continue
            if Action.PREP not in step.step.actions:
                continue
            before = self._.payloads.state(uid)
            try:
                after = await self._.payloads.read(book.rollout)
            except HubError as error:
                log.warning("can't read a payload", rollout=uid, error=str(error))
                continue
            if after != before:
                self._.agenda.touch(uid, step.in_flight)

    def disarm_what_was_taken(self) -> None:
        """While the journal is away: an accepted impulse is still taken back (R9)."""
        for book in self._.world.books.values():
            step = book.current
            members = [step.members[name] for name in step.in_flight] if step else []
            for member in members:
                self._.effects.disarm_taken(book, member)

    # -- after the commit ------------------------------------------------------------------------

    def _perform(
        self,
        touched: dict[str, dict[str, None]],
        debts: Iterable[str],
        decisions: list[Decision],
        now: datetime,
    ) -> None:
        concerned = {uid: dict(clusters) for uid, clusters in touched.items()}
        owed: dict[str, None] = {}
        for decision in decisions:
            self._follow(decision, concerned, owed)
        world = self._.world
        if not self.facts.talm_live:
            for uid, clusters in concerned.items():
                if uid in world.books:
                    self._.effects.follow(world.books[uid], clusters, now)
            self._.effects.settle(world, owed, debts)
        for uid in concerned:
            self._after(uid, now)
        measures.count(decisions)
        if not self.facts.talm_live:
            self._report(decisions)

    def _report(self, decisions: list[Decision]) -> None:
        for uid in {rollout_of(decision) for decision in decisions}:
            if uid in self._.world.books:
                self._.statuses.touch(uid)
        self._.notices.tell(self._.world, decisions)
        for decision in decisions:
            if isinstance(decision, OnStep) and decision.kind is Kind.STEP_STARTED:
                self._warn_of_missing(decision.step)

    def _warn_of_missing(self, step: Step) -> None:
        """What a step with Prep would carry if it were on the hub."""
        if Action.PREP in step.actions:
            for warning in self._.payloads.state(step.rollout).warnings:
                self._.notices.warn(step.rollout, "PayloadMissing", warning)

    def _follow(
        self, decision: Decision, concerned: dict[str, dict[str, None]], owed: dict[str, None]
    ) -> None:
        """Which clusters' works to look at, and who else is concerned by a decision."""
        match decision:
            case OnMember(member=member):
                concerned.setdefault(member.rollout, {})[member.cluster] = None
                if decision.kind in _CLAIMS:
                    self._touch_others(member.cluster, member.rollout)
            case OnDebt(debt=debt):
                owed[debt.uid] = None
            case Preempt(cluster=cluster):
                self._touch_others(cluster, "")
            case OnStep(kind=Kind.STEP_STARTED, step=step):
                book = self._.world.books[step.rollout]
                members = book.steps[step.index].members
                self._.agenda.touch(step.rollout, members)
                for cluster in members if step.first.cancels else ():
                    self._touch_others(cluster, step.rollout)
            case OnRollout(kind=Kind.ROLLOUT_DELETED, rollout=rollout):
                steps = self._.world.books[rollout.uid].steps
                self._.agenda.touch(rollout.uid, (name for step in steps for name in step.members))
            case OnRollout(kind=Kind.ROLLOUT_DELETED, rollout=rollout):
                steps = self._.world.books[rollout.uid].steps
                everybody = (name for step in steps for name in step.members)
                concerned.setdefault(rollout.uid, {}).update(dict.fromkeys(everybody))
            case OnStep() | OnRollout():
                return

    def _touch_others(self, cluster: str, but: str) -> None:
        for uid in self._.world.rollouts_of.get(cluster, ()):
            if uid != but:
                self._.agenda.touch(uid, [cluster])

    def _after(self, uid: str, now: datetime) -> None:
        """A step that opens needs its list; a rollout that is over and gone is forgotten."""
        book = self._.world.books.get(uid)
        if book is None:
            return
        current = book.current
        opening = current is not None and current.step.state is StepState.OPENING
        if opening and book.rollout.deleted_at is None:
            self._.openings.want(book)
        if book.rollout.deleted_at is not None:
            self._.payloads.forget(uid)
            if self._through_with(book):
                self._.world.forget(uid)

    def _through_with(self, book: Book) -> bool:
        """Of a deleted rollout: nothing of it is left, in its members or on the hub."""
        busy = any(step.unfinished or step.watched for step in book.steps)
        return not busy and not self._.mirror.works.keys_by("rollout", book.rollout.uid)


_CLAIMS = frozenset({Kind.RUN_INTENDED, Kind.FINISHED, Kind.WAITS, Kind.RUN_REOPENED})
"""Kinds of member decisions that may take or free a claim on the cluster."""


def _leaving(obj: Ibgu) -> bool:
    return obj.metadata.deletion_timestamp is not None


def new_rollout(found: Ibgu, now: datetime) -> Rollout:
    """The record of an IBGU at first sight; its generation 0 makes the first turn check it."""
    meta = found.metadata
    created = datetime.fromisoformat(meta.creation_timestamp) if meta.creation_timestamp else now
    return Rollout(
        uid=meta.uid,
        namespace=meta.namespace,
        name=meta.name,
        created_at=created,
        spec=found.spec,
        annotations=names.carried(meta.annotations),
    )


def actor_of(found: Ibgu | None) -> str:
    """The hub tells no user, only the field manager that changed the spec or metadata last."""
    fields = found.metadata.managed_fields if found else []
    newest = max((f for f in fields if not f.subresource), key=lambda f: f.time, default=None)
    return f"via the hub ({newest.manager})" if newest else "via the hub"
