"""Builds records of runs that only stage works show."""

from datetime import datetime

from ibgu.core.engine.works.trace import Trace
from ibgu.core.model import Accepted, Arming, Cause, Ended, Outcome, Run, RunResult
from ibgu.core.model.run_transitions import (
    accepted_run,
    armed_run,
    arming_run,
    closed_run,
    ended_run,
    intended_run,
)

FROM_HUB = "imported from the hub"

_RESULTS = {
    Outcome.SUCCEEDED: RunResult.SUCCEEDED,
    Outcome.FAILED: RunResult.FAILED,
    Outcome.CANCELLED: RunResult.PREEMPTED,
    Outcome.SKIPPED: RunResult.WITHDRAWN,
}


def closed(trace: Trace, now: datetime, result: RunResult) -> Ended:
    """Returns the run as ended and disarmed; of its times the hub shows only the start. `now`: when
    it had ended at the latest."""
    arming = _arming(trace, now)
    return closed_run(arming, result, max(now, arming.arming_at), FROM_HUB)


def withdrawn(trace: Trace, now: datetime) -> Ended:
    """Returns the run as withdrawn; its work is still armed."""
    return ended_run(_arming(trace, now), RunResult.WITHDRAWN, now, message=FROM_HUB)


def taken(trace: Trace, now: datetime) -> Accepted:
    """Returns the run that the cluster echoes; its end is still to come, or to be seen."""
    arming = _arming(trace, now)
    return accepted_run(armed_run(arming, None, arming.arming_at), None, now)


def _arming(trace: Trace, now: datetime) -> Arming:
    began = trace.started or now
    return arming_run(intended_run(trace.run, trace.action, trace.attempt, began), began)


def last_run(
    run: Run | None, trace: Trace | None, now: datetime, outcome: Outcome, cause: Cause | None
) -> Ended | None:
    """Returns the newest run of a member that has finished with the outcome, for this cause."""
    result = RunResult.TAKEN_OVER if cause is Cause.TAKEN_OVER else _RESULTS[outcome]
    if trace is not None:
        return closed(trace, now, trace.outcome or result)
    return closed_run(run, result, now, FROM_HUB) if run is not None else None
