"""The fleet's state in memory: the tracked rollouts, and what they share."""

from bisect import insort
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import TypeVar

from ibgu.core.engine.state.action_ends import ActionEnd, release_changed_at, seed_end_of
from ibgu.core.engine.state.claims import CancellingStep, Holder, UnreadableRollout
from ibgu.core.engine.state.failures import FailedMember, Failures, failure_of
from ibgu.core.engine.state.invariants import check_decision
from ibgu.core.engine.state.occupancy import Occupancy
from ibgu.core.engine.state.rollout import TrackedRollout
from ibgu.core.engine.state.seed_ends import SeedEnds
from ibgu.core.engine.state.starts import Starts
from ibgu.core.engine.state.step import QUEUED, TrackedStep
from ibgu.core.model import (
    Decision,
    Finished,
    InFlight,
    Intended,
    Member,
    OnMember,
    OnPendingPatch,
    OnRollout,
    OnStep,
    PendingPatch,
    Rollout,
    RunResult,
    Step,
    Waiting,
    limits_starts,
    traits,
)

Undo = Callable[[], object]
Apply = Callable[[Decision], object]
"""Applies a decision in memory, at once; the provider of the function can undo it."""


class FleetState:
    """FleetState holds the journal's records in memory, indexed by what decisions ask for.

    Decisions are applied before they are committed, so `apply` returns an undo. Each index follows
    from the records: loading them again gives the same FleetState. What a decision on a member must
    keep is checked as it is applied (`invariants`).
    """

    def __init__(self, *, across_namespaces: bool = True) -> None:
        self.across_namespaces = across_namespaces
        """Applies to steps that open from now on (`Step.across_namespaces`)."""
        self.rollouts: dict[str, TrackedRollout] = {}
        self.claims: dict[str, Holder] = {}
        """The claim on a cluster, by ManagedCluster uid."""
        self.pending_patches: dict[str, PendingPatch] = {}
        """Keyed by ManagedCluster uid."""
        self.pending_uids: dict[str, dict[str, None]] = {}
        """Keyed by cluster name: the uids with pending patches, oldest patch first; more than one
        where the cluster was re-created."""
        self.foreign_runs: set[str] = set()
        """Runs that the hub shows and the journal, when asked, never had (R9.7)."""
        self.handled: set[str] = set()
        """uids of deleted rollouts that are not kept here because nothing is left to do for
        them."""
        self.cancellers: dict[str, list[CancellingStep]] = {}
        """Keyed by ManagedCluster uid, oldest rollout first."""
        self.preempts: dict[str, str] = {}
        """Keyed by ManagedCluster uid: namespace/name of the canceller whose slot reached it."""
        self.rollouts_of: dict[str, set[str]] = {}
        """Keyed by cluster name: the rollouts that have or had it as a member."""
        self.unreadable: dict[str, UnreadableRollout] = {}
        """Keyed by uid; none of them is in `rollouts`."""
        self.release_changes: dict[str, datetime] = {}
        """When rollouts that are no longer kept here may last have taken a cluster to another
        release, or back, by ManagedCluster uid."""
        self.starts = Starts()
        self.seed_ends = SeedEnds()
        self.failures = Failures()
        self.occupancy = Occupancy(self.claims)

    # -- filling ---------------------------------------------------------------------------

    def load(
        self,
        rollouts: Iterable[Rollout],
        steps: Iterable[Step],
        members: Iterable[Member],
        pending_patches: Iterable[PendingPatch],
        foreign_runs: Iterable[str] = (),
        handled: Iterable[str] = (),
        started: Iterable[tuple[str, datetime]] = (),
        seed_ends: Iterable[tuple[str, ActionEnd]] = (),
        failures: Iterable[FailedMember] = (),
        release_changes: Iterable[tuple[str, datetime]] = (),
    ) -> None:
        """Fills an empty FleetState from the journal's records; steps come in order. `seed_ends`,
        by the image, `failures` and `release_changes`, by the ManagedCluster's uid, are those of
        rollouts that are not among them."""
        for rollout in rollouts:
            self._put_rollout(rollout)
        for step in steps:
            self._put_step(step)
        for member in members:
            self._put_member(member)
        for pending in pending_patches:
            self._enqueue(pending)
        self.foreign_runs.update(foreign_runs)
        self.handled.update(handled)
        self.starts.load(started)
        self.seed_ends.load(seed_ends)
        self.failures.load(failures)
        for uid, at in release_changes:
            self._note_release_change(uid, at)

    def keep_claims(self, unreadable: Iterable[UnreadableRollout]) -> None:
        """Keeps what rollouts that can't be read have claimed and cancelled."""
        for rollout in unreadable:
            self.unreadable[rollout.uid] = rollout
            for cluster, holder in rollout.claims.items():
                self.claims.setdefault(cluster, holder)
                self.occupancy.note_change(cluster)
            for cluster, canceller in rollout.cancellers.items():
                insort(self.cancellers.setdefault(cluster, []), canceller)

    def apply(self, decision: Decision) -> Undo:
        """Applies the decision in memory and returns its undo.

        Raises InvariantViolation, and changes nothing, if the records do not allow the decision.
        """
        match decision:
            case OnMember(kind=kind, member=member, facts=facts):
                check_decision(self.step_of(member), kind, member, self.claims.get(member.uid))
                undo = self._put_member(member)
                if facts is None:
                    return undo
                recorded = self.occupancy.record(member.cluster, member.uid, facts)
                return partial(_undo_all, [undo, recorded])
            case OnStep(step=step):
                return self._put_step(step)
            case OnRollout(rollout=rollout):
                return self._put_rollout(rollout)
            case OnPendingPatch(pending=pending):
                return self._put_pending_patch(pending)
        return self._put_preempt(decision.uid, decision.by)

    @contextmanager
    def draft(self) -> Iterator[Apply]:
        """Yields a function that applies decisions; all are undone at the end."""
        undo: list[Undo] = []
        try:
            yield lambda decision: undo.append(self.apply(decision))
        finally:
            _undo_all(undo)

    def forget(self, uid: str) -> None:
        """Drops a deleted rollout that has nothing left to do; its cancels stay in force."""
        for step in self.rollouts.pop(uid).steps:
            for member in step.members.values():
                self._note_release_change(member.uid, release_changed_at(member))
        self.handled.add(uid)
        self.starts.forget(uid)
        for rollouts in self.rollouts_of.values():
            rollouts.discard(uid)

    def drop_outdated(self, now: datetime) -> None:
        """Drops what no longer counts; called between cycles."""
        self.starts.drop_outdated(now)
        self.seed_ends.drop_outdated(now)
        self.failures.drop_outdated(now, self.rollouts)

    def note_cluster(self, name: str) -> list[str]:
        """Notes that the hub shows a cluster differently. Returns the uids of the rollouts that
        wait for the place of one that no rollout has any more: nothing else tells them that it may
        be free."""
        if not self.occupancy.note_cluster(name) or self.rollouts_of.get(name):
            return []
        current = ((uid, tracked.current) for uid, tracked in self.rollouts.items())
        return [uid for uid, step in current if step is not None and step.kept]

    # -- reading ---------------------------------------------------------------------------

    def shares(self, cluster: str) -> bool:
        """Returns whether more than one rollout has or had the cluster, those included whose
        records can't be read."""
        others = (each.clusters for each in self.unreadable.values())
        return len(self.rollouts_of[cluster]) > 1 or any(cluster in names for names in others)

    def in_order(self, uids: Collection[str]) -> list[str]:
        """Returns the rollouts in the order in which a turn decides on them. Where policies limit
        what is in flight, those that may start clusters come last, the oldest first (R50.17)."""
        if not self.occupancy.limits:
            return list(uids)
        known = [tracked for uid in uids if (tracked := self.rollouts.get(uid)) is not None]
        starting = [each.rollout for each in known if each.current and each.current.not_started]
        last = [each.uid for each in sorted(starting, key=attrgetter("age"))]
        return [*(uid for uid in uids if uid not in last), *last]

    def namespace_of(self, rollout: str) -> str:
        """Returns the namespace of a rollout by uid; empty if the rollout is not known."""
        tracked = self.rollouts.get(rollout)
        return tracked.rollout.namespace if tracked is not None else ""

    def canceller(self, member: Member) -> CancellingStep | None:
        """Returns the newer rollout that took this cluster from the member's rollout (R6.3)."""
        found = self.cancellers.get(member.uid, ())
        mine = self.rollouts[member.rollout].rollout
        return next((c for c in found if c.cancels(mine)), None)

    def release_changed(self, member: Member) -> datetime | None:
        """Returns when another rollout may last have taken the member's cluster to another release,
        or back; None: none has."""
        others = self.rollouts_of.get(member.cluster, set()) - {member.rollout}
        found = (
            step.members.get(member.cluster) for uid in others for step in self.rollouts[uid].steps
        )
        times = (release_changed_at(each) for each in found if each and each.uid == member.uid)
        past = self.release_changes.get(member.uid)
        return max((each for each in (past, *times) if each is not None), default=None)

    def barred(self, rollout: Rollout) -> set[str]:
        """Returns the uids of the clusters that a newer rollout has cancelled for this one."""
        return {
            uid for uid, found in self.cancellers.items() if any(c.cancels(rollout) for c in found)
        }

    @property
    def deleted(self) -> set[str]:
        """Returns the uids of all rollouts whose IBGU was deleted."""
        gone = (b.rollout for b in self.rollouts.values() if b.rollout.deleted_at is not None)
        return self.handled | {rollout.uid for rollout in gone}

    def foreign(self, run: str) -> bool:
        """Whether the run that a cluster or a work shows is not ours; also true for no run."""
        return not run or run in self.foreign_runs

    def step_of(self, member: Member) -> TrackedStep:
        return self.rollouts[member.rollout].steps[member.step]

    def _note_release_change(self, uid: str, at: datetime | None) -> None:
        known = self.release_changes.get(uid)
        if at is not None and (known is None or known < at):
            self.release_changes[uid] = at

    # -- changing, each with its undo ------------------------------------------------------

    def _put_rollout(self, rollout: Rollout) -> Undo:
        tracked = self.rollouts.get(rollout.uid)
        if tracked is None:
            self.rollouts[rollout.uid] = TrackedRollout(rollout)
            return partial(self.rollouts.pop, rollout.uid)
        before, tracked.rollout = tracked.rollout, rollout
        return partial(setattr, tracked, "rollout", before)

    def _put_step(self, step: Step) -> Undo:
        steps = self.rollouts[step.rollout].steps
        if step.index == len(steps):
            self.rollouts[step.rollout].open(step)
            return steps.pop
        tracked = steps[step.index]
        before, tracked.step = tracked.step, step
        return partial(setattr, tracked, "step", before)

    def _put_member(self, member: Member) -> Undo:
        tracked = self.step_of(member)
        before = tracked.put(member)
        undo = [partial(tracked.put, before) if before else self._join(tracked, member)]
        if member.run and member.run.id in self.foreign_runs:
            self.foreign_runs.discard(member.run.id)
            undo.append(partial(self.foreign_runs.add, member.run.id))
        if (before and before.slot) != member.slot:
            undo.append(self._claim(member))
        undo += self._note_reboot(before, member)
        if isinstance(before, Waiting) and _needs_no_place(before, member):
            self.occupancy.note_left()
        started = _started(before, member)
        if started is not None and limits_starts(tracked.step.actions):
            undo.append(self.starts.add(member.rollout, started.intended_at))
        failed = failure_of(before) if before is not None else None
        undo.append(self.failures.replace(failed, failure_of(member)))
        if image := self.rollouts[member.rollout].image:
            old = seed_end_of(before) if before is not None else None
            undo.append(self.seed_ends.replace(image, old, seed_end_of(member)))
        return partial(_undo_all, undo)

    def _join(self, tracked: TrackedStep, member: Member) -> Undo:
        rollout = self.rollouts[member.rollout].rollout
        undo: list[Undo] = [partial(tracked.remove, member.cluster)]
        rollouts = self.rollouts_of.setdefault(member.cluster, set())
        if rollout.uid not in rollouts:
            rollouts.add(rollout.uid)
            undo.append(partial(rollouts.discard, rollout.uid))
        if traits(tracked.step.first).cancels:
            mine = CancellingStep(
                *(rollout.age, rollout.uid, rollout.full_name, rollout.namespace),
                across_namespaces=tracked.step.across_namespaces,
                kind=rollout.kind,
            )
            found = self.cancellers.setdefault(member.uid, [])
            insort(found, mine)
            undo.append(partial(found.remove, mine))
        return partial(_undo_all, undo)

    def _claim(self, member: Member) -> Undo:
        """Takes or releases the claim; either way a pending preemption of the cluster ends."""
        uid, mine = member.uid, Holder(*member.key)
        holder, by = self.claims.get(uid), self.preempts.get(uid)
        if member.slot is not None:
            self.claims[uid] = mine
            self.preempts.pop(uid, None)
        elif holder == mine:
            del self.claims[uid]
            self.preempts.pop(uid, None)
        self.occupancy.note_change(uid)

        def undo() -> None:
            _restore(self.claims, uid, holder)
            _restore(self.preempts, uid, by)
            self.occupancy.note_change(uid)

        return undo

    def _note_reboot(self, before: Member | None, member: Member) -> list[Undo]:
        """Notes since when the member's cluster may reboot though nobody has its claim."""
        was, since = before and _left_rebooting(before), _left_rebooting(member)
        if was == since:
            return []
        note = partial(self.occupancy.note_reboot, member.uid, Holder(*member.key))
        note(since)
        return [partial(note, was)]

    def _put_pending_patch(self, pending: PendingPatch) -> Undo:
        before = self._dequeue(pending.uid)
        if not pending.empty:
            self._enqueue(pending)
        if before is None:
            return partial(self._dequeue, pending.uid)
        return partial(self._put_pending_patch, before)

    def _enqueue(self, pending: PendingPatch) -> None:
        self.pending_patches[pending.uid] = pending
        self.pending_uids.setdefault(pending.cluster, {})[pending.uid] = None

    def _dequeue(self, uid: str) -> PendingPatch | None:
        """Removes the pending patch and returns it."""
        pending = self.pending_patches.pop(uid, None)
        if pending is not None:
            uids = self.pending_uids[pending.cluster]
            del uids[uid]
            if not uids:
                del self.pending_uids[pending.cluster]
        return pending

    def _put_preempt(self, uid: str, by: str) -> Undo:
        before = self.preempts.get(uid)
        self.preempts[uid] = by
        return partial(_restore, self.preempts, uid, before)


