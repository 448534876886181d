"""Effective reasons, phases and known failures: the same words in every answer."""

from ibgu.api.schemas.rollouts import Phase
from ibgu.core.failures import Known, explain
from ibgu.core.model import (
    Action,
    Member,
    MemberState,
    Reason,
    ReasonKind,
    Rollout,
    RolloutState,
    Step,
    StepState,
)

_STARTABLE = frozenset({ReasonKind.SLOT, ReasonKind.LOOKING, ReasonKind.READY})

_PHASES = {
    RolloutState.PENDING: Phase.PENDING,
    RolloutState.COMPLETE: Phase.COMPLETED,
    RolloutState.HELD: Phase.HELD,
    RolloutState.DELETED: Phase.DELETED,
}


def phase_of(rollout: Rollout, step: Step | None) -> Phase:
    """As in the IBGU's status; a deleted rollout is the API's own to tell."""
    hold = hold_of(rollout, step)
    if rollout.state is RolloutState.DELETED or hold is None:
        return _PHASES.get(rollout.state, Phase.RUNNING)
    return Phase.INVALID if hold.kind is ReasonKind.INVALID_PLAN else Phase.HELD


def hold_of(rollout: Rollout, step: Step | None) -> Reason | None:
    """Why nothing new starts; `step` is the newest one."""
    unfinished = step is not None and step.state is not StepState.FINISHED
    return rollout.hold or (step.hold if step is not None and unfinished else None)


def reason_of(member: Member, hold: Reason | None) -> Reason | None:
    """The one reason why it is not further (R17); None: it is finished."""
    if member.finished:
        return None
    return (
        hold if hold is not None and startable(member.state, member.reason.kind) else member.reason
    )


def startable(state: MemberState, kind: ReasonKind) -> bool:
    """A member with such a reason would start if nothing held it."""
    return state is MemberState.WAITING and kind in _STARTABLE


def known_failure(action: Action | None, message: str) -> Known | None:
    return explain(action, message) if action is not None and message else None
