"""Judges how a run goes, from feedback that speaks for it (R7.2, R10.1)."""

from ibgu.core.drivers.ibu.observe.ibu_state import (
    completed,
    detail,
    last_words,
    rollback_requested,
)
from ibgu.core.drivers.ibu.observe.ibu_view import IbuView
from ibgu.core.engine.driver import Verdict, VerdictKind
from ibgu.core.model import Action, Cause, Stage

SUCCEEDED = Verdict(VerdictKind.SUCCEEDED)

IDLE_FAILURES = {"AbortFailed": Cause.ABORT_FAILED, "FinalizeFailed": Cause.FINALIZE_FAILED}
"""Reason of Idle=False -> cause."""

_CAUSES = {
    Stage.PREP: Cause.PREP_FAILED,
    Stage.UPGRADE: Cause.UPGRADE_FAILED,
    Stage.ROLLBACK: Cause.ROLLBACK_FAILED,
}


def verdict(ibu: IbuView, action: Action) -> Verdict:
    """Returns the verdict; only for feedback that speaks for the run (`evidence.speaks_for`)."""
    stage = action.stage
    done = completed(ibu, stage)
    if done.true:
        return SUCCEEDED
    if cause := _failure(ibu, stage):
        return Verdict(VerdictKind.FAILED, cause, detail(ibu, stage))
    return Verdict(VerdictKind.RUNNING, message=last_words(ibu, stage))


def _failure(ibu: IbuView, stage: Stage) -> Cause | None:
    if stage is Stage.IDLE:
        return IDLE_FAILURES.get(ibu.idle.reason) if ibu.idle.false else None
    if not completed(ibu, stage).false:
        return None
    if stage is Stage.UPGRADE and rollback_requested(ibu):
        return None
    return _CAUSES[stage]
