"""Finds clusters of which parts may be paused though the journal knows of no pause (R31, R48)."""

from collections.abc import Iterator
from datetime import datetime

from ibgu.core.engine.driver import Driver
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.engine.works.trace import Trace
from ibgu.core.model import Finished, Kind, OnMember, Rollout, traits
from ibgu.core.model.transitions import import_pause
from ibgu.core.recover.found import FoundRollout


def may_be_paused(driver: Driver, rollout: Rollout, trace: Trace) -> bool:
    """Returns whether parts of the cluster are, or may be, paused for the rollout: its agent may
    have carried out an armed run that it has not reported yet."""
    if traits(trace.action).pauses and trace.work.armed:
        return driver.pauses(rollout)
    seen = trace.work.feedback
    return seen is not None and bool(seen.paused_for(rollout.uid))


def paused_again(
    driver: Driver, tracked: TrackedRollout, found: FoundRollout, now: datetime
) -> Iterator[OnMember]:
    """Yields the clusters whose agents may carry out once more what a restored hub brought back:
    a work that pauses, of which the rollout has resumed everything since (R48.2)."""
    for cluster, trace in sorted(found.traces.items()):
        member = _newest_finished(tracked, cluster)
        if member is None or tracked.paused(cluster):
            continue
        if may_be_paused(driver, tracked.rollout, trace):
            words = "the restored hub had a work that pauses parts of the cluster"
            yield OnMember(Kind.PAUSED_AGAIN, import_pause(member, now), words)


def _newest_finished(tracked: TrackedRollout, cluster: str) -> Finished | None:
    for step in reversed(tracked.steps):
        member = step.members.get(cluster)
        if isinstance(member, Finished):
            return member
    return None
