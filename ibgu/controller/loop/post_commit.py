"""Acts on a commit: what the hub must show, which rollouts are affected, who is notified."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from ibgu.controller.effects.adopting import Adoption
from ibgu.controller.effects.effects import Effects, JudgedClusters
from ibgu.controller.effects.feedback_refresh import FeedbackRefresh
from ibgu.controller.effects.policy_follow_ups import PolicyFollowUps
from ibgu.controller.facts import TermFacts
from ibgu.controller.lookups.membership import MembershipLister
from ibgu.controller.loop.affected_clusters import AffectedClusters
from ibgu.controller.loop.cleanup import Cleanup
from ibgu.controller.loop.commit import Draft
from ibgu.controller.loop.deferred_errors import DeferredErrors
from ibgu.controller.loop.work_queue import Touched, WorkQueue
from ibgu.controller.quarantine import Quarantine, attributed_to
from ibgu.controller.reports.reporter import Reporter, by_rollout
from ibgu.core.engine.gates.policies import PolicyGates
from ibgu.core.engine.state import FleetState
from ibgu.core.model import StepState


class HubWrites(Struct, frozen=True, eq=False):
    """HubWrites makes the hub show what the records of committed decisions want."""

    _fleet: FleetState
    _work_queue: WorkQueue
    _quarantine: Quarantine
    _effects: Effects
    _adopting: Adoption
    _follow_ups: PolicyFollowUps

    def disarm(self, draft: Draft, now: datetime) -> None:
        """Disarms runs of rollouts that are not decided on and that nothing needs any more
        (R9.2)."""
        self._disarm_quarantined(draft.decided, now)
        for uid, clusters in draft.unread.items():
            with attributed_to(uid):
                for cluster in clusters:
                    self._effects.disarm_accepted(self._fleet.rollouts[uid], cluster)

    def _disarm_quarantined(self, touched: Touched, now: datetime) -> None:
        quarantine, fleet = self._quarantine, self._fleet
        for uid in [uid for uid in touched if uid in quarantine and uid in fleet.rollouts]:
            tracked = fleet.rollouts[uid]
            running = {name: None for step in tracked.steps for name in step.in_flight}
            for cluster in touched[uid] or running:
                with quarantine.tolerate(uid):
                    self._effects.disarm_quarantined(tracked, cluster, now)

    def reconcile(self, uid: str, clusters: JudgedClusters, now: datetime) -> None:
        """Makes the hub show what the rollout's records want for these clusters; queues those that
        must be judged again first."""
        with attributed_to(uid):
            tracked = self._fleet.rollouts.get(uid)
            if tracked is None:
                self._effects.remove_orphans_of(uid)
                return
            if again := self._effects.reconcile(self._fleet, tracked, clusters, now):
                self._work_queue.touch_now(uid, again)
            self._adopting.reconcile(tracked)
            self._follow_ups.reconcile(tracked)

    def send_patches(self, pending_uids: Iterable[str], pending_patches: Iterable[str]) -> None:
        """Sends pending patches; queues those about which something must be decided first."""
        for uid in self._effects.send_patches(self._fleet, pending_uids, pending_patches):
            self._work_queue.touch_patch(uid)


class PostCommit(Struct, frozen=True, eq=False):
    _fleet: FleetState
    _quarantine: Quarantine
    _writes: HubWrites
    _work_queue: WorkQueue
    _lister: MembershipLister
    _cleanup: Cleanup
    _reporter: Reporter
    _policy_gates: PolicyGates
    _refresh: FeedbackRefresh | None
    """None if refreshes are turned off."""

    def perform(
        self,
        draft: Draft,
        pending_patches: Iterable[str],
        now: datetime,
        *,
        writes_suspended: bool,
        late: bool = False,
    ) -> None:
        """Acts on a committed draft.

        `writes_suspended`: a live TALM is on the hub, so nothing is written there (R20.1). `late`:
        during the commit the journal was away or the mirror lost sync; what the draft rests on may
        be outdated, so it is decided again before anything is done (R8.8).
        """
        concerned = self._concerned(draft, now)
        # Quarantined rollouts were not decided on: their records may be outdated.
        decided = {
            uid: found for uid, found in concerned.clusters.items() if uid not in self._quarantine
        }
        if not writes_suspended and not late:
            self._writes.disarm(draft, now)
            for uid, clusters in decided.items():
                self._writes.reconcile(uid, draft.judged(uid, clusters), now)
            self._writes.send_patches(concerned.pending_uids, pending_patches)
        for uid in decided:
            with attributed_to(uid):
                self._request_list_or_forget(uid)
        for uid, own in by_rollout(draft.decisions).items():
            with self._quarantine.best_effort(uid):
                if self._refresh is not None:
                    self._refresh.track(own)
                self._reporter.decided(uid, own, writes_suspended=writes_suspended)

    def _concerned(self, draft: Draft, now: datetime) -> AffectedClusters:
        """Collects what the draft concerns, and touches who waits for it."""
        concerned = AffectedClusters(self._fleet, self._work_queue, draft.decided)
        for decision in draft.decisions:
            concerned.add(decision)
        for uid, names in self._policy_gates.to_decide_again(now):
            self._work_queue.touch_now(uid, names)
        return concerned

    def _request_list_or_forget(self, uid: str) -> None:
        """Requests the list of a step that opens; forgets a rollout that is over and gone."""
        tracked = self._fleet.rollouts.get(uid)
        if tracked is None:
            return
        if tracked.rollout.deleted_at is not None:
            self._cleanup.deleted(tracked)
            return
        current = tracked.current
        opening = current is not None and current.step.state is StepState.OPENING
        if opening and tracked.rollout.hold is None:
            self._lister.request(tracked)


def disarm_without_journal(
    fleet: FleetState, facts: TermFacts, effects: Effects, errors: DeferredErrors
) -> None:
    """Disarms accepted runs while the journal is away, which takes no decision (R9.2); not beside a
    live TALM (R20.1)."""
    if facts.talm_hold:
        return
    for uid, tracked in fleet.rollouts.items():
        with errors.of(uid):
            step = tracked.current
            for cluster in step.in_flight if step else ():
                effects.disarm_accepted(tracked, cluster)
