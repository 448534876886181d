"""Quarantines a rollout that an internal error keeps from being decided on: holds it and says
why."""

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from ibgu.core.engine.decide.transitions import drop_probe
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model import (
    Decision,
    Kind,
    MemberState,
    OnMember,
    OnRollout,
    Reason,
    ReasonKind,
    Rollout,
    RolloutState,
    Who,
)

_STAYS = (ReasonKind.RESTORED, ReasonKind.INVALID_PLAN)
"""Holds that only a person can end, and that the next cycle does not find again."""


def quarantine_rollout(tracked: TrackedRollout, error: str, now: datetime) -> Iterator[Decision]:
    """Yields the decisions that hold the rollout for `error`: what and where, the same text each
    time. A hold that only a person can end stays, a deleted rollout is not held, and the same error
    is not reported twice.

    The probes of waiting clusters are dropped (R8.3): nobody follows these clusters meanwhile. The
    first cycle without an error ends the hold.
    """
    words = (
        f"ibgu met an error of its own ({error}). Nothing of this rollout continues, and its "
        "clusters in flight are not followed; do: send the controller's log to those who maintain "
        "ibgu; it is tried again by itself, and soon after the IBGU is changed"
    )
    if not _stays(tracked.rollout, words):
        reason = Reason(ReasonKind.INTERNAL_ERROR, now, words, None, Who.PERSON)
        held = replace(tracked.rollout, hold=reason)
        yield OnRollout(Kind.ROLLOUT_HELD, held, words, warning=True)
    waiting = (each for each in tracked.unfinished() if each.state is MemberState.WAITING)
    for member in [member for member in waiting if member.probe is not None]:
        yield OnMember(Kind.PROBED, drop_probe(member), "the probe is no longer valid")


def _stays(rollout: Rollout, words: str) -> bool:
    hold = rollout.hold
    known = hold is not None and (hold.kind in _STAYS or hold.message == words)
    return known or rollout.state is RolloutState.DELETED
