"""The proofs in the feedback of TALM's works: R7 and R10, as far as TALM's feedback rules reach.

TALM asks for neither stage nor generation, but creates a new work for each action, so that values
of an earlier action can't be mistaken for it. The messages of the running stage never arrive.
"""

from datetime import datetime

from ibgu.core.assurance.shadow.records import (
    ShadowOutcome,
    ShadowRun,
    ShadowVerdict,
    Symptom,
    SymptomKind,
)
from ibgu.core.drivers import traits
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.failures import ApplyError, Failure, classify, explain, refused_field
from ibgu.core.drivers.ibu.observe.ibu_state import ROLLBACK_REQUESTED
from ibgu.core.engine.timing.times import SETTLE
from ibgu.core.model import ActionName, Cause
from ibgu.core.talm import TalmWork

_CAUSES = {
    Stage.PREP: Cause.PREP_FAILED,
    Stage.UPGRADE: Cause.UPGRADE_FAILED,
    Stage.ROLLBACK: Cause.ROLLBACK_FAILED,
}
_STUCK = frozenset(
    {Failure.STATEROOTS_NOT_REMOVED, Failure.BACKUPS_NOT_DELETED, Failure.CLEANUP_FAILED}
)
"""Messages that occur only with AbortFailed and FinalizeFailed, whose reasons do not arrive."""
_APPLY = {
    ApplyError.ABSENT: SymptomKind.ABSENT,
    ApplyError.REFUSED_SPEC: SymptomKind.SPEC,
    ApplyError.REFUSED_TRANSITION: SymptomKind.TRANSITION,
}
_SYMPTOMS = {
    SymptomKind.ABSENT: Cause.AGENT_ABSENT,
    SymptomKind.SPEC: Cause.SPEC_REFUSED,
    SymptomKind.TRANSITION: Cause.TRANSITION_REFUSED,
    SymptomKind.PAYLOAD: Cause.PAYLOAD_REFUSED,
}


def conclude(run: ShadowRun, work: TalmWork, now: datetime) -> ShadowOutcome | None:
    """Returns the end of the action; for a reachable cluster only, as frozen feedback proves
    nothing. None: not ended yet."""
    if work.up_to_date and work.value == "True":
        return ShadowOutcome(ShadowVerdict.SUCCEEDED, now)
    if work.up_to_date and (cause := _failure(run.action, work)):
        return ShadowOutcome(ShadowVerdict.FAILED, now, cause, work.words)
    symptom = run.symptom
    if symptom is not None and now >= symptom.since + SETTLE:
        return ShadowOutcome(ShadowVerdict.FAILED, now, _SYMPTOMS[symptom.kind], symptom.message)
    return None


def _failure(action: ActionName, work: TalmWork) -> Cause | None:
    if work.value != "False":
        return None
    if traits(action).stage == Stage.IDLE:
        return _stuck(action, work.words)
    if traits(action).stage == Stage.UPGRADE and ROLLBACK_REQUESTED in work.words:
        return None
    return _CAUSES[Stage(traits(action).stage)]


def _stuck(action: ActionName, words: str) -> Cause | None:
    """Returns the cause of a failure on the way to Idle. Idle is False also while all goes well;
    only known messages show a failure."""
    known = explain(action, words)
    if known is None or known.name not in _STUCK:
        return None
    return Cause.ABORT_FAILED if traits(action).aborts else Cause.FINALIZE_FAILED


def symptom_of(run: ShadowRun, work: TalmWork, now: datetime) -> Symptom | None:
    """Returns what the cluster refuses; the same kind keeps its `since`."""
    found = _symptom(work)
    if found is None:
        return None
    kind, message = found
    old = run.symptom
    return Symptom(kind, old.since if old and old.kind is kind else now, message)


def _symptom(work: TalmWork) -> tuple[SymptomKind, str] | None:
    error = work.stage_error
    kind = _APPLY.get(classify(error)) if error else None
    if kind is SymptomKind.SPEC:
        return kind, f"the cluster refused spec.{refused_field(error)}: {error}"
    if kind is not None:
        return kind, error
    if work.payload_error:
        return SymptomKind.PAYLOAD, f"payload refused: {work.payload_error}"
    return None
