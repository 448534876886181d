"""One step in memory: its members, and the aggregates that a cycle reads.

Every aggregate follows from `put` alone, and putting the former record back undoes it: a draft is
as cheap as a change.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from heapq import heappop, heappush, merge
from itertools import chain, islice
from operator import attrgetter, itemgetter
from typing import TypeVar

from ibgu.core.engine.state.action_ends import ActionEnd, end_of
from ibgu.core.model import (
    ActingParty,
    Finished,
    InFlight,
    Member,
    MemberState,
    Outcome,
    ReasonKind,
    Step,
    Waiting,
)
from ibgu.core.model.transitions import InvariantViolation

QUEUED = frozenset(
    {
        ReasonKind.SLOT,
        ReasonKind.PROBING,
        ReasonKind.READY,
        ReasonKind.START_JITTER,
        ReasonKind.PREEMPTING,
        ReasonKind.REOPENING,
        ReasonKind.WRONG_STATE,
    }
)
"""Reasons of waiting members that start, or end, once the step has a slot for them; any other one
blocks."""

_ENDED = frozenset({Outcome.SUCCEEDED, Outcome.FAILED})


StatusKey = tuple[MemberState, ReasonKind | None, Outcome | None, bool]
"""State, reason (None: finished), outcome, completed late: they determine the word."""


def status_key(member: Member) -> StatusKey:
    kind = None if member.finished else member.reason.kind
    return (member.state, kind, member.outcome, bool(member.late))


def has_ended(member: Member) -> bool:
    """Whether the member ended, by itself or by its limit, after its run was sent: for the
    ramp-up."""
    run = member.run
    return member.outcome in _ENDED and run is not None and run.arming_at is not None


def is_late(member: InFlight, now: datetime) -> bool:
    """Whether the member goes on past its limit; one that has been ended for that does not."""
    return member.limit <= now and member.run.open


Keeper = tuple[str, ActingParty]
"""The name of a policy's gate, and who must act: what a policy's limits keep waits for clusters,
and what its windows keep does not."""


def keeper(member: Waiting) -> Keeper:
    return (member.reason.gate, member.reason.who)


P = TypeVar("P", tuple[int, str], tuple[datetime, int, str])
_place = attrgetter("place")
_limit_time = itemgetter(0)


def _limit(member: InFlight) -> tuple[datetime, int, str]:
    """Returns the sort key of members in flight: earliest limit first, then R4's order."""
    return (member.limit, member.position, member.cluster)


def _take_out(places: list[P], place: P) -> None:
    """Removes the place from the sorted list. Raises InvariantViolation if another one is there:
    the next member to start, or to be late, would be a wrong one."""
    if places.pop(bisect_left(places, place)) != place:
        raise InvariantViolation(f"{place} is not where the step's order has it")


def _nobody(_cluster: str) -> None:
    """Ignores changes: for a step on its own."""


