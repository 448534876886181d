"""The proofs in a work's feedback, whatever kind of object reports it (R7, R8, R9)."""

from datetime import datetime

from msgspec.structs import replace

from ibgu.core.engine.driver import Driver, Judgement, JudgementKind
from ibgu.core.engine.timing.times import MAX_ROLLBACK_WINDOW
from ibgu.core.model import ActionName, Cause, FeedbackView, Probe, Rollout, Run, WorkView, traits
from ibgu.core.text.spans import utc


def proven(work: WorkView | None, restore: str) -> WorkView | None:
    """Returns the view without feedback that proves nothing: a work from before a restore may show
    any time's feedback."""
    if work is None or work.restore == restore:
        return work
    return replace(
        work,
        applied=False,
        apply_error="",
        target_applied=False,
        target_available="",
        target_message="",
        feedback=None,
    )


def is_evidence_for(work: WorkView, run: Run) -> bool:
    """Whether the feedback shows how this run goes: current, unfrozen, of this very run (R7.2).

    An action that TALM began carries no run; there any feedback is as good as TALM's own, and more
    recent.
    """
    feedback = work.current_feedback
    return (
        feedback is not None
        and not work.edited
        and (run.adopted or feedback.run == run.id)
        and feedback.stage == traits(run.action).stage
    )


def accepted(work: WorkView, run: Run) -> bool:
    """Whether the cluster has accepted the stage from this run (R9.1).

    Whether the agent there has acted on it yet does not matter: the stage is the cluster's own from
    here on.
    """
    feedback = work.feedback
    return (
        work.applied
        and work.target_applied
        and feedback is not None
        and feedback.run == run.id
        and feedback.stage == traits(run.action).stage
    )


def open_until(until: datetime | None, now: datetime) -> datetime | None:
    """Returns the rollback deadline, unless it has passed or is too far ahead to be one."""
    if until is None or not now < until <= now + MAX_ROLLBACK_WINDOW:
        return None
    return until


def judged(
    driver: Driver, feedback: FeedbackView, action: ActionName, rollout: Rollout, now: datetime
) -> Judgement:
    """Judges whether the action may start: the driver by the cluster's state, and one that expires
    by its deadline, too (R8.9)."""
    found = driver.judge(feedback, action, rollout)
    until = feedback.rollback_until if traits(action).expires else None
    if found.kind is not JudgementKind.STARTABLE or until is None or now < until:
        return found
    words = f"{action} was possible until {utc(until)} only"
    return Judgement(kind=JudgementKind.FAILED, cause=Cause.WRONG_STATE, message=words)


def answers(work: WorkView, probe: Probe) -> bool:
    """Whether the cluster was read after the probe was sent, and shows its present state (R8.2)."""
    feedback = work.current_feedback
    return feedback is not None and probe.id in feedback.probes
