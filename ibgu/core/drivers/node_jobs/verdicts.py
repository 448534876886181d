"""Verdicts on actions that a Job does, by the work that brings the Job."""

from collections.abc import Mapping
from datetime import timedelta

from msgspec import Struct

from ibgu.core.drivers.node_jobs import backup
from ibgu.core.drivers.node_jobs.jobs import JobState, state_of_job, words_of_failure
from ibgu.core.engine.driver import Verdict, VerdictKind
from ibgu.core.model import Cause, WorkView

_GRACE = timedelta(minutes=2)
"""A cluster may take the Job's objects after all: a namespace of an earlier Job is still going."""
_WORDS: Mapping[str, str] = {
    JobState.PREPARING_TO_START: "the cluster does not report the Job yet",
    JobState.STARTING: "the pod of the Job does not run yet",
    JobState.ACTIVE: "the Job runs",
}


class JobFailures(Struct, frozen=True, kw_only=True):
    """The failures of a kind of Job."""

    timeout: JobState
    """The state of one that has taken too long."""
    exits: Mapping[str, str]
    """What the exit codes of its script say."""
    cause: Cause


BACKUP_FAILURES = JobFailures(
    timeout=JobState.BACKUP_TIMEOUT, exits=backup.EXITS, cause=Cause.BACKUP_FAILED
)


def verdict_by_job(work: WorkView, failures: JobFailures) -> Verdict:
    """Returns how the action goes by the work that brings its Job."""
    job = work.job
    state = state_of_job(job, failures.timeout)
    if job is not None and state is JobState.SUCCEEDED:
        return Verdict(VerdictKind.SUCCEEDED, job_completed=job.completed)
    if job is not None and state.failed:
        words = f"{state}: {words_of_failure(job, failures.exits)}"
        return Verdict(VerdictKind.FAILED, failures.cause, words)
    if work.apply_error:
        words = f"the cluster does not take the Job: {work.apply_error}"
        return Verdict(VerdictKind.FAILED, failures.cause, words, _GRACE)
    words = (job.report if job else "") or _WORDS[state]
    return Verdict(VerdictKind.RUNNING, message=f"{state}: {words}")