class TrackedStep:
    """TrackedStep holds a step's record and its members, with the aggregates that decisions read:
    the queue, slots, limits and counts. They follow from the members alone; `put` and `remove` keep
    them up to date, so that no decision walks over all members.

    Invariant: the queue and the limits have each member once, at its place in the order. `put` and
    `remove` raise InvariantViolation where they find another one there."""

    def __init__(
        self,
        step: Step,
        members: Iterable[Member] = (),
        changed: Callable[[str], object] = _nobody,
    ) -> None:
        """`changed` is called with each cluster whose record was put or removed."""
        self.step = step
        self._on_change = changed
        self.members: dict[str, Member] = {}
        self.queue: list[tuple[int, str]] = []
        self._unprobed: list[tuple[int, str]] = []
        self.in_flight: dict[str, InFlight] = {}
        self.limits: list[tuple[datetime, int, str]] = []
        self.watched: dict[str, Finished] = {}
        self.warned: set[str] = set()
        self.rollback_until: dict[str, datetime] = {}
        """When the way back ends, by cluster."""
        self.paused: dict[str, datetime] = {}
        """Since when parts of the cluster may be paused, by cluster."""
        self.reopening: dict[str, Waiting] = {}
        self.kept: dict[Keeper, list[tuple[int, str]]] = {}
        """The waiting members that the gates of policies keep, in R4's order."""
        self.unapproved: dict[tuple[str, str], list[tuple[int, str]]] = {}
        """The unfinished members that only a missing approval keeps, in R4's order, by the policy's
        gate and what has to be approved."""
        self.put_off: dict[str, datetime] = {}
        """Since when jitter had put off clusters whose places were taken meanwhile."""
        self.silent: set[str] = set()
        """Clusters that did not answer when they were asked last, and wait for places since."""
        self.slots: dict[int, str] = {}
        self._freed: list[int] = []
        self._unused = 1
        self.ends: list[ActionEnd] = []
        self.counts: Counter[str] = Counter()
        self.by_status: Counter[StatusKey] = Counter()
        self.ended = 0
        """Members that were in flight, and ended by themselves or by their limit."""
        self._changed: set[str] = set()
        for member in members:
            self.put(member)

    def put(self, member: Member) -> Member | None:
        """Replaces the member's record and returns the former one."""
        before = self.members.get(member.cluster)
        if before is not None:
            self._forget(before)
        self.members[member.cluster] = member
        self._note_change(member.cluster)
        self._count(member, 1)
        self._move(before.slot if before is not None else None, member.slot, member.cluster)
        if isinstance(member, Waiting):
            self._wait(member)
        elif isinstance(member, InFlight):
            self.in_flight[member.cluster] = member
            insort(self.limits, _limit(member))
        elif member.watched:
            self.watched[member.cluster] = member
        if not member.finished and member.reason.approval:
            places = self.unapproved.setdefault((member.reason.gate, member.reason.approval), [])
            insort(places, (member.position, member.cluster))
        if member.warning:
            self.warned.add(member.cluster)
        if member.rollback_until is not None:
            self.rollback_until[member.cluster] = member.rollback_until
        if member.paused_since is not None:
            self.paused[member.cluster] = member.paused_since
        if end := end_of(member):
            insort(self.ends, end, key=_place)
        return before

    def remove(self, cluster: str) -> None:
        member = self.members.pop(cluster)
        self._forget(member)
        self._move(member.slot, None, cluster)
        self._note_change(cluster)

    def take_changed(self) -> set[str]:
        """Returns the clusters whose record was put or removed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def _note_change(self, cluster: str) -> None:
        self._changed.add(cluster)
        self._on_change(cluster)

    def _wait(self, member: Waiting) -> None:
        if member.reason.kind in QUEUED:
            insort(self.queue, (member.position, member.cluster))
        if member.reason.kind is ReasonKind.SLOT:
            insort(self._unprobed, (member.position, member.cluster))
        if member.reason.kind is ReasonKind.REOPENING:
            self.reopening[member.cluster] = member
        if member.reason.gate:
            insort(self.kept.setdefault(keeper(member), []), (member.position, member.cluster))

    def _forget(self, member: Member) -> None:
        self._count(member, -1)
        place = (member.position, member.cluster)
        if isinstance(member, Waiting) and member.reason.kind in QUEUED:
            _take_out(self.queue, place)
            if member.reason.kind is ReasonKind.SLOT:
                _take_out(self._unprobed, place)
        if isinstance(member, Waiting) and member.reason.gate:
            kept = self.kept[keeper(member)]
            _take_out(kept, place)
            if not kept:
                del self.kept[keeper(member)]
        if not member.finished and member.reason.approval:
            missing = (member.reason.gate, member.reason.approval)
            _take_out(self.unapproved[missing], place)
            if not self.unapproved[missing]:
                del self.unapproved[missing]
        if isinstance(member, InFlight):
            self.in_flight.pop(member.cluster)
            _take_out(self.limits, _limit(member))
        self.watched.pop(member.cluster, None)
        self.reopening.pop(member.cluster, None)
        self.warned.discard(member.cluster)
        self.rollback_until.pop(member.cluster, None)
        self.paused.pop(member.cluster, None)
        if end := end_of(member):
            self.ends.pop(bisect_left(self.ends, end.place, key=_place))

    def _move(self, was: int | None, now: int | None, cluster: str) -> None:
        """Moves the cluster to another slot, or to none."""
        if was == now:
            return
        if was is not None:
            self.slots.pop(was, None)
            heappush(self._freed, was)
        if now is not None:
            self.slots[now] = cluster

    def _count(self, member: Member, by: int) -> None:
        self.counts[member.outcome or member.state] += by
        self.by_status[status_key(member)] += by
        self.ended += by * has_ended(member)

    @property
    def outcomes(self) -> Counter[Outcome]:
        """Returns the finished members by outcome, as people see them: those that completed late
        have succeeded (R15)."""
        found: Counter[Outcome] = Counter()
        for (_, _, outcome, late), count in self.by_status.items():
            if outcome is not None:
                succeeded = late and outcome is Outcome.FAILED
                found[Outcome.SUCCEEDED if succeeded else outcome] += count
        return found

    @property
    def unfinished(self) -> int:
        return self.counts[MemberState.WAITING] + self.counts[MemberState.IN_FLIGHT]

    @property
    def not_started(self) -> int:
        return self.counts[MemberState.WAITING]

    @property
    def ready(self) -> int:
        """Returns how many members would start if a gate let them."""
        kinds = (ReasonKind.READY, ReasonKind.START_JITTER)
        return sum(self.by_status[MemberState.WAITING, kind, None, False] for kind in kinds)

    @property
    def failed(self) -> int:
        return self.counts[Outcome.FAILED]

    @property
    def under_policies(self) -> Iterator[str]:
        """Returns the clusters of which policies are asked although nothing else changes: those
        that they keep, and those in flight."""
        kept = (name for places in self.kept.values() for _, name in places)
        return chain(kept, self.in_flight)

    def kept_by_person(self) -> Iterator[str]:
        """Yields the clusters of the members that gates of policies keep until a person acts, those
        in flight between two actions included."""
        person = ActingParty.PERSON
        waiting = (kept for (_, who), kept in self.kept.items() if who is person)
        yield from (name for kept in waiting for _, name in kept)
        for name in self.in_flight:
            reason = self.members[name].reason
            if reason.gate and reason.who is person:
                yield name

    def kept_by(self, gate: str) -> Iterator[str]:
        """Yields the clusters of the waiting members that the gate of a policy keeps."""
        return (name for (by, _), kept in self.kept.items() if by == gate for _, name in kept)

    def waiting_for_places(self) -> Iterator[Waiting]:
        """Yields the members that the limits of policies keep, in R4's order, without those that
        did not answer when their places were free."""
        kept = [places for (_, who), places in self.kept.items() if who is ActingParty.CLUSTER]
        for _, name in merge(*kept):
            member = self.members[name]
            assert isinstance(member, Waiting)
            if name not in self.silent:
                yield member

    def kept_by_policies(self, now: datetime, *, room: bool) -> bool:
        """Returns whether policies keep the step: they keep some members, none of the others could
        start, and those in flight are kept between two actions, or past their limits. `room`:
        whether there is a slot for one more.

        Behind one past its limit nobody may wait for a place of a policy, which it may have: it
        ends at the deadline."""
        flying = self.in_flight.values()
        gated = sum(1 for member in flying if member.reason.gate)
        if not (self.kept or gated):
            return False
        if gated == len(flying):
            return not (self.queue and room)
        if self.queue or any(who is ActingParty.CLUSTER for _, who in self.kept):
            return False
        return all(member.reason.gate or is_late(member, now) for member in flying)

    def limited(self, until: datetime) -> Iterator[InFlight]:
        """Returns the members in flight with a limit up to `until`, earliest first."""
        count = bisect_right(self.limits, until, key=_limit_time)
        return (self.in_flight[name] for _, _, name in self.limits[:count])

    def next_limit(self, after: datetime) -> datetime | None:
        found = bisect_right(self.limits, after, key=_limit_time)
        return self.limits[found][0] if found < len(self.limits) else None

    @property
    def _bound(self) -> int:
        return min(self.step.max_concurrency, len(self.members))

    @property
    def free(self) -> int:
        """Returns how many slots are free."""
        return self._bound - len(self.slots)

    def free_slots(self) -> Iterator[int]:
        """Returns the free slots, lowest first; use them before the next change."""
        first = self._lowest_free()
        return (slot for slot in range(first, self._bound + 1) if slot not in self.slots)

    def _lowest_free(self) -> int:
        """Returns the lowest slot of the freed and the never used ones."""
        while self._freed and self._freed[0] in self.slots:
            heappop(self._freed)
        while self._unused in self.slots:
            self._unused += 1
        return min([self._unused, *self._freed[:1]])

    @property
    def full(self) -> bool:
        return len(self.slots) >= self.step.max_concurrency

    def head(self, count: int) -> Iterator[Waiting]:
        """Returns the first `count` members that may start, in R4's order."""
        return islice(self.queued(), count)

    def queued(self) -> Iterator[Waiting]:
        """Returns the members that may start, in R4's order, each read when its turn comes: a
        decision on one may take it, or one behind it, out of the queue."""
        place = (-1, "")
        while (found := bisect_right(self.queue, place)) < len(self.queue):
            place = self.queue[found]
            member = self.members[place[1]]
            assert isinstance(member, Waiting)
            yield member

    def unprobed(self, count: int) -> list[Waiting]:
        """Returns those of the first `count` that may start whose clusters were not probed yet
        (R8.3)."""
        if not self._unprobed:
            return []
        last = self.queue[min(count, len(self.queue)) - 1]
        found = self._unprobed[: bisect_right(self._unprobed, last)]
        asked = (self.members[name] for _, name in found)
        return [member for member in asked if isinstance(member, Waiting)]
