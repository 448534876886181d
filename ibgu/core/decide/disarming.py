"""Impulses that are taken back though nothing new is decided (R9.2).

The journal can't be written, or the rollout is set aside: the records stay as they are, and only
what is armed on the hub is disarmed.
"""

from datetime import datetime

from ibgu.core.decide.stagework import stage_work
from ibgu.core.fleet import TrackedRollout
from ibgu.core.model import Observation
from ibgu.core.observe import accepted
from ibgu.core.works import Wanted, disarmed_stage


def disarm_taken(tracked: TrackedRollout, cluster: str, seen: Observation) -> Wanted | None:
    """What the cluster echoes, though nobody could note it yet. None: leave the work as it is.

    The record may be ahead of the journal by what could not be written.
    """
    member, work = tracked.latest(cluster), seen.stage
    run = member.run if member is not None else None
    if member is None or run is None or run.disarmed or not _may_disarm(seen):
        return None
    taken = work is not None and accepted(work, run)
    return disarmed_stage(member, tracked.rollout.restore) if taken else None


def disarm_quarantined(
    tracked: TrackedRollout, cluster: str, seen: Observation, now: datetime, *, asked_for: bool
) -> Wanted | None:
    """As `disarm_taken`, and what its IBGU no longer asks for (`asked_for`: it is on the hub, and
    not being deleted), and what its records want disarmed: its run has ended, or the hub was
    restored. What else is armed stays: it would look like somebody's hand later."""
    if taken := disarm_taken(tracked, cluster, seen):
        return taken
    member = tracked.latest(cluster)
    if member is None or not _may_disarm(seen):
        return None
    if not asked_for:
        return disarmed_stage(member, tracked.rollout.restore)
    wanted = stage_work(tracked, cluster, seen, now)
    return wanted if isinstance(wanted, Wanted) and not wanted.armed else None


def _may_disarm(seen: Observation) -> bool:
    """A work with a deletionTimestamp is never touched (R16.4)."""
    work = seen.stage
    return work is not None and work.armed and not (work.terminating or seen.writing)
