"""Checks that the clock of a step stands while policies keep all that is left of it (R50.6), turn
by turn of a leader."""

from collections.abc import Iterator

from ibgu.core.engine.state import FleetState, TrackedStep
from ibgu.core.model import Cause, Finished, Member, ReasonKind, Waiting
from tests.simulation.checks import Found

_NAME = "R50.6 nobody is late while policies keep all that is left of a step"
_POLICY = "RolloutPolicy/"
_SETTLED = 60.0
"""Seconds after which the clock certainly stands."""
_Key = tuple[str, int, str]
"""Rollout, step and cluster."""


class StandingClocks:
    """StandingClocks watches one leader, from its election on."""

    def __init__(self, found: Found) -> None:
        self._check = found.check
        self._kept: dict[_Key, float] = {}
        """Since when each cluster was kept in a step of which policies keep all that is left."""

    def turned(self, fleet: FleetState, now: float) -> None:
        before, self._kept = self._kept, {}
        for tracked in fleet.rollouts.values():
            step = tracked.current
            if step is None:
                continue
            for name, member in step.members.items():
                key = (*step.step.key, name)
                if key in before and isinstance(member, Finished):
                    late = member.cause is Cause.NEVER_STARTED
                    settled = now - before[key] >= _SETTLED
                    self._check(_NAME, not (late and settled), member)
            self._kept |= {key: before.get(key, now) for key in _all_kept(step)}


def _all_kept(step: TrackedStep) -> Iterator[_Key]:
    """Yields the clusters that have not ended, if policies keep all of them."""
    left = [member for member in step.members.values() if not member.finished]
    if step.step.hold is None and left and all(map(_is_kept, left)):
        yield from ((*step.step.key, member.cluster) for member in left)


def _is_kept(member: Member) -> bool:
    reason = member.reason
    by_policy = reason.kind is ReasonKind.GATE and reason.gate.startswith(_POLICY)
    return isinstance(member, Waiting) and by_policy
