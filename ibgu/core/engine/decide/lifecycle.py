"""The changes of a rollout and of a step: one function for each."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from ibgu.core.model import Reason, Rollout, RolloutState, Step, StepState
from ibgu.core.model.follow_ups import StepFollowUps
from ibgu.core.model.grants import AskedApproval, Grants
from ibgu.core.model.kinds import RolloutSpec
from ibgu.core.model.preflight import PreflightRecord

# -- rollouts ----------------------------------------------------------------------------------


def delete_rollout(rollout: Rollout, now: datetime) -> Rollout:
    return replace(rollout, state=RolloutState.DELETED, deleted_at=now, hold=None)


def start_rollout(rollout: Rollout, started_at: datetime) -> Rollout:
    return replace(rollout, state=RolloutState.RUNNING, started_at=started_at)


def complete_rollout(rollout: Rollout, now: datetime) -> Rollout:
    return replace(rollout, state=RolloutState.COMPLETE, completed_at=now)


def continue_rollout(rollout: Rollout) -> Rollout:
    """Returns the complete rollout as running again: its plan has grown."""
    return replace(rollout, state=RolloutState.RUNNING, completed_at=None)


def accept_plan(
    rollout: Rollout,
    spec: RolloutSpec,
    generation: int,
    annotations: dict[str, str],
    hold: Reason | None,
) -> Rollout:
    return replace(rollout, spec=spec, generation=generation, annotations=annotations, hold=hold)


def refuse_plan(rollout: Rollout, generation: int, hold: Reason) -> Rollout:
    """Returns the rollout held for the plan of this generation; the accepted one stays."""
    return replace(rollout, generation=generation, hold=hold)


def accept_annotations(rollout: Rollout, annotations: dict[str, str]) -> Rollout:
    return replace(rollout, annotations=annotations)


def accept_controls(rollout: Rollout, controls: dict[str, str]) -> Rollout:
    return replace(rollout, controls=controls)


def set_grants(rollout: Rollout, grants: Grants) -> Rollout:
    return replace(rollout, grants=grants)


def ask_approvals(rollout: Rollout, asked: tuple[AskedApproval, ...]) -> Rollout:
    return replace(rollout, grants=replace(rollout.grants, asked=asked))


def hold_rollout(
    rollout: Rollout,
    hold: Reason,
    controls: dict[str, str],
    adopting_since: datetime | None,
) -> Rollout:
    return replace(rollout, hold=hold, controls=controls, adopting_since=adopting_since)


def release_rollout(rollout: Rollout) -> Rollout:
    """Returns the rollout without hold; nothing of TALM's is left to remove."""
    return replace(rollout, hold=None, adopting_since=None)


def adopt_rollout(rollout: Rollout, hold: Reason, now: datetime) -> Rollout:
    """Returns the rollout held until what TALM has left is removed."""
    return replace(rollout, hold=hold, adopting_since=now)


def hold_restored(rollout: Rollout, hold: Reason, mark: str, controls: dict[str, str]) -> Rollout:
    """Returns the rollout held after a restore; `mark`: what works carry that are written since."""
    return replace(rollout, hold=hold, restore=mark, controls=controls)


def resume_restored(rollout: Rollout, controls: dict[str, str]) -> Rollout:
    """Returns the restored rollout without hold. Its plan is checked again: an earlier hold may
    have been another one."""
    return replace(rollout, controls=controls, hold=None, generation=0)


# -- steps -------------------------------------------------------------------------------------


def start_step(step: Step, total: int, payload_digest: str, now: datetime) -> Step:
    return replace(
        step,
        state=StepState.RUNNING,
        started_at=now,
        total=total,
        hold=None,
        payload_digest=payload_digest,
    )


def finish_step(step: Step, now: datetime) -> Step:
    return replace(step, state=StepState.FINISHED, finished_at=now, hold=None, stopped_since=None)


def set_hold(step: Step, hold: Reason | None) -> Step:
    return replace(step, hold=hold)


def keep_findings(step: Step, found: PreflightRecord) -> Step:
    return replace(step, preflight=found)


def follow_up(step: Step, follow_ups: StepFollowUps) -> Step:
    return replace(step, follow_ups=follow_ups)


def stop_clock(step: Step, now: datetime) -> Step:
    return replace(step, stopped_since=now)


def run_clock(step: Step, stopped: timedelta) -> Step:
    """Returns the step whose clock runs, after it has stood for so long in all."""
    return replace(step, stopped=stopped, stopped_since=None)
