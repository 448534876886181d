"""Tells a rollout that only waits from one that moves: the phase of both is Running."""

from collections.abc import Iterable

from msgspec import Struct

from ibgu.core.engine.gates.registry import GATE_REASONS, RATE_LIMITS
from ibgu.core.model import MemberState, ReasonKind
from ibgu.core.views.display import STARTABLE

_STARTS_IN_TURN = STARTABLE | RATE_LIMITS | {ReasonKind.REOPENING}
"""Reasons of waiting members that start without anybody's doing, in their turn or a moment
later."""
_MOVES = _STARTS_IN_TURN | {ReasonKind.REBOOTING}
"""Those, and that of members which may have taken an Upgrade that was withdrawn from them: their
clusters may reboot for it now (R12.1)."""


class Unfinished(Struct, frozen=True):
    """Unfinished counts the members of a step that have not finished, by their own reason."""

    state: MemberState
    kind: ReasonKind
    count: int


def only_waits(found: Iterable[Unfinished], slots: int) -> bool:
    """Whether members are left, none of them is at work or may be, and none starts in its turn.

    `slots`: of the step. A member that a gate keeps between two actions has a slot and is not at
    work. Where such members have all slots, those that wait for a slot wait for the same gates.
    """
    waiting, kept_in_flight = set[ReasonKind](), 0
    for each in found:
        if each.state is not MemberState.IN_FLIGHT:
            waiting.add(each.kind)
        elif each.kind in GATE_REASONS:
            kept_in_flight += each.count
        else:
            return False
    if kept_in_flight >= slots:
        waiting.discard(ReasonKind.SLOT)
    return bool(waiting or kept_in_flight) and not waiting & _MOVES