_TOLD = frozenset({RunResult.FAILED, RunResult.REFUSED})
"""The cluster itself has said how the run ended."""


def _left_rebooting(member: Member) -> datetime | None:
    """Returns since when nodes of the member's cluster may reboot for a run that has ended for
    ibgu; None: they do not. Nobody knows how it ended, and ibgu still expects to learn it."""
    if isinstance(member, InFlight) or (isinstance(member, Finished) and not member.watched):
        return None
    run = member.run
    if run is None or run.arming_at is None or run.result.success or run.result in _TOLD:
        return None
    return run.ended_at if traits(run.action).reboots_nodes else None


def _needs_no_place(before: Waiting, member: Member) -> bool:
    """Whether the member no longer waits for a place, and has not got one: it was kept
    without one, or was about to start, and is not any more."""
    waited = bool(before.reason.gate) or before.reason.kind in QUEUED
    starts = isinstance(member, InFlight) or member.reason.kind in QUEUED
    return waited and (member.finished or not starts)


def _started(before: Member | None, member: Member) -> Intended | None:
    """Returns the new run for which the member takes a slot: a reopened one had begun long
    before."""
    starts = isinstance(before, Waiting) and isinstance(member, InFlight)
    return member.run if starts and isinstance(member.run, Intended) else None


T = TypeVar("T")


def _restore(found: dict[str, T], key: str, before: T | None) -> None:
    if before is None:
        found.pop(key, None)
    else:
        found[key] = before


def _undo_all(undo: list[Undo]) -> None:
    for undo_one in reversed(undo):
        undo_one()
