"""Finds out whom a decision concerns: which works may change, and which other rollouts."""

from ibgu.controller.loop.work_queue import WorkQueue
from ibgu.core.engine.state import FleetState
from ibgu.core.model import (
    Decision,
    Kind,
    OnMember,
    OnPendingPatch,
    OnRollout,
    OnStep,
    Preempt,
    traits,
)

_CLAIMS = frozenset(
    {
        Kind.RUN_INTENDED,
        Kind.FINISHED,
        Kind.RETURNED,
        Kind.ACTION_REPEATED,
        Kind.RUN_REOPENED,
        Kind.MEMBER_ADOPTED,
        Kind.COMPLETED_LATE,
        Kind.UNWATCHED,
        Kind.RESUMED,
    }
)
"""Kinds of member decisions that may take or free a claim on the cluster, or end what keeps others
from it without one (R6.9)."""


class AffectedClusters:
    """AffectedClusters collects the clusters whose works the decisions of one commit may change, by
    rollout, and the pending patches that they leave."""

    def __init__(
        self, fleet: FleetState, work_queue: WorkQueue, decided: dict[str, dict[str, None]]
    ) -> None:
        """`decided`: the members that were decided on."""
        self._fleet = fleet
        self._work_queue = work_queue
        self.clusters = {uid: dict(clusters) for uid, clusters in decided.items()}
        self.pending_uids: dict[str, None] = {}

    def add(self, decision: Decision) -> None:
        """Collects the clusters whose works may change, and touches other rollouts that a decision
        affects."""
        match decision:
            case OnMember(kind=Kind.JOINED):
                return  # it is touched with its step, and has nothing to show before
            case OnMember(member=member):
                self.clusters.setdefault(member.rollout, {})[member.cluster] = None
                if decision.kind in _CLAIMS:
                    self._touch_others(member.cluster, member.rollout)
            case OnPendingPatch(kind=Kind.LABELS_UNCHANGED):
                return
            case OnPendingPatch(pending=pending):
                self.pending_uids[pending.uid] = None
            case Preempt(cluster=cluster):
                self._touch_others(cluster, "")
            case OnStep(kind=Kind.STEP_STARTED | Kind.STEP_ADOPTED, step=step):
                tracked = self._fleet.rollouts[step.rollout]
                members = tracked.steps[step.index].members
                self._work_queue.touch_now(step.rollout, members)
                for cluster in members if traits(step.first).cancels else ():
                    self._touch_others(cluster, step.rollout)
            case OnRollout(kind=Kind.ROLLOUT_DELETED, rollout=rollout):
                steps = self._fleet.rollouts[rollout.uid].steps
                everybody = (name for step in steps for name in step.members)
                self._work_queue.touch_now(rollout.uid, everybody)
            case OnStep() | OnRollout():
                return

    def _touch_others(self, cluster: str, except_rollout: str) -> None:
        for uid in self._fleet.rollouts_of.get(cluster, ()):
            if uid != except_rollout:
                self._work_queue.touch_now(uid, [cluster])
