"""The proofs in a work's feedback, whatever kind of object reports it (R7, R8, R9)."""

from msgspec.structs import replace

from ibgu.core.model import Probe, Run, WorkView


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


def speaks_for(work: WorkView, run: Run) -> bool:
    """Whether the feedback shows how this run goes: current, unfrozen, of this very run (R7.2).

    An action that TALM began carries no run; there any feedback is as good as TALM's own, and more
    recent.
    """
    feedback = work.current_feedback
    return (
        feedback is not None
        and not work.edited
        and (run.adopted or feedback.run == run.id)
        and feedback.stage == run.action.stage
    )


def accepted(work: WorkView, run: Run) -> bool:
    """Whether the cluster has taken the stage from this run (R9.1).

    Whether the agent there has acted on it yet does not matter: the stage is the cluster's own from
    here on.
    """
    feedback = work.feedback
    return (
        work.applied
        and work.target_applied
        and feedback is not None
        and feedback.run == run.id
        and feedback.stage == run.action.stage
    )


def answers(work: WorkView, probe: Probe) -> bool:
    """Whether the cluster was read after the probe was sent, and shows its present state (R8.2)."""
    feedback = work.current_feedback
    return feedback is not None and probe.id in feedback.probes
