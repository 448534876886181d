"""Checks that jitter counts on while a cluster waits for a place (R50.17), turn by turn."""

from datetime import datetime, timedelta

from ibgu.core.engine.state import FleetState
from ibgu.core.model import ActingParty, Member, ReasonKind, Waiting
from tests.simulation.checks import Found

_NAME = "R50 jitter counts on while a cluster waits for a place"
_CLOCKS = timedelta(seconds=1)
_GOES_ON = frozenset({ReasonKind.SLOT, ReasonKind.PROBING, ReasonKind.READY, ReasonKind.NO_ANSWER})
_Key = tuple[str, int, str, int]
"""Rollout, step, uid and attempts."""


class Jitter:
    """Jitter watches one leader, from its election on."""

    def __init__(self, found: Found) -> None:
        self._check = found.check
        self._due: dict[_Key, datetime] = {}
        """Until when each cluster was put off first."""
        self._lost: set[_Key] = set()
        """Those that have lost their place to somebody else since: what a hand has taken from a
        cluster, such as its work, may begin its jitter again."""

    def turned(self, fleet: FleetState) -> None:
        known, self._due = self._due, {}
        self._lost &= known.keys()
        for tracked in fleet.rollouts.values():
            step = tracked.current
            for member in step.members.values() if step is not None else ():
                if isinstance(member, Waiting):
                    self._of(member, known)

    def _of(self, member: Waiting, known: dict[_Key, datetime]) -> None:
        key, reason = (*member.key[:2], member.uid, member.attempts), member.reason
        if reason.kind is ReasonKind.START_JITTER and reason.until is not None:
            due = self._due[key] = known[key] if key in self._lost else reason.until
            self._check(_NAME, reason.until <= due + _CLOCKS, member, due)
        elif key in known and (_is_kept(member) or reason.kind in _GOES_ON):
            self._due[key] = known[key]
            if _is_kept(member):
                self._lost.add(key)


def _is_kept(member: Member) -> bool:
    """Returns whether the cluster waits for a place of a policy that others have."""
    reason = member.reason
    return reason.kind is ReasonKind.GATE and reason.who is ActingParty.CLUSTER
