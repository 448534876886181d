"""Quarantines a rollout that an internal error keeps from being decided on: holds it and says
why."""

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from ibgu.core.engine.gates import internal_error
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model import (
    Decision,
    Kind,
    MemberState,
    OnMember,
    OnRollout,
    Rollout,
    RolloutState,
)
from ibgu.core.model.transitions import drop_probe


def quarantine_rollout(tracked: TrackedRollout, error: str, now: datetime) -> Iterator[Decision]:
    """Yields the decisions that hold the rollout for `error`: what and where, the same text each
    time. A hold that only a person can end stays, a deleted rollout is not held, and the same error
    is not reported twice.

    The probes of waiting clusters are dropped (R8.3): no controller follows these clusters
    meanwhile. The first cycle without an error ends the hold.
    """
    words = (
        f"ibgu met an error of its own ({error}). Nothing of this rollout continues, and its "
        "clusters in flight are not followed; do: send the controller's log to those who maintain "
        "ibgu; it is tried again by itself, and soon after its object is changed"
    )
    if not _stays(tracked.rollout, words):
        held = replace(tracked.rollout, hold=internal_error(words, now))
        yield OnRollout(Kind.ROLLOUT_HELD, held, words, warning=True)
    waiting = (each for each in tracked.unfinished() if each.state is MemberState.WAITING)
    for member in [member for member in waiting if member.probe is not None]:
        yield OnMember(Kind.PROBED, drop_probe(member), "the probe is no longer valid")


def _stays(rollout: Rollout, words: str) -> bool:
    """Whether the rollout's record stays as it is. A restore and a refused plan are holds that only
    a person can end, and that the next cycle does not find again."""
    known = rollout.hold is not None and rollout.hold.message == words
    by_person = rollout.stands_still or rollout.plan_refused
    return known or by_person or rollout.state is RolloutState.DELETED
