"""Checks that rollouts take turns at the places of policies (R50.17), turn by turn of a leader."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from ibgu.core.drivers import traits
from ibgu.core.engine.gates.shares import has_room
from ibgu.core.engine.state import FleetState, TrackedRollout, TrackedStep
from ibgu.core.model import ActingParty, ClusterView, ReasonKind, RolloutState, StepState, Waiting
from tests.simulation.checks import Found
from tests.simulation.checks.policies import Spec, holds

_PRIORITY = "R50 no rollout passes one with a higher priority"
_FEWEST = "R50 no rollout passes one with fewer clusters in a policy's places"
_TURNS = "R50 no rollout passes another one twice in a row"
PATIENCE = 120.0
"""Seconds after which a rollout that takes no place has had its turn."""
_NEXT = frozenset({ReasonKind.GATE, ReasonKind.SLOT, ReasonKind.PROBING, ReasonKind.READY})

_Key = tuple[str, str]
"""The names of a policy, and the uid of a rollout."""


class Standing(Struct, frozen=True):
    """Standing is what a rollout has, and could have, before a turn."""

    priority: int
    having: Mapping[str, int]
    """The number of its clusters in the places of each policy."""
    kept: Mapping[str, tuple[str, ...]]
    """The clusters that the limits of each policy keep although their places are free."""


class Before(Struct, frozen=True):
    """Before is what was known before a turn."""

    policies: Mapping[str, Spec]
    waiting: frozenset[tuple[str, str]]
    """The rollouts and the clusters of members that wait."""
    standings: Mapping[str, Standing]
    free: Mapping[tuple[str, int], int]
    """The places that are free."""


class Places:
    """Places watches one leader, from its election on."""

    def __init__(
        self,
        found: Found,
        cluster: Callable[[str], ClusterView | None],
        priority: Callable[[str, Mapping[str, Spec]], int],
        passes: Callable[[str, str], bool],
    ) -> None:
        """`priority` returns that of a rollout, by its uid. `passes`: whether somebody may have let
        the rollout pass the policy."""
        self._check = found.check
        self._cluster = cluster
        self._priority = priority
        self._passes = passes
        self._ready: dict[_Key, float] = {}
        """Since when a rollout could have taken a place, on end."""
        self._passed_by: dict[_Key, set[str]] = defaultdict(set)
        """The rollouts that have taken a place while it could have."""
        self._lapsed: set[_Key] = set()

    def before(self, fleet: FleetState, policies: Mapping[str, Spec], now: float) -> Before:
        taken = {holder.cluster for holder in fleet.claims.values()}
        free = _free(policies, taken | self._dark(fleet))
        standings = {
            uid: Standing(
                self._priority(uid, policies),
                {name: _having(fleet, spec, uid) for name, spec in policies.items()},
                {name: tuple(self._kept(tracked, name, policies, free)) for name in policies},
            )
            for uid, tracked in fleet.rollouts.items()
        }
        for key in [key for key in self._passed_by if key[0] not in policies]:
            del self._passed_by[key]
        self._note_ready(standings, now)
        waiting = frozenset(
            (uid, member.cluster)
            for uid, tracked in fleet.rollouts.items()
            for member in _members(tracked)
            if isinstance(member, Waiting)
        )
        return Before(policies, waiting, standings, free)

    def turned(self, fleet: FleetState, before: Before) -> None:
        """Judges who has begun, beside whom."""
        started = [
            (uid, name)
            for uid, name in sorted(before.waiting)
            if uid in fleet.rollouts and _flies(fleet.rollouts[uid], name)
        ]
        for policy, spec in before.policies.items():
            for uid, name in started:
                if _places(spec, name):
                    self._served((policy, uid))
            for uid, name in started:
                if _is_held(fleet.rollouts[uid], spec, name) and not self._passes(policy, uid):
                    self._judge(fleet, before, policy, uid, name)

    def _served(self, key: _Key) -> None:
        self._ready.pop(key, None)
        self._passed_by.pop(key, None)
        self._lapsed.discard(key)

    def _note_ready(self, standings: Mapping[str, Standing], now: float) -> None:
        """Notes since when each rollout could have taken a place."""
        ready = {
            (policy, uid)
            for uid, standing in standings.items()
            for policy, names in standing.kept.items()
            if names
        }
        for key in list(self._ready):
            if key not in ready:
                del self._ready[key]
        for key in ready:
            if now - self._ready.setdefault(key, now) >= PATIENCE:
                self._lapsed.add(key)

    def _judge(self, fleet: FleetState, before: Before, policy: str, uid: str, name: str) -> None:
        mine, spec = before.standings[uid], before.policies[policy]
        for other, theirs in before.standings.items():
            key = (policy, other)
            if key not in self._ready or key in self._lapsed or other not in fleet.rollouts:
                continue
            if other == uid or not self._could_go_first(
                fleet.rollouts[other], before, policy, other, name
            ):
                continue
            words = (policy, uid, name, mine, "passes", other, theirs)
            self._check(_PRIORITY, theirs.priority <= mine.priority, *words)
            if theirs.priority != mine.priority:
                continue
            having = _having(fleet, spec, other)
            self._check(_FEWEST, having >= mine.having[policy], *words)
            if having <= mine.having[policy]:
                self._check(_TURNS, uid not in self._passed_by[key], *words)
                self._passed_by[key].add(uid)

    def _could_go_first(
        self, tracked: TrackedRollout, before: Before, policy: str, uid: str, name: str
    ) -> bool:
        """Whether the rollout could have taken all free places that the cluster has taken one of,
        and still can."""
        spec, step = before.policies[policy], tracked.current
        if step is None or not _could_start(tracked, step):
            return False
        shared = [
            [each for each in before.standings[uid].kept[policy] if place in _places(spec, each)]
            for place in _places(spec, name)
        ]
        return any(
            min(len(names), step.free) >= before.free[policy, place]
            and any(_is_next(step, each) for each in names)
            for place, names in zip(_places(spec, name), shared, strict=True)
        )

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
            if not waits or reason.gate != f"RolloutPolicy/{policy}":
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
        names = {
            member.cluster for tracked in fleet.rollouts.values() for member in _members(tracked)
        }
        found = {name: self._cluster(name) for name in names}
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


def _is_next(step: TrackedStep, name: str) -> bool:
    member = step.members.get(name)
    return isinstance(member, Waiting) and member.reason.kind in _NEXT


def _could_start(tracked: TrackedRollout, step: TrackedStep) -> bool:
    runs = tracked.rollout.state is RolloutState.RUNNING and tracked.rollout.hold is None
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


def _having(fleet: FleetState, spec: Spec, uid: str) -> int:
    held = (holder for holder in fleet.claims.values() if holder.rollout == uid)
    return sum(1 for holder in held if _places(spec, holder.cluster))
