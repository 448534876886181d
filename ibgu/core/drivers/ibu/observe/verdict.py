"""Judges how a run goes, from feedback that speaks for it (R7.2, R10.1)."""

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.drivers.ibu.observe.ibu_state import (
    completed,
    detail,
    last_words,
    rollback_requested,
)
from ibgu.core.drivers.ibu.observe.ibu_view import IbuView
from ibgu.core.engine.driver import Verdict, VerdictKind
from ibgu.core.model import Cause, Rollout

SUCCEEDED = Verdict(VerdictKind.SUCCEEDED)

IDLE_FAILURES = {"AbortFailed": Cause.ABORT_FAILED, "FinalizeFailed": Cause.FINALIZE_FAILED}
"""Reason of Idle=False -> cause."""
CLEANUPS = {
    Cause.ABORT_FAILED: (Action.ABORT, Action.ABORT_ON_FAILURE),
    Cause.FINALIZE_FAILED: (Action.FINALIZE_UPGRADE, Action.FINALIZE_ROLLBACK),
}
"""Cause -> the actions that the cluster repeats once a person has cleaned up (R45.2)."""

_CAUSES = {
    Stage.PREP: Cause.PREP_FAILED,
    Stage.UPGRADE: Cause.UPGRADE_FAILED,
    Stage.ROLLBACK: Cause.ROLLBACK_FAILED,
}


def verdict(ibu: IbuView, action: Action, rollout: Rollout) -> Verdict:
    """Returns the verdict; only for feedback that `evidence.is_evidence_for` the run."""
    stage = action.stage
    done = completed(ibu, stage)
    if done.true:
        return SUCCEEDED
    if cause := _failure(ibu, stage, rollout):
        return Verdict(VerdictKind.FAILED, cause, detail(ibu, stage))
    return Verdict(VerdictKind.RUNNING, message=last_words(ibu, stage))


def _failure(ibu: IbuView, stage: Stage, rollout: Rollout) -> Cause | None:
    if stage == Stage.IDLE:
        return _idle_failure(ibu, rollout)
    if not completed(ibu, stage).false:
        return None
    if stage == Stage.UPGRADE and rollback_requested(ibu):
        return None
    if stage == Stage.UPGRADE and Stage.ROLLBACK in ibu.next_stages:
        return Cause.UPGRADE_FAILED_AFTER_PIVOT
    return _CAUSES[stage]


def repeats_cleanup(ibu: IbuView, action: Action, rollout: Rollout) -> bool:
    """Whether the cluster waits for a person's word that it was cleaned up by hand, the rollout has
    it, and the action is the one that failed (R45.2)."""
    cause = IDLE_FAILURES.get(ibu.idle.reason) if ibu.idle.false else None
    return cause is not None and rollout.manual_cleanup_done and action in CLEANUPS[cause]


def _idle_failure(ibu: IbuView, rollout: Rollout) -> Cause | None:
    """Returns why the cluster is not Idle. After a clean-up by hand that is no new failure: the
    Lifecycle Agent shows the old one until it has cleaned up, and a second one looks alike."""
    if rollout.manual_cleanup_done or not ibu.idle.false:
        return None
    return IDLE_FAILURES.get(ibu.idle.reason)
