"""Acts on a commit: what the hub must show, which rollouts are affected, who is notified."""

from collections.abc import Iterable
from datetime import datetime

from ibgu.controller.loop.commit import Draft
from ibgu.controller.loop.deps import LoopDeps
from ibgu.controller.loop.work_queue import Touched
from ibgu.controller.quarantine import attributed_to
from ibgu.controller.reports import decision_log, measures
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model import (
    Action,
    Decision,
    Kind,
    OnMember,
    OnPendingPatch,
    OnRollout,
    OnStep,
    Preempt,
    Step,
    StepState,
)
from ibgu.db.journal import rollout_of

_CLAIMS = frozenset(
    {
        Kind.RUN_INTENDED,
        Kind.FINISHED,
        Kind.RETURNED,
        Kind.RUN_REOPENED,
        Kind.MEMBER_ADOPTED,
    }
)
"""Kinds of member decisions that may take or free a claim on the cluster."""


class PostCommit:
    def __init__(self, deps: LoopDeps) -> None:
        self._deps = deps

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
        touched_or_told = {uid: dict(clusters) for uid, clusters in draft.decided.items()}
        pending_uids: dict[str, None] = {}
        for decision in draft.decisions:
            self._follow(decision, touched_or_told, pending_uids)
        quarantine, fleet = self._deps.quarantine, self._deps.fleet
        # Quarantined rollouts were not decided on: their records may be outdated.
        concerned = {uid: names for uid, names in touched_or_told.items() if uid not in quarantine}
        if not writes_suspended and not late:
            self._disarm(draft.decided, now)
            for uid, clusters in concerned.items():
                with attributed_to(uid):
                    self._perform(uid, clusters, now)
            for uid in self._deps.effects.settle(fleet, pending_uids, pending_patches):
                self._deps.work_queue.touch_patch(uid)
        for uid in concerned:
            with attributed_to(uid):
                self._after(uid, now)
        for uid, own in by_rollout(draft.decisions).items():
            with quarantine.best_effort(uid):
                self._tell(uid, own, writes_suspended=writes_suspended)

    def _disarm(self, touched: Touched, now: datetime) -> None:
        """Disarms runs of quarantined rollouts that nothing needs any more (R9.2), which takes no
        decision."""
        quarantine, fleet = self._deps.quarantine, self._deps.fleet
        for uid in [uid for uid in touched if uid in quarantine and uid in fleet.rollouts]:
            tracked = fleet.rollouts[uid]
            running = {name: None for step in tracked.steps for name in step.in_flight}
            for cluster in touched[uid] or running:
                with quarantine.tolerate(uid):
                    self._deps.effects.disarm_quarantined(tracked, cluster, now)

    def _perform(self, uid: str, clusters: Iterable[str], now: datetime) -> None:
        fleet = self._deps.fleet
        tracked = fleet.rollouts.get(uid)
        if tracked is None:
            self._deps.effects.remove_orphans_of(uid)
            return
        self._deps.effects.follow(fleet, tracked, clusters, now)
        self._deps.adopting.follow(tracked)

    def _tell(self, rollout: str, decisions: list[Decision], *, writes_suspended: bool) -> None:
        fleet = self._deps.fleet
        if rollout in fleet.rollouts and not writes_suspended:
            self._deps.statuses.touch(rollout)
        if self._deps.refresh is not None:
            self._deps.refresh.follow(decisions)
        measures.count(decisions, fleet)
        decision_log.write(decisions, fleet)
        if writes_suspended:
            return
        self._deps.notices.tell(fleet, decisions)
        for decision in decisions:
            if isinstance(decision, OnStep) and decision.kind is Kind.STEP_STARTED:
                self._warn_of_payload(decision.step)

    def _warn_of_payload(self, step: Step) -> None:
        """Warns of what a step with Prep can't carry because it is not on the hub, or carries
        unchecked."""
        if Action.PREP in step.actions:
            state = self._deps.payloads.state(step.rollout)
            for warning in state.warnings:
                self._deps.notices.warn(step.rollout, "PayloadMissing", warning)
            if state.unchecked:
                self._deps.notices.warn(step.rollout, "PayloadUnchecked", state.unchecked)

    def _follow(
        self,
        decision: Decision,
        concerned: dict[str, dict[str, None]],
        pending_uids: dict[str, None],
    ) -> None:
        """Collects the clusters whose works may change, and touches other rollouts that a decision
        affects."""
        match decision:
            case OnMember(kind=Kind.JOINED):
                return  # it is touched with its step, and has nothing to show before
            case OnMember(member=member):
                concerned.setdefault(member.rollout, {})[member.cluster] = None
                if decision.kind in _CLAIMS:
                    self._touch_others(member.cluster, member.rollout)
            case OnPendingPatch(kind=Kind.LABELS_UNCHANGED):
                return
            case OnPendingPatch(pending=pending):
                pending_uids[pending.uid] = None
            case Preempt(cluster=cluster):
                self._touch_others(cluster, "")
            case OnStep(kind=Kind.STEP_STARTED | Kind.STEP_ADOPTED, step=step):
                tracked = self._deps.fleet.rollouts[step.rollout]
                members = tracked.steps[step.index].members
                self._deps.work_queue.touch_now(step.rollout, members)
                for cluster in members if step.first.cancels else ():
                    self._touch_others(cluster, step.rollout)
            case OnRollout(kind=Kind.ROLLOUT_DELETED, rollout=rollout):
                steps = self._deps.fleet.rollouts[rollout.uid].steps
                everybody = (name for step in steps for name in step.members)
                self._deps.work_queue.touch_now(rollout.uid, everybody)
            case OnStep() | OnRollout():
                return

    def _touch_others(self, cluster: str, but: str) -> None:
        for uid in self._deps.fleet.rollouts_of.get(cluster, ()):
            if uid != but:
                self._deps.work_queue.touch_now(uid, [cluster])

    def _after(self, uid: str, now: datetime) -> None:
        """Requests the list of a step that opens; forgets a rollout that is over and gone."""
        tracked = self._deps.fleet.rollouts.get(uid)
        if tracked is None:
            return
        current = tracked.current
        opening = current is not None and current.step.state is StepState.OPENING
        if opening and tracked.rollout.deleted_at is None:
            self._deps.lister.want(tracked)
        if tracked.rollout.deleted_at is not None:
            self._deps.payloads.forget(uid)
            self._deps.statuses.forget(uid)
            self._deps.lister.forget(uid)
            if self._through_with(tracked):
                self._forget(tracked)

    def _forget(self, tracked: TrackedRollout) -> None:
        uid = tracked.rollout.uid
        self._deps.adopting.forget(uid)
        self._deps.notices.forget(uid)
        self._deps.effects.forget(tracked)
        self._deps.fleet.forget(uid)

    def _through_with(self, tracked: TrackedRollout) -> bool:
        """Returns whether nothing is left of a deleted rollout, in its members or on the hub."""
        busy = any(step.unfinished or step.watched for step in tracked.steps)
        works = self._deps.mirror.works.keys_by("rollout", tracked.rollout.uid)
        return not (busy or works or tracked.rollout.adopting_since)


def by_rollout(decisions: Iterable[Decision]) -> dict[str, list[Decision]]:
    found: dict[str, list[Decision]] = {}
    for decision in decisions:
        found.setdefault(rollout_of(decision), []).append(decision)
    return found
