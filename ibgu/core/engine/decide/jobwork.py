"""The job work of one cluster: which run needs it, and when it is gone (R47).

A Job that vanishes while its work is on the hub is made again, in the middle of whatever the
cluster does by then. So the work is there only while its run may still need it.
"""

from datetime import datetime

from ibgu.core.engine.decide.hiddenwork import job_may_be_hidden
from ibgu.core.engine.driver import Driver, Verdict
from ibgu.core.engine.parts import part_hindrance
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.engine.timing.times import JOB_REMOVAL, passed
from ibgu.core.engine.works.evidence import is_evidence_for
from ibgu.core.model import Accepted, Ended, Observation, Run, traits
from ibgu.core.model.bounds import moment


def job_run(
    driver: Driver,
    tracked: TrackedRollout,
    cluster: str,
    seen: Observation,
    *,
    upgrade_backups: bool,
) -> Run | None:
    """Returns the run whose Job the cluster needs; None: any job work is to be deleted.

    A new one is made only while the cluster shows that it has accepted the run: after a restore,
    records may be older than what the cluster does. A part of an action must still be asked for.
    """
    run = _open_job_run(tracked, cluster)
    if run is None or seen.job is not None:
        return run
    work = None if tracked.rollout.stands_still else seen.stage
    there = seen.cluster is not None and seen.cluster.reachable and not seen.cluster.deleting
    if not there or work is None or not is_evidence_for(work, run):
        return None
    controls = tracked.rollout.controls
    kept = part_hindrance(driver, run.action, controls, upgrade_backups=upgrade_backups)
    return run if kept is None else None


def _open_job_run(tracked: TrackedRollout, cluster: str) -> Accepted | None:
    member = tracked.latest(cluster)
    run = member.run if member is not None else None
    return run if isinstance(run, Accepted) and traits(run.action).runs_job else None


def job_left(run: Ended, seen: Observation, now: datetime) -> bool:
    """Whether the run's Job may still be made (again) on the cluster. No agent makes the Job of a
    work that is being deleted; one that can't be reached, or whose Job does not end, must not keep
    the claim for ever."""
    if seen.job_writing:
        return True
    if seen.job is None:
        return job_may_be_hidden(run, seen)
    return not (seen.job.terminating and passed(run.ended_at, JOB_REMOVAL, now))


def job_made_at(run: Accepted, success: Verdict, now: datetime) -> datetime:
    """Returns since when there is what the run's Job has made.

    The time is the cluster's, whose clock is not trusted: it counts between the run's arming and
    now. An unknown one is as early as it may be, so that no backup passes for a newer one.
    """
    earliest = run.arming_at or run.intended_at
    completed = moment(success.job_completed) or earliest
    return min(max(completed, earliest), now)
