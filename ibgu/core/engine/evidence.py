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
        ibu_applied=False,
        ibu_available="",
        ibu_message="",
        ibu=None,
    )


def speaks_for(work: WorkView, run: Run) -> bool:
    """Whether the feedback shows how this run goes: current, unfrozen, of this very run (R7.2).

    An action that TALM began carries no run; there any feedback is as good as TALM's own, and more
    recent.
    """
    ibu = work.ibu
    return (
        work.settled
        and not work.edited
        and ibu is not None
        and ibu.current
        and (run.adopted or ibu.run == run.id)
        and ibu.stage == run.action.stage
    )


def accepted(work: WorkView, run: Run) -> bool:
    """Whether the cluster has taken the stage from this run (R9.1).

    Whether the Lifecycle Agent has seen it yet does not matter: the stage is the cluster's own from
    here on.
    """
    ibu = work.ibu
    return (
        work.applied
        and work.ibu_applied
        and ibu is not None
        and ibu.run == run.id
        and ibu.stage == run.action.stage
    )


def answers(work: WorkView, probe: Probe) -> bool:
    """Whether the cluster was read after the probe was sent, and its state is settled (R8.2)."""
    ibu = work.ibu
    return work.settled and ibu is not None and ibu.current and probe.id in ibu.probes
