"""Decides on the snapshot of each touched rollout and collects the decisions in a draft."""

import asyncio
from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from ibgu.controller.effects.outcomes import WriteOutcomes
from ibgu.controller.lookups.membership import MembershipLister
from ibgu.controller.loop.commit import Draft
from ibgu.controller.loop.snapshots import Snapshots, actor_of
from ibgu.controller.loop.work_queue import CLUSTERS_PER_TURN, Touched, WorkQueue
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import Quarantine, attributed_to
from ibgu.core.engine.decide import DecisionResult, decide, decide_pending_patch, quarantine_rollout
from ibgu.core.engine.driver import Driver, Drivers
from ibgu.core.engine.state import FleetState, TrackedRollout
from ibgu.core.engine.timing.times import UNREAD_INTERVAL
from ibgu.core.model import Decision, Kind, OnPendingPatch, OnRollout, Rollout, RolloutState
from ibgu.core.model.bounds import moment
from ibgu.core.model.kinds import RolloutObject
from ibgu.core.recover import rebuild, returned


class Planner:
    """Planner drafts a turn: it takes the snapshots, has the core decide on them, and applies the
    decisions to the FleetState. Nothing is written yet."""

    def __init__(
        self,
        fleet: FleetState,
        drivers: Drivers,
        mirror: Mirror,
        snapshots: Snapshots,
        outcomes: WriteOutcomes,
        lister: MembershipLister,
        work_queue: WorkQueue,
        quarantine: Quarantine,
    ) -> None:
        self._fleet = fleet
        self._drivers = drivers
        self._mirror = mirror
        self._snapshots = snapshots
        self._outcomes = outcomes
        self._lister = lister
        self._work_queue = work_queue
        self._quarantine = quarantine
        self._held: set[str] = set()
        """Quarantined rollouts whose hold is in the journal."""

    def not_quarantined(self, pending_patches: Iterable[str]) -> list[str]:
        """Returns the pending patches without those of quarantined rollouts."""
        known = ((uid, self._fleet.pending_patches.get(uid)) for uid in pending_patches)
        return [uid for uid, patch in known if not patch or patch.rollout not in self._quarantine]

    async def draft(self, touched: Touched, pending_patches: Iterable[str], now: datetime) -> Draft:
        """Drafts all rollouts of this turn in sequence: each sees what was decided before. Once
        other tasks have run in between, the rest waits for the next turn: what it rests on may have
        changed."""
        self._fleet.drop_outdated(now)
        draft = Draft(self._fleet)
        for decision in self._pending_patches(pending_patches):
            draft.apply(decision)
        rest = {uid: touched[uid] for uid in self._fleet.in_order(touched)}
        while rest:
            uid = next(iter(rest))
            draft.decided[uid] = rest.pop(uid)
            if await self._draft(draft, uid, draft.decided[uid], now):
                for other, clusters in rest.items():
                    self._work_queue.touch_now(other, clusters)
                break
        return draft

    async def _draft(self, draft: Draft, uid: str, clusters: Iterable[str], now: datetime) -> bool:
        """Returns whether other tasks have run meanwhile."""
        if uid in self._quarantine:
            self._hold(draft, uid, now)
            return False
        with attributed_to(uid):
            for seen in list(self._adopt_or_create(uid, now)):
                draft.apply(seen)
            if uid not in self._fleet.rollouts:
                return False
            return await self._decide_rollout(draft, uid, clusters, now)

    def _hold(self, draft: Draft, uid: str, now: datetime) -> None:
        """Holds a quarantined rollout, once per term. A rollout that the journal does not know yet
        is recorded first, so that it can be held."""
        if uid in self._held or self._quarantine.untouchable(uid):
            return
        self._held.add(uid)
        with self._quarantine.tolerate(uid):
            for seen in self._adopt_or_create(uid, now):
                if isinstance(seen, OnRollout) and seen.kind is Kind.ROLLOUT_SEEN:
                    draft.apply(seen)
        tracked = self._fleet.rollouts.get(uid)
        if tracked is None:
            return
        with attributed_to(uid):
            for decision in quarantine_rollout(tracked, self._quarantine.error_of(uid), now):
                draft.apply(decision)

    async def _decide_rollout(
        self, draft: Draft, uid: str, clusters: Iterable[str], now: datetime
    ) -> bool:
        tracked = self._fleet.rollouts[uid]
        if self._put_off_if_unread(draft, tracked.rollout, now):
            return False
        result = self._run_cycle(draft, tracked, clusters, now)
        interrupted = await self._join(draft, result.joining)
        if result.remaining:
            self._work_queue.touch_now(uid, result.remaining)
            left = frozenset(result.remaining)
            draft.decided[uid] = {name: None for name in clusters if name not in left}
        for cluster, when in result.requeue_at.items():
            self._work_queue.at(when, uid, cluster)
        return interrupted

    def _put_off_if_unread(self, draft: Draft, rollout: Rollout, now: datetime) -> bool:
        """Puts the rollout off if its object can't be read: it is there, so nothing of it is over,
        but what it asks for is not known."""
        name = (rollout.kind, rollout.namespace, rollout.name)
        if rollout.state is RolloutState.DELETED or not self._mirror.objects.is_unread(*name):
            return False
        clusters = draft.unread[rollout.uid] = draft.decided.pop(rollout.uid)
        for each in ("", *clusters):  # What is dropped here is touched by nothing else again.
            self._work_queue.at(now + UNREAD_INTERVAL, rollout.uid, each)
        return True

    async def _join(self, draft: Draft, joining: list[Decision]) -> bool:
        """Takes the joining members in batches, between which the Lease may be renewed; returns
        whether there was a break."""
        for first in range(0, len(joining), CLUSTERS_PER_TURN):
            if first:
                await asyncio.sleep(0)
            for decision in joining[first : first + CLUSTERS_PER_TURN]:
                draft.apply(decision)
        return len(joining) > CLUSTERS_PER_TURN

    def _pending_patches(self, uids: Iterable[str]) -> Iterable[OnPendingPatch]:
        for uid in uids:
            pending = self._fleet.pending_patches.get(uid)
            if pending is None or self._mirror.is_unread(pending.cluster):
                continue
            # A patch in progress would look like someone else's change, or like nothing left to
            # do.
            if not self._outcomes.patch_in_progress(pending):
                with attributed_to(pending.rollout):
                    decision = decide_pending_patch(pending, self._mirror.cluster(pending.cluster))
                if decision is not None:
                    yield decision

    def _adopt_or_create(self, uid: str, now: datetime) -> Iterable[Decision]:
        """Yields the decisions about an IBGU that the journal does not know yet, or has lost."""
        fleet, mirror = self._fleet, self._mirror
        obj = mirror.rollout_object(uid)
        if obj is None or uid in fleet.rollouts or _being_deleted(obj):
            return
        driver = self._drivers[obj.kind]
        rollout, found = new_rollout(driver, obj, now), mirror.found(obj)
        if proof := next(returned(obj, fleet.handled), ""):
            mirror.note_restored(proof)
        elif found.begun:
            why = "it knew nothing of this rollout"
            yield from rebuild(driver, rollout, found, fleet, why, now)
        else:
            yield OnRollout(Kind.ROLLOUT_SEEN, rollout, "seen on the hub", actor=actor_of(obj))

    def _run_cycle(
        self, draft: Draft, tracked: TrackedRollout, clusters: Iterable[str], now: datetime
    ) -> DecisionResult:
        observed = self._snapshots.observing(tracked.rollout)
        draft.observed[tracked.rollout.uid] = observed
        snapshot = self._snapshots.of(tracked, observed)
        listed = self._lister.take(tracked)
        if listed is None:
            return decide(draft.apply, snapshot, clusters, now)
        snapshot = replace(snapshot, scope=listed.scope)
        return decide(draft.apply, snapshot, clusters, now, listed.clusters)


def _being_deleted(obj: RolloutObject) -> bool:
    return obj.metadata.deletion_timestamp is not None


def new_rollout(driver: Driver, found: RolloutObject, now: datetime) -> Rollout:
    """Returns the record of a new IBGU; its generation 0 makes the first turn check it."""
    meta = found.metadata
    return Rollout(
        uid=meta.uid,
        namespace=meta.namespace,
        name=meta.name,
        created_at=moment(meta.creation_timestamp) or now,
        kind=found.kind,
        spec=found.spec,
        annotations=driver.annotations(meta.annotations),
    )
