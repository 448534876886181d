"""Judges whether an action may start on a cluster in this state (R8.1)."""

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.drivers.ibu.observe import messages as words
from ibgu.core.drivers.ibu.observe.ibu_state import IbuState, ibu_state
from ibgu.core.drivers.ibu.observe.ibu_view import IbuView
from ibgu.core.drivers.ibu.observe.verdict import IDLE_FAILURES, repeats_cleanup
from ibgu.core.engine.driver import Judgement, JudgementKind
from ibgu.core.model import Cause, Rollout, traits
from ibgu.core.model.kinds import RolloutSpec
from ibgu.core.text.cut import cut

STARTABLE = Judgement(kind=JudgementKind.STARTABLE)

_STARTS = {
    Action.PREP: IbuState.IDLE,
    Action.UPGRADE: IbuState.PREPARED,
    Action.FINALIZE_UPGRADE: IbuState.UPGRADED,
    Action.FINALIZE_ROLLBACK: IbuState.ROLLED_BACK,
}
_TARGET_STATES = {
    Action.PREP: {IbuState.PREPARED, IbuState.UPGRADED},
    Action.UPGRADE: {IbuState.UPGRADED},
    Action.ROLLBACK: {IbuState.ROLLED_BACK},
}
_IDLE_STATES = {IbuState.IDLE}
_SEEDED = {IbuState.PREPARED, IbuState.UPGRADED}
_BUSY_REASONS = {"Blocked", "Aborting", "Finalizing"}


def judge(ibu: IbuView, action: Action, rollout: Rollout) -> Judgement:
    """Judges the action by feedback that answers a probe, or is as good as that
    (`engine.works.evidence.answers`)."""
    repeats = repeats_cleanup(ibu, action, rollout)
    return judge_state(ibu, action, rollout.spec, repeats=repeats)


def judge_state(
    ibu: IbuView, action: Action, spec: RolloutSpec, *, repeats: bool = False
) -> Judgement:
    """Judges the action of a plan. `repeats`: it repeats what has failed, after a clean-up by
    hand."""
    return _by_idle(ibu, repeats) or _by_state(ibu, action, spec)


def _by_idle(ibu: IbuView, repeats: bool) -> Judgement | None:
    """Judges a cluster that is busy, or whose way to Idle has failed."""
    for condition in (
        ibu.idle,
        ibu.prep_in_progress,
        ibu.upgrade_in_progress,
        ibu.rollback_in_progress,
    ):
        if condition.false and condition.reason in _BUSY_REASONS:
            return _busy(condition.message or condition.reason)
    if repeats:
        return STARTABLE
    cause = IDLE_FAILURES.get(ibu.idle.reason)
    if ibu.idle.false and cause:
        return _failed(cause, ibu.idle.message or ibu.idle.reason)
    return None


def _by_state(ibu: IbuView, action: Action, spec: RolloutSpec) -> Judgement:
    state = ibu_state(ibu)
    if state is IbuState.UNKNOWN:
        return _busy(words.unsettled(ibu))
    reached = state in _TARGET_STATES.get(action, _IDLE_STATES)
    startable = _startable(ibu, action, state)
    if (reached or startable) and not _seed_fits(ibu, action, state, spec):
        return _failed(Cause.WRONG_STATE, words.other_seed(ibu, action, state, spec))
    if reached:
        return Judgement(kind=JudgementKind.REACHED, note=cut(words.already(ibu, state)))
    if startable:
        return STARTABLE
    if running := words.running(ibu, state):
        return _busy(running)
    cause = Cause.WRONG_STATE
    if (
        traits(action).aborts
        and state is IbuState.UPGRADE_FAILED
        and Stage.ROLLBACK in ibu.next_stages
    ):
        # What comes before tells the way on, and a step that cleans up must not hide it (R45.1).
        cause = Cause.UPGRADE_FAILED_AFTER_PIVOT
    return _failed(cause, words.wrong(ibu, action, state, spec))


def _startable(ibu: IbuView, action: Action, state: IbuState) -> bool:
    if action == Action.ROLLBACK:
        return Stage.ROLLBACK in ibu.next_stages
    if traits(action).aborts:
        # Idle would finalize a completed upgrade or rollback: the way back would be gone.
        over = ibu.upgrade_completed.true or ibu.rollback_completed.true
        return not over and Stage.IDLE in ibu.next_stages
    return state is _STARTS[action]


def _seed_fits(ibu: IbuView, action: Action, state: IbuState, spec: RolloutSpec) -> bool:
    if action not in (Action.PREP, Action.UPGRADE) or state not in _SEEDED:
        return True
    ours = spec.ibu_spec.seed_image_ref
    return (ibu.seed_image, ibu.seed_version) == (ours.image, ours.version)


def _busy(message: str) -> Judgement:
    return Judgement(kind=JudgementKind.BUSY, message=cut(message))


def _failed(cause: Cause, message: str) -> Judgement:
    return Judgement(kind=JudgementKind.FAILED, cause=cause, message=cut(message))
