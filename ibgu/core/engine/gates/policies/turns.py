"""Turns of rollouts that wait for the same places of a policy (R50.17).

A rollout goes first by its priority, then by how few clusters the rollouts of its namespace have in
the policy's places, then by how long ago one of these took one. Of one namespace the rollout with
the fewest goes first, then the one that took one longest ago, then the oldest. Only one that could
start a member now goes first, and only for a while: a place must not stay free for a rollout that
does not take it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from msgspec import Struct

from ibgu.core.engine.gate import policy_gate
from ibgu.core.engine.gates.policies.patience import Key, Patience, Taken, Turn
from ibgu.core.engine.gates.shares import has_room
from ibgu.core.engine.state import FleetState, TrackedRollout, TrackedStep
from ibgu.core.engine.state.occupancy import ClusterLookup, Place, PolicyLimits
from ibgu.core.model import ActingParty, ReasonKind, Rollout, RolloutState, StepState, Waiting

UNKNOWN_PRIORITY = 10_000
"""The priority of a rollout that was not decided on under these policies yet: higher than any."""
LOOK = 100
"""The most waiting members of a rollout that are checked for one place."""
_ABOUT_TO_START = frozenset({ReasonKind.SLOT, ReasonKind.PROBING, ReasonKind.READY})

_Standing = tuple[int, int, int, int, int, tuple[datetime, str]]


class _Index(Struct, frozen=True):
    """_Index has the members of a step that a policy's limits keep, by the places they wait for."""

    step: int
    changes: int
    names: dict[Place, list[str]]


