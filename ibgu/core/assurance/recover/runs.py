"""Builds records of runs that only stage works show."""

from datetime import datetime

from msgspec.structs import replace

from ibgu.core.assurance.recover.trace import Trace
from ibgu.core.engine.decide.transitions import ended_run
from ibgu.core.model import Accepted, Ended, Outcome, Run, RunResult

FROM_HUB = "imported from the hub"

_RESULTS = {
    Outcome.SUCCEEDED: RunResult.SUCCEEDED,
    Outcome.FAILED: RunResult.FAILED,
    Outcome.CANCELLED: RunResult.PREEMPTED,
    Outcome.SKIPPED: RunResult.WITHDRAWN,
}


def ended(trace: Trace, now: datetime, result: RunResult, *, disarmed: bool = True) -> Ended:
    """Returns an ended run; of its times the hub shows only the start."""
    began = trace.started or now
    return Ended(
        id=trace.run,
        action=trace.action,
        attempt=trace.attempt,
        intended_at=began,
        arming_at=began,
        ended_at=now,
        result=result,
        message=FROM_HUB,
        disarmed=disarmed,
    )


def taken(trace: Trace, now: datetime) -> Accepted:
    """Returns a run that the cluster echoes; its end is still to come, or to be seen."""
    began = trace.started or now
    return Accepted(
        id=trace.run,
        action=trace.action,
        attempt=trace.attempt,
        intended_at=began,
        arming_at=began,
        armed_at=began,
        accepted_at=now,
        disarmed=False,
    )


def close(run: Run, now: datetime, result: RunResult) -> Ended:
    """Ends a run that is open in the journal; a known result stays."""
    over = run if isinstance(run, Ended) else ended_run(run, result, now)
    return replace(over, message=over.message or FROM_HUB, disarmed=True)


def last_run(run: Run | None, trace: Trace | None, now: datetime, outcome: Outcome) -> Ended | None:
    """Returns the newest run of a member that has finished with the outcome."""
    if trace is not None:
        return ended(trace, now, trace.outcome or _RESULTS[outcome])
    return close(run, now, _RESULTS[outcome]) if run is not None else None
