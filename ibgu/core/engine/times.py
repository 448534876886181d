"""The engine's durations, with their rules."""

from datetime import datetime, timedelta

from ibgu.core.model.bounds import int32
from ibgu.core.model.kinds import IbuSpec

SETTLE = timedelta(minutes=2)
"""A symptom on a reachable cluster must stand this long before it ends a run or a member."""
ECHO = timedelta(seconds=60)
"""An unreachable cluster that has not echoed a run after this time gets it withdrawn (R9.3)."""
PROBE_TIMEOUT = timedelta(seconds=60)
PROBE_GRACE = timedelta(seconds=1)
"""A free slot is kept this long for a member that is being probed (R4.2); agents take 30 ms."""
PROBE_RETRY = timedelta(minutes=10)
PROBE_FRESH = timedelta(seconds=10)
"""Abort and AbortOnFailure arm only on a probe younger than this (R9.4)."""
WATCH = timedelta(days=7)
"""How long a late completion is watched for after the last step's end (R15.1)."""
PART = timedelta(hours=24)
"""A deleted rollout's members inside Upgrade or Rollback are watched this long (R16.2)."""
IMPORT_OFF = timedelta(hours=24)
"""disable-auto-import that outlives its member's end by this is reported with a Warning (R14.4)."""
ROLLBACK_MARGIN = timedelta(minutes=15)
"""The time of an automatic rollback beyond the init monitor's timeout (R11.5)."""
INIT_MONITOR = timedelta(seconds=1800)
"""Lifecycle Agent's default init monitor timeout."""


def init_monitor(ibu: IbuSpec) -> timedelta:
    """Returns how long a cluster may take to be healthy after its reboot, before it rolls back."""
    rollback = ibu.auto_rollback_on_failure
    seconds = int32(rollback.init_monitor_timeout_seconds) if rollback else 0
    return timedelta(seconds=seconds) if seconds > 0 else INIT_MONITOR


def passed(since: datetime, span: timedelta, now: datetime) -> bool:
    """Whether this much time has passed. A `since` in the future comes from a clock that was set
    back and counts as long ago."""
    return not timedelta() <= now - since < span
