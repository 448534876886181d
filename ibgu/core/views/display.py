"""One word for where a member stands, and its decisive reason: the same on every surface."""

from enum import StrEnum

from ibgu.core.engine.gates import HOLDS
from ibgu.core.engine.gates.registry import stops_all
from ibgu.core.model import Member, MemberState, Outcome, Reason, ReasonKind, completed_late


class DisplayState(StrEnum):
    """The word for a member; each has one colour and one symbol wherever it is shown."""

    WAITING = "waiting"
    PROBING = "probing"
    RUNNING = "running"
    REBOOTING = "rebooting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    HELD = "held"
    TAKEN_OVER = "takenOver"


STARTABLE = frozenset(
    {ReasonKind.SLOT, ReasonKind.PROBING, ReasonKind.READY, ReasonKind.START_JITTER}
)
"""Reasons of a waiting member that starts unless a hold keeps it."""

_IN_FLIGHT: dict[str | None, DisplayState] = {
    ReasonKind.REBOOTING: DisplayState.REBOOTING,
    ReasonKind.DIVERGED: DisplayState.TAKEN_OVER,
}


def reason_of(member: Member, hold: Reason | None) -> Reason | None:
    """Returns the reason why the member has not finished (R17.1); None: it is finished."""
    if member.finished:
        return None
    if hold is not None and startable(member.state, member.reason.kind):
        return hold
    return member.reason


def startable(state: str, kind: str) -> bool:
    """Whether only a hold can keep a member with this state and reason of its own."""
    return state == MemberState.WAITING and kind in STARTABLE


def word_of(member: Member, hold: Reason | None) -> DisplayState:
    late = completed_late(member.outcome, member.late)
    return word(member.state, member.reason.kind, member.outcome, late, held=stops_all(hold))


def word(
    state: str,
    kind: str | None,
    outcome: str | None,
    late: bool = False,
    *,
    held: bool,
) -> DisplayState:
    """Returns the word from the plain values of a row; `held`: its step or its rollout is. `late`:
    a failed member has completed its action since."""
    if outcome == Outcome.FAILED and late:
        return DisplayState.SUCCEEDED
    if outcome is not None:
        return _OUTCOMES[outcome]
    if kind in HOLDS:
        return DisplayState.HELD
    if state == MemberState.IN_FLIGHT:
        return _IN_FLIGHT.get(kind, DisplayState.RUNNING)
    if held and kind in STARTABLE:
        return DisplayState.HELD
    return DisplayState.PROBING if kind == ReasonKind.PROBING else DisplayState.WAITING


_OUTCOMES: dict[str, DisplayState] = {outcome: DisplayState(outcome.value) for outcome in Outcome}