class Turns:
    """Turns knows who goes first, for the rollouts of one fleet. Nothing of it is stored: after a
    restart the older rollout of equals goes first once more."""

    def __init__(self, fleet: FleetState, cluster: ClusterLookup) -> None:
        self._fleet = fleet
        self._cluster = cluster
        self._priorities: dict[str, int] = {}
        """The priorities of rollouts that were decided on under these policies, by uid."""
        self._indexes: dict[Key, _Index] = {}
        self._woken: dict[Key, tuple[str, ...]] = {}
        """The members that may take places now, by the names of a policy and uids of rollouts."""
        self._with_rollouts = Patience()
        """The patience of all others with each rollout, by its uid."""
        self._with_namespaces = Patience()
        """The patience of other namespaces with all rollouts of one, by its name."""

    def set_priority(self, rollout: str, priority: int) -> None:
        """Sets the rollout's priority, as the policies have it that hold it."""
        if self._priorities.get(rollout) != priority:
            self._fleet.occupancy.note_left()
        self._priorities[rollout] = priority

    def forget_priorities(self) -> None:
        """Forgets all priorities: other policies are in force."""
        self._priorities.clear()

    def namespace(self, rollout: str) -> str:
        return self._fleet.rollouts[rollout].rollout.namespace

    def before(
        self, limits: PolicyLimits, place: Place, rollout: str, now: datetime
    ) -> Rollout | None:
        """Returns a rollout that goes first at the place; None: there is room for a member of this
        one as well. Those that go first could all start there now."""
        mine = self._fleet.rollouts[rollout]
        room = self._fleet.occupancy.free(limits, place, self._cluster)
        standing, first = self._standing(limits, mine), None
        for tracked, other in self._waiting(limits, besides=mine):
            if self._standing(limits, tracked) > standing:
                continue
            if not self._counts(limits, tracked, asking=mine.rollout.namespace):
                continue
            if wanting := self._wanting(limits, place, other, room):
                self._await(limits.name, tracked.rollout, now)
                room -= wanting
                first = first or tracked.rollout
            if room <= 0:
                return first
        return None

    def in_order(self, limits: PolicyLimits, uids: Iterable[str]) -> list[str]:
        """Returns the rollouts by who goes first at the policy's places."""
        rollouts = self._fleet.rollouts
        return sorted(uids, key=lambda uid: self._standing(limits, rollouts[uid]))

    def may_go_first(self, limits: PolicyLimits, uid: str) -> bool:
        """Returns whether others may wait for the rollout."""
        tracked = self._fleet.rollouts[uid]
        passed = self._is_namespace_passed(limits, tracked.rollout)
        return not passed and self._counts(limits, tracked)

    def note_woken(
        self, limits: PolicyLimits, uid: str, names: Sequence[str], now: datetime
    ) -> None:
        """Notes the members that may take places of the policy now."""
        self._woken[limits.name, uid] = tuple(names)
        if names:
            self._await(limits.name, self._fleet.rollouts[uid].rollout, now)

    def lapse(self, all_limits: Iterable[PolicyLimits], now: datetime) -> bool:
        """Ends the turns of rollouts that could have taken a place for too long; returns whether
        one has ended, so that others may go on."""
        by_name = {each.name: each for each in all_limits}

        def of_rollout(key: Key) -> Turn | None:
            limits, tracked = by_name.get(key[0]), self._fleet.rollouts.get(key[1])
            return self._turn(limits, tracked) if limits and tracked else None

        def of_namespace(key: Key) -> Turn | None:
            limits, rollouts = by_name.get(key[0]), self._fleet.rollouts.values()
            found = [each for each in rollouts if each.rollout.namespace == key[1]]
            return self._turn(limits, *found, of_namespace=True) if limits and found else None

        ended = [
            # First: what a rollout could take is asked before its own turn is over.
            self._with_namespaces.lapse(of_namespace, now),
            self._with_rollouts.lapse(of_rollout, now),
        ]
        self._forget_the_gone()
        return any(ended)

    def _turn(
        self, limits: PolicyLimits, *rollouts: TrackedRollout, of_namespace: bool = False
    ) -> Turn:
        taken = self._taken(limits.name, rollouts[0].rollout, of_namespace=of_namespace)
        able = any(self._could_take_any(limits, each) for each in rollouts)
        return Turn(taken, limits.room(Place(limits.name)), able)

    def _forget_the_gone(self) -> None:
        rollouts = self._fleet.rollouts
        self._priorities = {
            uid: priority for uid, priority in self._priorities.items() if uid in rollouts
        }
        self._woken = {key: names for key, names in self._woken.items() if key[1] in rollouts}
        self._indexes = {key: found for key, found in self._indexes.items() if key[1] in rollouts}

    def _could_take_any(self, limits: PolicyLimits, tracked: TrackedRollout) -> bool:
        """Whether a member of the rollout could take its places now."""
        step = tracked.current
        if step is None or not self._counts(limits, tracked):
            return False
        key, occupancy = (limits.name, tracked.rollout.uid), self._fleet.occupancy
        woken = [found for name in self._woken.get(key, ()) if (found := self._cluster(name))]
        places = {place for found in woken for place in limits.places(found)}
        return any(
            occupancy.free(limits, place, self._cluster) > 0
            and self._wanting(limits, place, step, 1)
            for place in (*places, *self._kept(limits, step))
        )

    def _counts(self, limits: PolicyLimits, tracked: TrackedRollout, asking: str = "") -> bool:
        """Whether the rollout may go first for rollouts of the namespace `asking`, by default one
        of its own: it could start a member now, and has not had its turn in vain."""
        step, rollout = tracked.current, tracked.rollout
        if step is None or not _could_start(tracked, step):
            return False
        own = (limits.name, rollout.uid)
        if self._with_rollouts.is_over(own, self._taken(limits.name, rollout)):
            return False
        return asking in ("", rollout.namespace) or not self._is_namespace_passed(limits, rollout)

    def _is_namespace_passed(self, limits: PolicyLimits, rollout: Rollout) -> bool:
        taken = self._taken(limits.name, rollout, of_namespace=True)
        return self._with_namespaces.is_over((limits.name, rollout.namespace), taken)

    def _taken(self, policy: str, rollout: Rollout, *, of_namespace: bool = False) -> Taken:
        occupancy = self._fleet.occupancy
        share = occupancy.share(policy, rollout.uid, self._cluster)
        own = share.namespace_served if of_namespace else share.served
        return Taken(own, occupancy.taken(policy, self._cluster))

    def _standing(self, limits: PolicyLimits, tracked: TrackedRollout) -> _Standing:
        """Returns the sort key: the first one goes first. It is the same at all places of a policy,
        so that no two rollouts wait for each other."""
        uid = tracked.rollout.uid
        found = self._fleet.occupancy.share(limits.name, uid, self._cluster)
        priority = self._priorities.get(uid, UNKNOWN_PRIORITY)
        tenant = (found.of_namespace, found.namespace_served)
        return (-priority, *tenant, found.clusters, found.served, tracked.rollout.age)

    def _waiting(
        self, limits: PolicyLimits, besides: TrackedRollout
    ) -> Iterator[tuple[TrackedRollout, TrackedStep]]:
        """Yields the other rollouts whose members wait for the policy's places, or may take them
        now."""
        gate = (policy_gate(limits.name), ActingParty.CLUSTER)
        for uid, tracked in self._fleet.rollouts.items():
            step = tracked.current
            if step is None or tracked is besides:
                continue
            if gate in step.kept or self._woken.get((limits.name, uid)):
                yield tracked, step

    def _wanting(self, limits: PolicyLimits, place: Place, step: TrackedStep, most: int) -> int:
        """Returns how many members of the step could take the place now, up to `most`."""
        key, most = (limits.name, step.step.rollout), min(most, step.free)
        woken = [name for name in self._woken.get(key, ()) if _about_to_start(step, name)]
        kept = self._kept(limits, step).get(place, ())
        count = 0
        for name in (*woken, *islice(kept, LOOK)):
            if count >= most:
                break
            count += self._could_take(limits, place, name)
        return count

    def _could_take(self, limits: PolicyLimits, place: Place, name: str) -> bool:
        found, occupancy = self._cluster(name), self._fleet.occupancy
        places = list(limits.places(found)) if found is not None and found.reachable else []
        return place in places and all(
            occupancy.free(limits, each, self._cluster) > 0 for each in places
        )

    def _kept(self, limits: PolicyLimits, step: TrackedStep) -> dict[Place, list[str]]:
        """Returns those whom the limits keep, by place. It is made again once others are kept, at
        most once in a cycle of another rollout."""
        key, now = (limits.name, step.step.rollout), (step.step.index, step.kept_changes)
        known = self._indexes.get(key)
        if known is not None and (known.step, known.changes) == now:
            return known.names
        names: dict[Place, list[str]] = {}
        gate = (policy_gate(limits.name), ActingParty.CLUSTER)
        for _, name in step.kept.get(gate, ()):
            found = self._cluster(name)
            for place in limits.places(found) if found is not None else ():
                names.setdefault(place, []).append(name)
        self._indexes[key] = _Index(*now, names)
        return names

    def _await(self, policy: str, rollout: Rollout, now: datetime) -> None:
        """Notes that others wait for the rollout."""
        self._with_rollouts.begin((policy, rollout.uid), self._taken(policy, rollout), now)
        taken = self._taken(policy, rollout, of_namespace=True)
        self._with_namespaces.begin((policy, rollout.namespace), taken, now)


def _could_start(tracked: TrackedRollout, step: TrackedStep) -> bool:
    """Whether the rollout could start a member now, if a place were free."""
    runs = tracked.rollout.state is RolloutState.RUNNING and tracked.rollout.hold is None
    open_ = step.step.state is StepState.RUNNING and step.step.hold is None
    return runs and open_ and step.free > 0 and has_room(tracked, step)


def _about_to_start(step: TrackedStep, name: str) -> bool:
    member = step.members.get(name)
    return isinstance(member, Waiting) and member.reason.kind in _ABOUT_TO_START
