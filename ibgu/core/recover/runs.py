"""Builds records of runs that only stage works show."""

from datetime import datetime

from msgspec.structs import replace

from ibgu.core.model import Outcome, Run, RunResult, RunState
from ibgu.core.recover.trace import Trace

FROM_HUB = "imported from the hub"

_RESULTS = {
    Outcome.SUCCEEDED: RunResult.SUCCEEDED,
    Outcome.FAILED: RunResult.FAILED,
    Outcome.CANCELLED: RunResult.PREEMPTED,
    Outcome.SKIPPED: RunResult.WITHDRAWN,
}


def ended(trace: Trace, now: datetime, result: RunResult) -> Run:
    """Returns an ended run; of its times the hub shows only the start."""
    began = trace.started or now
    return Run(
        id=trace.run,
        action=trace.action,
        attempt=trace.attempt,
        state=RunState.ENDED,
        intended_at=began,
        arming_at=began,
        ended_at=now,
        result=result,
        message=FROM_HUB,
    )


def taken(trace: Trace, now: datetime) -> Run:
    """Returns a run that the cluster echoes; its end is still to come, or to be seen."""
    return replace(
        ended(trace, now, RunResult.WITHDRAWN),
        state=RunState.ACCEPTED,
        armed_at=trace.started or now,
        accepted_at=now,
        ended_at=None,
        result=None,
        disarmed=False,
    )


def close(run: Run, now: datetime, result: RunResult) -> Run:
    """Ends a run that is open in the journal; a known result stays."""
    return replace(
        run,
        state=RunState.ENDED,
        ended_at=run.ended_at or now,
        result=run.result or result,
        message=run.message or FROM_HUB,
        disarmed=True,
    )


def last_run(run: Run | None, trace: Trace | None, now: datetime, outcome: Outcome) -> Run | None:
    """Returns the newest run of a member that has finished with the outcome."""
    if trace is not None:
        return ended(trace, now, trace.outcome or _RESULTS[outcome])
    return close(run, now, _RESULTS[outcome]) if run is not None else None
