"""A rollout that an error of ibgu's own keeps from being worked on is held, and tells so."""

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from ibgu.core.fleet import TrackedRollout
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
"""These are not found anew by who goes on, and need a person's deed."""


def quarantine_rollout(tracked: TrackedRollout, error: str, now: datetime) -> Iterator[Decision]:
    """`error`: what and where, the same each time. A hold that only a person can end stays, and
    whose status nobody reads any more is not held; the same is not said twice.

    What its waiting clusters told is forgotten (R8.3): nobody follows what becomes of them
    meanwhile. The first turn that gets through ends the hold.
    """
    words = (
        f"ibgu met an error of its own ({error}): nothing of this rollout goes on, and its "
        "clusters in flight are not followed; do: send the controller's log to those who maintain "
        "ibgu; it is tried again by itself, and soon after the IBGU is changed"
    )
    if not _stays(tracked.rollout, words):
        reason = Reason(ReasonKind.INTERNAL_ERROR, now, words, None, Who.PERSON)
        held = replace(tracked.rollout, hold=reason)
        yield OnRollout(Kind.ROLLOUT_HELD, held, words, warning=True)
    waiting = (each for each in tracked.unfinished() if each.state is MemberState.WAITING)
    for member in [member for member in waiting if member.probe is not None]:
        yield OnMember(Kind.PROBED, replace(member, probe=None), "the look is no longer valid")


def _stays(rollout: Rollout, words: str) -> bool:
    hold = rollout.hold
    known = hold is not None and (hold.kind in _STAYS or hold.message == words)
    return known or rollout.state is RolloutState.DELETED
