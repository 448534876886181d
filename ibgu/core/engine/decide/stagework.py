"""Computes the stage work of one cluster from its records and what the hub shows (R9, R15, R16).

No write that was sent before counts. So a write that a crash or a conflict has swallowed is asked
for again by the next evaluation of the cluster.
"""

from datetime import datetime
from enum import Enum

from ibgu.core.engine.state import FleetState, TrackedRollout
from ibgu.core.engine.timing.times import LATE_COMPLETION_WATCH
from ibgu.core.engine.works import (
    DesiredWork,
    desired_work_of,
    disarmed_stage,
    resuming_stage,
)
from ibgu.core.engine.works.evidence import accepted
from ibgu.core.model import (
    Ended,
    InFlight,
    Member,
    Observation,
    Outcome,
    Rollout,
    RolloutState,
    RunResult,
    RunState,
    WorkView,
    traits,
)


class DeleteWork(Enum):
    """A request to delete the work; with Orphan nothing changes on the cluster."""

    REMOVE = "remove"


REMOVE = DeleteWork.REMOVE


def desired_stage_work(
    tracked: TrackedRollout, cluster: str, seen: Observation, now: datetime
) -> DesiredWork | DeleteWork | None:
    """Returns the work to write; None: leave it, as one that is terminating always is (R16.4)."""
    work = seen.stage
    if seen.writing or (work is not None and work.terminating):
        return None
    member = tracked.latest(cluster)
    if member is None or seen.cluster is None:
        return _without_cluster(tracked, cluster, seen)
    if not member.finished:
        return _under_way(tracked.rollout, member, seen)
    if tracked.resuming(cluster) and not seen.cluster.deleting:
        # What a dark cluster has reported may be gone there by now, and the work would make it.
        paused = _paused(tracked, seen) if seen.cluster.reachable else ()
        return resuming_stage(member, tracked.rollout.restore, work, paused, now)
    if work is not None and _feedback_unneeded(tracked, member, now):
        return REMOVE
    return _after_the_end(tracked, member, work, now)


def _without_cluster(
    tracked: TrackedRollout, cluster: str, seen: Observation
) -> DesiredWork | None:
    """Returns the work for a ManagedCluster that can't be read: it is there all the same
    (R32.2)."""
    return disarm_accepted(tracked, cluster, seen) if seen.unread else None


def _after_the_end(
    tracked: TrackedRollout, member: Member, work: WorkView | None, now: datetime
) -> DesiredWork | None:
    """Returns the work of a finished member that stays. One that is gone comes back only if a
    restore of the hub has lost it, and it would show how the cluster goes on (R9.6, R15)."""
    if work is not None:
        return desired_work_of(member, work, tracked.rollout.restore)
    run, restored = member.run, tracked.rollout.restored_at
    if restored is None or not isinstance(run, Ended) or run.ended_at > restored:
        return None
    wanted = member.watched or member.rollback_until is not None
    if not wanted or _feedback_unneeded(tracked, member, now):
        return None
    return disarmed_stage(member, tracked.rollout.restore)


def disarm_accepted(tracked: TrackedRollout, cluster: str, seen: Observation) -> DesiredWork | None:
    """Returns the disarmed work if the cluster echoes the run, though that could not be journalled
    yet. None: leave the work as it is.

    The record may be ahead of the journal by what could not be written.
    """
    member, work = tracked.latest(cluster), seen.stage
    run = member.run if member is not None else None
    if member is None or run is None or run.disarmed or not may_disarm(seen):
        return None
    taken = work is not None and accepted(work, run)
    return disarmed_stage(member, tracked.rollout.restore) if taken else None


def may_disarm(seen: Observation) -> bool:
    """Whether the work is armed and may be written: one with a deletionTimestamp may not
    (R16.4)."""
    work = seen.stage
    return work is not None and work.armed and not (work.terminating or seen.writing)


def shows_what_was_judged(seen: Observation, judged: Observation | None) -> bool:
    """Returns whether the hub still shows the cluster as it was judged: an arming rests on that,
    and on nothing that came while its decision was journaled (R8.8, R26.1). `judged`: None if it
    was not."""
    return judged is not None and _basis(seen) == _basis(judged)


def _basis(seen: Observation) -> tuple[object, ...]:
    work, cluster = seen.stage, seen.cluster
    version = (work.uid, work.resource_version) if work is not None else None
    present = (cluster.uid, cluster.reachable, cluster.deleting) if cluster is not None else None
    return version, present, seen.talm


def _paused(tracked: TrackedRollout, seen: Observation) -> tuple[str, ...]:
    """Returns the names of what the cluster shows as paused for the rollout."""
    known = seen.current_feedback
    return known.paused_for(tracked.rollout.uid) if known is not None else ()


def _under_way(rollout: Rollout, member: Member, seen: Observation) -> DesiredWork | None:
    """Returns the work of an unfinished member. What someone else deleted or changed is not put
    back (R9.6); for a cluster that is being deleted the only write is to disarm."""
    work, run = seen.stage, member.run
    state = run.state if run else None
    leaving = seen.cluster is not None and seen.cluster.deleting
    if state is RunState.ARMED:
        return None
    adopted = run is not None and run.adopted and run.open
    if work is None and not leaving and (adopted or rollout.stands_still):
        return _put_back(rollout, member)
    wanted = desired_work_of(member, work, rollout.restore)
    if rollout.stands_still and wanted is not None and wanted.armed:
        return None  # The hold is newer than the intent, which is withdrawn in the next turn.
    if leaving or (state is RunState.ACCEPTED and work is None):
        return wanted if work and work.armed else None
    return wanted


def _put_back(rollout: Rollout, member: Member) -> DesiredWork | None:
    """Returns a new work that only watches: TALM's action has no work of ours yet, and a restored
    hub may have lost ours."""
    if not isinstance(member, InFlight):
        return None
    return DesiredWork(armed=False, run=member.run, limit=member.limit, restore=rollout.restore)


def _feedback_unneeded(tracked: TrackedRollout, member: Member, now: datetime) -> bool:
    """Whether the cluster's feedback is no longer needed (R15.1, R15.3)."""
    if member.watched or tracked.paused(member.cluster):
        return False
    if tracked.rollout.state is RolloutState.DELETED or _back_to_idle(member):
        return True
    if member.rollback_until is not None:
        return False
    last = tracked.steps[-1].step
    return last.finished_at is not None and now >= last.finished_at + LATE_COMPLETION_WATCH


def _back_to_idle(member: Member) -> bool:
    done = member.completed[-1].action if member.completed else None
    return member.outcome is Outcome.SUCCEEDED and done is not None and traits(done).clears_labels


def payload_wanted(tracked: TrackedRollout, member: Member) -> bool:
    """Whether the cluster needs the payload work: the action that carries it is under way."""
    if not isinstance(member, InFlight) or not tracked.steps[member.step].step.payload_digest:
        return False
    return member.run.open and traits(member.run.action).carries_payload


def payload_kept(fleet: FleetState, member: Member) -> bool:
    """Whether an existing payload work stays: the cluster may have accepted a withdrawn run, and
    reads the pull secret while it is unreachable (R9).

    A cluster that another rollout has claimed has only that rollout's content (R6).
    """
    run, holder = member.run, fleet.claims.get(member.uid)
    if member.finished or run is None or not traits(run.action).carries_payload:
        return False
    withdrawn = run.result is RunResult.WITHDRAWN and run.arming_at is not None
    return withdrawn and (holder is None or holder.rollout == member.rollout)
