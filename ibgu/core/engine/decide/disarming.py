"""Disarms stage works when nothing new is decided (R9.2).

The journal can't be written, or the rollout is quarantined: records stay as they are, and only what
is armed on the hub is disarmed.
"""

from datetime import datetime

from ibgu.core.engine.decide.stagework import desired_stage_work, disarm_accepted, may_disarm
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.engine.works import DesiredWork, disarmed_stage
from ibgu.core.model import Observation


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
    if member is None or not may_disarm(seen):
        return None
    if not asked_for:
        return disarmed_stage(member, tracked.rollout.restore)
    wanted = desired_stage_work(tracked, cluster, seen, now)
    return wanted if isinstance(wanted, DesiredWork) and not wanted.armed else None
