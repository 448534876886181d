"""A rollout that ibgu itself fails at is held; it is no reason for others to stop."""

from datetime import datetime

from msgspec.structs import replace

from ibgu.core.model import Kind, OnRollout, Reason, ReasonKind, Rollout, RolloutState, Who


def hold_failing(rollout: Rollout, error: str, now: datetime) -> OnRollout | None:
    """`error`: its words. None: the rollout is held already, or is deleted.

    A hold of another kind stays: it may need a person's word to end, and this one ends by itself,
    with the first turn that gets through.
    """
    words = (
        f"ibgu failed when it decided about this rollout, of which nothing goes on: {error}; that "
        "is an error of ibgu, whose log has all of it; it is tried again every half a minute"
    )
    if rollout.state is RolloutState.DELETED or _stays(rollout.hold, words):
        return None
    reason = Reason(ReasonKind.INTERNAL_ERROR, now, words, None, Who.PERSON)
    return OnRollout(Kind.ROLLOUT_HELD, replace(rollout, hold=reason), words, warning=True)


def _stays(hold: Reason | None, words: str) -> bool:
    return hold is not None and (
        hold.kind is not ReasonKind.INTERNAL_ERROR or hold.message == words
    )
