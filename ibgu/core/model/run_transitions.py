"""The transitions of a run: one function for each state that it reaches (R23.4)."""

from datetime import datetime

from msgspec.structs import replace

from ibgu.core.model import (
    Accepted,
    ActionName,
    Armed,
    Arming,
    Cause,
    Ended,
    Intended,
    OpenRun,
    Run,
    RunResult,
)


def intended_run(run_id: str, action: ActionName, attempt: int, now: datetime) -> Intended:
    """Returns a new run of the action."""
    return Intended(id=run_id, action=action, attempt=attempt, intended_at=now)


def arming_run(run: Intended, now: datetime) -> Arming:
    """Returns the run whose stage work is to be armed."""
    return Arming(
        id=run.id,
        action=run.action,
        attempt=run.attempt,
        intended_at=run.intended_at,
        arming_at=now,
    )


def armed_run(run: Arming, generation: int | None, now: datetime) -> Armed:
    """Returns the run whose armed work the hub has, at this generation of the work."""
    return Armed(
        id=run.id,
        action=run.action,
        attempt=run.attempt,
        intended_at=run.intended_at,
        arming_at=run.arming_at,
        armed_at=now,
        disarmed=run.disarmed,
        armed_generation=generation,
    )


def accepted_run(run: Arming | Armed, generation: int | None, now: datetime) -> Accepted:
    """Returns the run that the cluster has accepted, in the work of this generation at the
    latest."""
    return Accepted(
        id=run.id,
        action=run.action,
        attempt=run.attempt,
        intended_at=run.intended_at,
        arming_at=run.arming_at,
        armed_at=run.armed_at or now,
        accepted_at=now,
        disarmed=run.disarmed,
        armed_generation=run.armed_generation or generation,
    )


def adopted_run(run: Intended, accepted_at: datetime | None) -> Accepted:
    """Returns the run as TALM has begun it; `accepted_at`: None if it is unknown whether TALM's
    work has reached the cluster (R20.4)."""
    return Accepted(
        id=run.id,
        action=run.action,
        attempt=run.attempt,
        intended_at=run.intended_at,
        arming_at=accepted_at,
        armed_at=accepted_at,
        accepted_at=accepted_at,
        adopted=True,
    )


def reopened_run(run: Ended, now: datetime) -> Accepted:
    """Returns the withdrawn run as open: the cluster has accepted it after all (R9.5)."""
    return Accepted(
        id=run.id,
        action=run.action,
        attempt=run.attempt,
        intended_at=run.intended_at,
        arming_at=run.arming_at,
        armed_at=run.armed_at or run.arming_at,
        accepted_at=now,
        disarmed=run.disarmed,
        adopted=run.adopted,
        armed_generation=run.armed_generation,
    )


def ended_run(
    run: OpenRun,
    result: RunResult,
    now: datetime,
    cause: Cause | None = None,
    message: str = "",
) -> Ended:
    """Returns the run as ended, with the times that it had reached."""
    return Ended(
        id=run.id,
        action=run.action,
        attempt=run.attempt,
        intended_at=run.intended_at,
        arming_at=run.arming_at,
        armed_at=run.armed_at,
        accepted_at=run.accepted_at,
        ended_at=now,
        result=result,
        cause=cause,
        message=message,
        disarmed=run.disarmed,
        adopted=run.adopted,
        armed_generation=run.armed_generation,
    )


def closed_run(run: Run, result: RunResult, now: datetime, message: str) -> Ended:
    """Returns the run as ended and disarmed; what is known of its end stays."""
    over = run if isinstance(run, Ended) else ended_run(run, result, now)
    return replace(over, message=over.message or message, disarmed=True)
