"""After the commit: what the hub must show, who else is concerned, what people are told."""

from collections.abc import Iterable
from datetime import datetime

from ibgu.controller import chronicle, measures
from ibgu.controller.agenda import Touched
from ibgu.controller.aside import about
from ibgu.controller.commit import Draft
from ibgu.controller.notices import rollout_of
from ibgu.controller.parts import Parts
from ibgu.core.fleet import TrackedRollout
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


class Following:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def perform(
        self,
        draft: Draft,
        pending_patches: Iterable[str],
        now: datetime,
        *,
        quiet: bool,
        late: bool = False,
    ) -> None:
        """`quiet`: a live TALM is on the hub, nothing is written there (R20.1). `late`: the journal
        was away, or the mirror has lost touch, while this was written down: what it rests on may
        be old by now, so it is decided anew before anything is done (R8.8)."""
        touched_or_told = {uid: dict(clusters) for uid, clusters in draft.decided.items()}
        pending_uids: dict[str, None] = {}
        for decision in draft.decisions:
            self._follow(decision, touched_or_told, pending_uids)
        aside, fleet = self._parts.aside, self._parts.fleet
        # Nobody has looked at what is set aside: what its records want may be wrong by now.
        concerned = {uid: names for uid, names in touched_or_told.items() if uid not in aside}
        if not quiet and not late:
            self._disarm(draft.decided, now)
            for uid, clusters in concerned.items():
                with about(uid):
                    self._perform(uid, clusters, now)
            for uid in self._parts.effects.settle(fleet, pending_uids, pending_patches):
                self._parts.agenda.touch_patch(uid)
        for uid in concerned:
            with about(uid):
                self._after(uid, now)
        for uid, own in by_rollout(draft.decisions).items():
            with aside.telling(uid):
                self._tell(uid, own, quiet=quiet)

    def _disarm(self, touched: Touched, now: datetime) -> None:
        """Take back impulses that serve nothing of what is set aside (R9.2): nobody has to decide
        anything for that."""
        aside, fleet = self._parts.aside, self._parts.fleet
        for uid in [uid for uid in touched if uid in aside and uid in fleet.rollouts]:
            tracked = fleet.rollouts[uid]
            running = {name: None for step in tracked.steps for name in step.in_flight}
            for cluster in touched[uid] or running:
                with aside.spared(uid):
                    self._parts.effects.disarm_aside(tracked, cluster, now)

    def _perform(self, uid: str, clusters: Iterable[str], now: datetime) -> None:
        fleet = self._parts.fleet
        tracked = fleet.rollouts.get(uid)
        if tracked is None:
            self._parts.effects.remove_orphans_of(uid)
            return
        self._parts.effects.follow(fleet, tracked, clusters, now)
        self._parts.adopting.follow(tracked)

    def _tell(self, rollout: str, decisions: list[Decision], *, quiet: bool) -> None:
        fleet = self._parts.fleet
        if rollout in fleet.rollouts and not quiet:
            self._parts.statuses.touch(rollout)
        if self._parts.poking is not None:
            self._parts.poking.follow(decisions)
        measures.count(decisions, fleet)
        chronicle.write(decisions, fleet)
        if quiet:
            return
        self._parts.notices.tell(fleet, decisions)
        for decision in decisions:
            if isinstance(decision, OnStep) and decision.kind is Kind.STEP_STARTED:
                self._warn_of_payload(decision.step)

    def _warn_of_payload(self, step: Step) -> None:
        """What a step with Prep would carry if it were on the hub, and carries unchecked."""
        if Action.PREP in step.actions:
            state = self._parts.payloads.state(step.rollout)
            for warning in state.warnings:
                self._parts.notices.warn(step.rollout, "PayloadMissing", warning)
            if state.unchecked:
                self._parts.notices.warn(step.rollout, "PayloadUnchecked", state.unchecked)

    def _follow(
        self,
        decision: Decision,
        concerned: dict[str, dict[str, None]],
        pending_uids: dict[str, None],
    ) -> None:
        """Which clusters' works to look at, and who else is concerned by a decision."""
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
                tracked = self._parts.fleet.rollouts[step.rollout]
                members = tracked.steps[step.index].members
                self._parts.agenda.touch_now(step.rollout, members)
                for cluster in members if step.first.cancels else ():
                    self._touch_others(cluster, step.rollout)
            case OnRollout(kind=Kind.ROLLOUT_DELETED, rollout=rollout):
                steps = self._parts.fleet.rollouts[rollout.uid].steps
                everybody = (name for step in steps for name in step.members)
                self._parts.agenda.touch_now(rollout.uid, everybody)
            case OnStep() | OnRollout():
                return

    def _touch_others(self, cluster: str, but: str) -> None:
        for uid in self._parts.fleet.rollouts_of.get(cluster, ()):
            if uid != but:
                self._parts.agenda.touch_now(uid, [cluster])

    def _after(self, uid: str, now: datetime) -> None:
        """A step that opens needs its list; a rollout that is over and gone is forgotten."""
        tracked = self._parts.fleet.rollouts.get(uid)
        if tracked is None:
            return
        current = tracked.current
        opening = current is not None and current.step.state is StepState.OPENING
        if opening and tracked.rollout.deleted_at is None:
            self._parts.openings.want(tracked)
        if tracked.rollout.deleted_at is not None:
            self._parts.payloads.forget(uid)
            self._parts.statuses.forget(uid)
            self._parts.openings.forget(uid)
            if self._through_with(tracked):
                self._forget(tracked)

    def _forget(self, tracked: TrackedRollout) -> None:
        uid = tracked.rollout.uid
        self._parts.adopting.forget(uid)
        self._parts.notices.forget(uid)
        self._parts.effects.forget(tracked)
        self._parts.fleet.forget(uid)

    def _through_with(self, tracked: TrackedRollout) -> bool:
        """Of a deleted rollout: nothing of it is left, in its members or on the hub."""
        busy = any(step.unfinished or step.watched for step in tracked.steps)
        works = self._parts.mirror.works.keys_by("rollout", tracked.rollout.uid)
        return not (busy or works or tracked.rollout.adopting_since)


def by_rollout(decisions: Iterable[Decision]) -> dict[str, list[Decision]]:
    found: dict[str, list[Decision]] = {}
    for decision in decisions:
        found.setdefault(rollout_of(decision), []).append(decision)
    return found
