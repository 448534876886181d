"""The engine's durations, with their rules."""

from datetime import datetime, timedelta

SETTLE = timedelta(minutes=2)
"""A symptom on a reachable cluster must stand this long before it ends a run or a member."""
ACCEPT_TIMEOUT = timedelta(seconds=60)
"""An unreachable cluster that has not accepted a run after this time gets it withdrawn (R9.3)."""
PROBE_TIMEOUT = timedelta(seconds=60)
PROBE_GRACE = timedelta(seconds=1)
"""A free slot is kept this long for a member that is being probed (R4.2); agents take 30 ms."""
PROBE_RETRY = timedelta(minutes=10)
READY_FRESH = timedelta(seconds=10)
"""Abort and AbortOnFailure arm only on a cluster that was found ready within this time (R9.4)."""
PROBE_FRESH = PROBE_TIMEOUT
"""Abort and AbortOnFailure arm only on a probe younger than this (R9.4)."""
LATE_COMPLETION_WATCH = timedelta(days=7)
"""A late completion is watched for this long after the last step's end (R15.1)."""
DARK_IN_FLIGHT = timedelta(days=7)
"""A dark cluster without a claim counts as in flight this long after its last run (R50.3)."""
DELETED_WATCH = timedelta(hours=24)
"""A deleted rollout's members inside Upgrade or Rollback are watched this long (R16.2)."""
JOB_REMOVAL = timedelta(minutes=10)
"""A run waits this long after its end for its Job to leave the cluster (R47.4)."""
IMPORT_OFF = timedelta(hours=24)
"""disable-auto-import that outlives its member's end by this is reported with a Warning (R14.4)."""
MAX_PAUSE = timedelta(hours=24)
"""What was paused is resumed after this time even while the cluster's action goes on, or is not
seen: nodes whose pool is paused get no new certificates (R48)."""
DETAILS_TIME = timedelta(minutes=5)
"""The time in which a failure may get its details. Agents that poll report every two minutes."""
UNREAD_INTERVAL = timedelta(minutes=1)
"""What waits for an object that can't be read is checked so often: no watch tells of its
deletion."""
MAX_ROLLBACK_WINDOW = timedelta(days=400)
"""A rollback deadline further ahead is not believed: it keeps the cluster's stage work (R15.3)."""


def passed(since: datetime, span: timedelta, now: datetime) -> bool:
    """Whether this much time has passed. A `since` in the future comes from a clock that was set
    back and counts as long ago."""
    return not timedelta() <= now - since < span
