"""Disarms stage works when nothing new is decided (R9.2).

The journal can't be written, or the rollout is quarantined: records stay as they are, and only what
is armed on the hub is disarmed.
"""

from datetime import datetime

from ibgu.core.engine.decide.stagework import desired_stage_work
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.engine.works import DesiredWork, disarmed_stage
from ibgu.core.engine.works.evidence import accepted
from ibgu.core.model import Observation


def disarm_accepted(tracked: TrackedRollout, cluster: str, seen: Observation) -> DesiredWork | None:
    """Returns the disarmed work if the cluster echoes the run, though that could not be journalled
    yet. None: leave the work as it is.

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
) -> DesiredWork | None:
    """Returns what `disarm_accepted` does, and also disarms what the IBGU no longer asks for
    (`asked_for`: it is on the hub and not being deleted) and what the records want disarmed: the
    run has ended, or the hub was restored. Other armed works stay: a change would later look like
    someone else's."""
    if taken := disarm_accepted(tracked, cluster, seen):
        return taken
    member = tracked.latest(cluster)
    if member is None or not _may_disarm(seen):
        return None
    if not asked_for:
        return disarmed_stage(member, tracked.rollout.restore)
    wanted = desired_stage_work(tracked, cluster, seen, now)
    return wanted if isinstance(wanted, DesiredWork) and not wanted.armed else None


def _may_disarm(seen: Observation) -> bool:
    """Whether the work is armed and may be written: one with a deletionTimestamp may not
    (R16.4)."""
    work = seen.stage
    return work is not None and work.armed and not (work.terminating or seen.writing)
