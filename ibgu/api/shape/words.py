"""Effective reasons and known failures: the same words in every answer."""

from ibgu.core.failures import Known, explain
from ibgu.core.model import (
    Action,
    Member,
    MemberState,
    Reason,
    ReasonKind,
)

_STARTABLE = frozenset({ReasonKind.SLOT, ReasonKind.LOOKING, ReasonKind.READY})


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
