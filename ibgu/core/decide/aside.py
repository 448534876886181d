"""A rollout that an error of ibgu's own keeps from being worked on is held, and tells so."""

from datetime import datetime

from msgspec.structs import replace

from ibgu.core.model import Kind, OnRollout, Reason, ReasonKind, Rollout, RolloutState, Who

_STAYS = (ReasonKind.RESTORED, ReasonKind.INVALID_PLAN)
"""These are not found anew by who goes on, and need a person's deed."""


def set_aside(rollout: Rollout, error: str, now: datetime) -> OnRollout | None:
    """`error`: what and where, the same each time. None: it is held by it already, or by what
    only a person can end; or it is deleted, and nobody reads its status.

    The first turn that gets through ends it.
    """
    words = (
        f"ibgu met an error of its own ({error}): nothing of this rollout goes on, and its "
        "clusters in flight are not followed; do: send the controller's log to those who maintain "
        "ibgu; it is tried again by itself, and soon after the IBGU is changed"
    )
    if rollout.state is RolloutState.DELETED or _stays(rollout.hold, words):
        return None
    reason = Reason(ReasonKind.INTERNAL_ERROR, now, words, None, Who.PERSON)
    return OnRollout(Kind.ROLLOUT_HELD, replace(rollout, hold=reason), words, warning=True)


def _stays(hold: Reason | None, words: str) -> bool:
    return hold is not None and (hold.kind in _STAYS or hold.message == words)
