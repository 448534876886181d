"""Writes intent before effect: a turn's decisions are in the journal before anything is done that
rests on them. Those that nothing rests on are deferrable (CAN_WAIT)."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from math import inf
from typing import TypeVar

import structlog

from ibgu import telemetry, tracing
from ibgu.controller import naming
from ibgu.controller.journal.retries import JournalRetries
from ibgu.controller.loop.work_queue import Touched
from ibgu.controller.quarantine import attributed_to, broken_by
from ibgu.core.engine.state import FleetState, Undo
from ibgu.core.model import Decision, Kind, Member, Observation, OnMember, Preempt
from ibgu.db.errors import is_refused
from ibgu.db.journal import Changeset, Journal, MemberKey, concerns, rollout_of

log = structlog.get_logger("ibgu.journal")
T = TypeVar("T")

DEFER_SECONDS = 1.0
"""Seconds that a deferrable decision may wait for the journal; until then REST does not show it."""


class Draft:
    """Draft holds the decisions of one turn, already applied to the FleetState, and can undo them.

    `decided` maps each rollout to the members that were decided on. Other touched members are left
    to the next turn, and nothing is done for them: their records may be outdated (R8.8).
    `observed` maps it to what the decisions saw of its clusters.
    """

    def __init__(self, fleet: FleetState) -> None:
        self.fleet = fleet
        self.decisions: list[Decision] = []
        self.decided: Touched = {}
        self.unread: Touched = {}
        """What was touched of rollouts whose object on the hub can't be read: nothing is decided
        about them."""
        self.observed: dict[str, Mapping[str, Observation]] = {}
        self._undo: list[Undo] = []
        self._slots: dict[MemberKey, int | None] = {}

    def apply(self, decision: Decision) -> None:
        if isinstance(decision, OnMember):
            self._slots.setdefault(decision.member.key, self._slot(decision.member))
        self._undo.append(self.fleet.apply(decision))
        self.decisions.append(decision)

    def judged(self, uid: str, clusters: Iterable[str]) -> dict[str, Observation | None]:
        """Returns these clusters of the rollout, each with what its decisions saw."""
        seen = self.observed.get(uid, {})
        return {name: seen.get(name) for name in clusters}

    def _slot(self, member: Member) -> int | None:
        known = self.fleet.step_of(member).members.get(member.cluster)
        return known.slot if known else None

    @property
    def can_wait(self) -> bool:
        """Whether the draft is deferrable: no effect and no claim depends on it being in the
        journal."""
        return all(map(_can_wait, self.decisions)) and not self._changed()

    def _changed(self) -> list[tuple[int | None, Member]]:
        """Returns the members whose slot changes, each with its previous slot."""
        last = {d.member.key: d.member for d in self.decisions if isinstance(d, OnMember)}
        return [(was, last[key]) for key, was in self._slots.items() if was != last[key].slot]

    def changeset(self, at: datetime, waiting: Iterable[Decision] = ()) -> Changeset:
        """Returns the changeset for the journal, `waiting` decisions first, with the claims to take
        and to free."""
        changed = self._changed()
        return Changeset(
            decisions=(*waiting, *self.decisions),
            taken=tuple(member for _, member in changed if member.slot is not None),
            freed=tuple(member for was, member in changed if was is not None),
            at=at,
        )

    def drop_lost(self, lost: frozenset[MemberKey]) -> None:
        """Undoes everything, then reapplies the decisions that are not about the lost members."""
        for undo_one in reversed(self._undo):
            undo_one()
        kept = [d for d in self.decisions if not concerns(d, lost)]
        self.decisions, self._undo = [], []
        for decision in kept:
            with attributed_to(rollout_of(decision)):
                self.apply(decision)


CAN_WAIT = frozenset(
    {
        Kind.WAITS,
        Kind.STEP_RATE_LIMITED,
        Kind.PROBED,
        Kind.RUN_PROGRESS,
        Kind.RUN_ARMED,
        Kind.RUN_ACCEPTED,
        Kind.DETAILED,
        Kind.ROLLBACK_DEADLINE,
        Kind.LABELS_UPDATED,
    }
)
"""Kinds on which no effect rests: a restart would observe or decide them again. Disarming, which
follows an acceptance, needs no journal (R9.2)."""


def _log_lost(draft: Draft, lost: frozenset[MemberKey]) -> None:
    last = {d.member.key: d.member for d in draft.decisions if isinstance(d, OnMember)}
    for member in (last[key] for key in sorted(lost) if key in last):
        names = naming.of_rollout(draft.fleet, member.rollout) | naming.of_member(member)
        log.warning("claim lost to another rollout", **names)


def _can_wait(decision: Decision) -> bool:
    return isinstance(decision, Preempt) or decision.kind in CAN_WAIT


class JournalWriter:
    """JournalWriter commits turns and waits for Postgres as long as it takes.

    While `committed` is False, the FleetState holds outcomes that are not in the journal yet and
    may never be.
    """

    def __init__(
        self,
        journal: Journal,
        retries: JournalRetries,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        """`meanwhile`: what is done before each retry (disarming needs no journal)."""
        self._journal = journal
        self._retries = retries
        self._meanwhile = meanwhile
        self._monotonic = asyncio.get_running_loop().time
        self._deferred: list[Decision] = []
        self._since = 0.0
        self.committed = True

    async def commit(self, draft: Draft, at: datetime) -> None:
        """Writes the draft, after removing members whose claim another rollout took.

        A deferrable draft is kept for the next one that is not, or for `flush`.
        """
        with self.uncommitted():
            if draft.can_wait:
                self._defer(draft.decisions)
            elif lost := await self._write(draft.changeset(at, self._deferred)):
                _log_lost(draft, lost)
                draft.drop_lost(lost)

    @contextmanager
    def uncommitted(self) -> Iterator[None]:
        """Marks the span from drafting in the FleetState to the commit. After an error `committed`
        stays False: the FleetState ends with the term."""
        self.committed = False
        yield
        self.committed = True

    async def foreign_runs(self, shown: Collection[str]) -> frozenset[str]:
        """Returns the run ids that no run of this hub ever had."""
        return await self.with_retries(lambda: self._journal.foreign_runs(shown))

    def _defer(self, decisions: list[Decision]) -> None:
        if not self._deferred:
            self._since = self._monotonic()
        self._deferred.extend(decisions)

    @property
    def until_flush(self) -> float:
        """Seconds until `flush` has something to write; infinite if nothing is deferred."""
        return self._since + DEFER_SECONDS - self._monotonic() if self._deferred else inf

    async def flush(self, at: datetime) -> None:
        """Writes the deferred decisions once the oldest has waited for `DEFER_SECONDS`."""
        if self.until_flush <= 0:
            await self.write_deferred(at)

    async def write_deferred(self, at: datetime) -> None:
        if self._deferred:
            await self._write(Changeset(decisions=tuple(self._deferred), at=at))

    async def _write(self, changeset: Changeset) -> frozenset[MemberKey]:
        changes = len(changeset.decisions)
        with telemetry.COMMIT.time(), tracing.span("journal commit", ibgu_decisions=changes):
            lost = await self._commit(changeset)
        self._deferred = []
        return lost

    async def _commit(self, changeset: Changeset) -> frozenset[MemberKey]:
        """Commits the turn. Raises, in a group, a RolloutError for each rollout whose part Postgres
        refuses; the others are decided again without them."""
        try:
            return await self.with_retries(lambda: self._journal.commit(changeset))
        except Exception as error:
            if not is_refused(error):
                raise
            refused = await self.with_retries(lambda: self._journal.refused(changeset))
            if not refused:
                raise
            broken = [broken_by(uid, each) for uid, each in refused.items()]
            raise ExceptionGroup("Postgres refuses what was decided", broken) from error

    async def with_retries(self, act: Callable[[], Awaitable[T]]) -> T:
        """Runs `act`, and again while the journal is away."""
        return await self._retries.run(act, self._meanwhile)
