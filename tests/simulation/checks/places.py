"""Checks who takes the places of policies (R50.17), turn by turn of a leader."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from ibgu.core.drivers import traits
from ibgu.core.engine.gates.shares import has_room
from ibgu.core.engine.state import FleetState, TrackedRollout, TrackedStep
from ibgu.core.model import ActingParty, ClusterView, ReasonKind, RolloutState, StepState, Waiting
from tests.simulation.checks import Found
from tests.simulation.checks.policies import Spec, holds
from tests.simulation.contention import URGENT

_OLDEST = "R50 no rollout passes an older one that could start"
_NOBODY = "R50 nobody waits for a place that is free"
_SELECTED = "R50 a policy keeps the rollouts that it selects alone"
_JITTER = ReasonKind.START_JITTER
PATIENCE = 60.0
"""Seconds after which a rollout takes a place that is free, unless something else keeps it."""

_POLICY = "RolloutPolicy/"
_Kept = Mapping[str, Mapping[str, tuple[str, ...]]]
"""The clusters, by rollout and policy, that the policy's limits keep although their places are
free."""


class Before(Struct, frozen=True):
    """Before is what was known before a turn."""

    policies: Mapping[str, Spec]
    waiting: frozenset[tuple[str, str]]
    """The rollouts and the clusters of members that wait."""
    kept: _Kept
    free: Mapping[tuple[str, int], int]
    """The places that are free."""


class Places:
    """Places watches one leader, from its election on."""

    def __init__(
        self,
        found: Found,
        cluster: Callable[[str], ClusterView | None],
        tier: Callable[[str], str],
        passes: Callable[[str, str], bool],
    ) -> None:
        """`tier` returns that of a rollout, by its uid. `passes`: whether somebody may have let the
        rollout pass the policy."""
        self._check = found.check
        self._cluster = cluster
        self._tier = tier
        self._passes = passes
        self._since: dict[tuple[str, str], float] = {}
        """Since when a rollout has waited for places of a policy that are free."""

    def before(self, fleet: FleetState, policies: Mapping[str, Spec]) -> Before:
        waiting = frozenset(
            (uid, member.cluster)
            for uid, tracked in fleet.rollouts.items()
            for member in _members(tracked)
            if isinstance(member, Waiting)
        )
        free = self._free(fleet, policies)
        return Before(policies, waiting, self._kept_by_all(fleet, policies, free), free)

    def turned(self, fleet: FleetState, before: Before, now: float) -> None:
        """Judges who has begun, beside whom, and who still waits."""
        started = [
            (uid, name)
            for uid, name in sorted(before.waiting)
            if uid in fleet.rollouts and _flies(fleet.rollouts[uid], name)
        ]
        after = self._kept_by_all(fleet, before.policies, before.free)
        for policy, spec in before.policies.items():
            for uid, name in started:
                if _is_held(fleet.rollouts[uid], spec, name) and not self._passes(policy, uid):
                    self._judge(fleet, before, after, started, policy, uid, name)
        self._note_waiting(fleet, before.policies, now)
        for tracked in fleet.rollouts.values():
            for member in _members(tracked):
                if isinstance(member, Waiting) and member.reason.gate == f"{_POLICY}{URGENT}":
                    selected = self._tier(member.rollout) == URGENT
                    self._check(_SELECTED, selected, member)

    def _note_waiting(self, fleet: FleetState, policies: Mapping[str, Spec], now: float) -> None:
        """Judges who waits although nothing is in the way. Members of a rollout that wait for
        another one of it, which is asked or put off, have something in the way."""
        kept = self._kept_by_all(fleet, policies, self._free(fleet, policies))
        waiting = {
            (policy, uid)
            for uid, by_policy in kept.items()
            for policy, names in by_policy.items()
            if names and (step := fleet.rollouts[uid].current) is not None and not step.queue
        }
        self._since = {key: self._since.get(key, now) for key in waiting}
        for key, since in self._since.items():
            self._check(_NOBODY, now - since < PATIENCE, *key, kept[key[1]], since, now)

    def _judge(
        self,
        fleet: FleetState,
        before: Before,
        after: _Kept,
        started: Iterable[tuple[str, str]],
        policy: str,
        uid: str,
        name: str,
    ) -> None:
        """Judges whether the start has passed an older rollout of which no cluster was decided
        on, though there was room for the first of them beside what is older still. One that
        jitter puts off had the place offered, and keeps it from nobody."""
        places, age = set(_places(before.policies[policy], name)), fleet.rollouts[uid].rollout.age
        for other, by_policy in before.kept.items():
            names = [
                each
                for each in by_policy[policy]
                if places.intersection(_places(before.policies[policy], each))
            ]
            if other not in fleet.rollouts or fleet.rollouts[other].rollout.age >= age or not names:
                continue
            if any(each.reason.kind is _JITTER for each in _members(fleet.rollouts[other])):
                continue
            theirs = fleet.rollouts[other].rollout.age
            taken = Counter(
                (each, place)
                for each, spec in before.policies.items()
                for who, cluster in started
                if fleet.rollouts[who].rollout.age <= theirs
                for place in _places(spec, cluster)
            )
            had_room = all(
                before.free[each, place] > taken[each, place]
                for each, spec in before.policies.items()
                for place in _places(spec, names[0])
            )
            passed = had_room and set(names) <= set(after.get(other, {}).get(policy, ()))
            self._check(_OLDEST, not passed, policy, uid, name, "passes", other, names)

    def _kept_by_all(
        self,
        fleet: FleetState,
        policies: Mapping[str, Spec],
        free: Mapping[tuple[str, int], int],
    ) -> _Kept:
        """`free`: the places that are."""
        return {
            uid: {name: tuple(self._kept(tracked, name, policies, free)) for name in policies}
            for uid, tracked in fleet.rollouts.items()
        }

    def _free(
        self, fleet: FleetState, policies: Mapping[str, Spec]
    ) -> Mapping[tuple[str, int], int]:
        taken = {holder.cluster for holder in fleet.claims.values()}
        return _free(policies, taken | self._dark(fleet))

    def _kept(
        self,
        tracked: TrackedRollout,
        policy: str,
        policies: Mapping[str, Spec],
        free: Mapping[tuple[str, int], int],
    ) -> Iterator[str]:
        step = tracked.current
        if step is None or not _could_start(tracked, step):
            return
        for member in _members(tracked):
            reason, found = member.reason, self._cluster(member.cluster)
            waits = isinstance(member, Waiting) and reason.kind is ReasonKind.GATE
            if not waits or reason.gate != f"{_POLICY}{policy}":
                continue
            if reason.who is not ActingParty.CLUSTER or found is None or not found.reachable:
                continue
            if all(
                free[name, place] > 0
                for name, spec in policies.items()
                for place in _places(spec, member.cluster)
            ):
                yield member.cluster

    def _dark(self, fleet: FleetState) -> set[str]:
        """Returns the clusters that may count although nobody claims them."""
        found = {name: self._cluster(name) for name in fleet.rollouts_of}
        return {name for name, view in found.items() if view is None or not view.reachable}


def _members(tracked: TrackedRollout) -> Iterable[Any]:
    return tracked.current.members.values() if tracked.current is not None else ()


def _flies(tracked: TrackedRollout, name: str) -> bool:
    return any(member.cluster == name and member.slot is not None for member in _members(tracked))


def _is_held(tracked: TrackedRollout, spec: Spec, name: str) -> bool:
    """Returns whether the policy holds what the cluster has begun."""
    step = tracked.current
    if step is None:
        return False
    rest = step.step.actions[step.members[name].action_index :]
    return not traits(rest[0]).leads_back and holds(spec, rest)


def _could_start(tracked: TrackedRollout, step: TrackedStep) -> bool:
    rollout = tracked.rollout
    runs = rollout.state is RolloutState.RUNNING and rollout.hold is None
    runs = runs and not rollout.quarantined
    open_ = step.step.state is StepState.RUNNING and step.step.hold is None
    return runs and open_ and step.free > 0 and has_room(tracked, step)


def _places(spec: Spec, cluster: str) -> list[int]:
    """Returns the numbers of the groups of neighbours of which the cluster is one; 0: all are."""
    groups = enumerate(spec.get("neverTogether", ()), start=1)
    found = [number for number, group in groups if cluster in group["clusters"]]
    return [0, *found] if spec.get("inFlight") else found


def _free(policies: Mapping[str, Spec], taken: Iterable[str]) -> dict[tuple[str, int], int]:
    free: dict[tuple[str, int], int] = defaultdict(int)
    for policy, spec in policies.items():
        free[policy, 0] = spec.get("inFlight") or 0
        for number, _ in enumerate(spec.get("neverTogether", ()), start=1):
            free[policy, number] = 1
        for cluster in taken:
            for place in _places(spec, cluster):
                free[policy, place] -= 1
    return dict(free)
