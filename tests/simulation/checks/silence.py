"""Checks that a cluster which did not answer lets the others of its rollout go first (R50.17), turn
by turn."""

from collections.abc import Iterator, Mapping

from ibgu.core.engine.decide.step import steps as step_decisions
from ibgu.core.engine.state import FleetState, TrackedStep
from ibgu.core.model import ActingParty, Member, ReasonKind, Waiting
from tests.simulation.checks import Found
from tests.simulation.checks.policies import Spec
from tests.simulation.checks.priorities import places_of

_NAME = "R50 a cluster that did not answer goes behind the others"
_ASKED = frozenset({ReasonKind.SLOT, ReasonKind.PROBING})
_Key = tuple[str, int, str]
"""Rollout, step and cluster."""


class Silence:
    """Silence watches one leader, from its election on."""

    def __init__(self, found: Found) -> None:
        self._check = found.check
        self._reasons: dict[_Key, ReasonKind] = {}
        """Why each cluster waited after the last turn; what places of policies keep is GATE."""
        self._silent: set[_Key] = set()
        """Those that did not answer, and lost their place by that."""

    def turned(self, fleet: FleetState, policies: Mapping[str, Spec]) -> None:
        before, self._reasons = self._reasons, {}
        steps = [each.current for each in fleet.rollouts.values() if each.current is not None]
        for step in steps:
            self._reasons.update(_reasons(step))
        self._note(before)
        if vars(step_decisions)["MEMBERS_PER_CYCLE"] > 1:  # Else a turn decides on part of a step.
            for step in steps:
                self._judge(step, before, policies)

    def _note(self, before: Mapping[_Key, ReasonKind]) -> None:
        self._silent &= self._reasons.keys()
        for key, reason in self._reasons.items():
            if reason is ReasonKind.GATE and before.get(key) is ReasonKind.NO_ANSWER:
                self._silent.add(key)
            elif reason is ReasonKind.READY:
                self._silent.discard(key)

    def _judge(
        self, step: TrackedStep, before: Mapping[_Key, ReasonKind], policies: Mapping[str, Spec]
    ) -> None:
        kept = [key for key in _keys(step) if before.get(key) is ReasonKind.GATE]
        asked = [key for key in kept if self._reasons.get(key) in _ASKED]
        others = [
            key
            for key in kept
            if self._reasons.get(key) is ReasonKind.GATE and key not in self._silent
        ]
        for key in self._silent.intersection(asked):
            mine = _all_places(policies, key[2])
            first = [each for each in others if _all_places(policies, each[2]) <= mine]
            self._check(_NAME, not first, key, first)


def _keys(step: TrackedStep) -> Iterator[_Key]:
    return ((*step.step.key, name) for name in step.members)


def _reasons(step: TrackedStep) -> Iterator[tuple[_Key, ReasonKind]]:
    for key, member in zip(_keys(step), step.members.values(), strict=True):
        if isinstance(member, Waiting) and _is_about_places(member):
            yield key, member.reason.kind


def _is_about_places(member: Member) -> bool:
    reason = member.reason
    return reason.kind is not ReasonKind.GATE or reason.who is ActingParty.CLUSTER


def _all_places(policies: Mapping[str, Spec], cluster: str) -> set[tuple[str, int]]:
    return {(name, place) for name, spec in policies.items() for place in places_of(spec, cluster)}
