"""Turns of rollouts that wait for the same places of a policy (R50.17).

A rollout goes first by its priority, then by how few clusters the rollouts of its namespace have in
the policy's places, then by how long ago one of these took one. Of one namespace the rollout with
the fewest goes first, then the one that took one longest ago, then the oldest. Only one that could
start a member now goes first, and only for a while: a place must not stay free for a rollout that
does not take it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.engine.gate import policy_gate
from ibgu.core.engine.gates.shares import has_room
from ibgu.core.engine.state import FleetState, TrackedRollout, TrackedStep
from ibgu.core.engine.state.occupancy import ClusterLookup
from ibgu.core.engine.state.policy_limits import Place, PolicyLimits
from ibgu.core.engine.timing.times import PROBE_TIMEOUT
from ibgu.core.model import ActingParty, ReasonKind, Rollout, RolloutState, StepState, Waiting

PATIENCE = 2 * PROBE_TIMEOUT
"""How long others wait for a rollout that goes first and takes no place."""
MAX_LAPSES = 6
"""The turns in vain up to which others pass a rollout twice as often after each."""
UNKNOWN_PRIORITY = 10_000
"""The priority of a rollout that was not decided on under these policies yet: higher than any."""
LOOK = 100
"""The most waiting members of a rollout that are checked for one place."""
_ABOUT_TO_START = frozenset({ReasonKind.SLOT, ReasonKind.PROBING, ReasonKind.READY})

_Standing = tuple[int, int, int, int, int, tuple[datetime, str]]
_Key = tuple[str, str]
"""The names of a policy, and the uid of a rollout."""


class _Index(Struct, frozen=True):
    """_Index has the members of a step that a policy's limits keep, by the places they wait for."""

    step: int
    changes: int
    names: dict[Place, list[str]]


class _Awaited(Struct, frozen=True):
    """_Awaited is a rollout for which others wait."""

    served: int
    """When it had taken a place last."""
    since: datetime | None
    """None: others pass it, because it has taken no place for too long."""
    lapses: int = 0
    """How often that happened in a row."""
    until: int = 0
    """The number of places taken, by all rollouts, from which it may go first again."""


class Turns:
    """Turns knows who goes first, for the rollouts of one fleet. Nothing of it is stored: after a
    restart the older rollout of equals goes first once more."""

    def __init__(self, fleet: FleetState, cluster: ClusterLookup) -> None:
        self._fleet = fleet
        self._cluster = cluster
        self._priorities: dict[str, int] = {}
        """The priorities of rollouts that were decided on under these policies, by uid."""
        self._indexes: dict[_Key, _Index] = {}
        self._woken: dict[_Key, tuple[str, ...]] = {}
        self._awaited: dict[_Key, _Awaited] = {}

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
            if self._standing(limits, tracked) > standing or not self._counts(limits, tracked):
                continue
            if wanting := self._wanting(limits, place, other, room):
                self._await((limits.name, tracked.rollout.uid), now)
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
        return self._counts(limits, self._fleet.rollouts[uid])

    def note_woken(
        self, limits: PolicyLimits, uid: str, names: Sequence[str], now: datetime
    ) -> None:
        """Notes the members that may take places of the policy now."""
        self._woken[limits.name, uid] = tuple(names)
        if names:
            self._await((limits.name, uid), now)

    def lapse(self, all_limits: Iterable[PolicyLimits], now: datetime) -> bool:
        """Ends the turns of rollouts that could have taken a place for too long; returns whether
        one has ended, so that others may go on."""
        by_name = {each.name: each for each in all_limits}
        awaited, self._awaited = self._awaited, {}
        ended = False
        for key, known in awaited.items():
            limits, tracked = by_name.get(key[0]), self._fleet.rollouts.get(key[1])
            if limits is None or tracked is None or self._served(key) != known.served:
                continue
            if known.since is None:
                self._awaited[key] = known
            elif self._could_take_any(limits, tracked):
                over = not timedelta() <= now - known.since < PATIENCE
                self._awaited[key] = self._lapsed(limits, known) if over else known
                ended = ended or over
            else:
                # Those behind it were decided on while it could, and nothing else tells them.
                ended = True
        self._forget_the_gone()
        return ended

    def _lapsed(self, limits: PolicyLimits, known: _Awaited) -> _Awaited:
        """Lets others take places: as many as the policy has, and twice as many each time. One that
        never went first again could starve behind rollouts whose clusters answer sooner."""
        most = max(1, limits.room(Place(limits.name))) * 2**known.lapses
        until = self._fleet.occupancy.taken(limits.name, self._cluster) + most
        lapses = min(known.lapses + 1, MAX_LAPSES)
        return replace(known, since=None, lapses=lapses, until=until)

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

    def _counts(self, limits: PolicyLimits, tracked: TrackedRollout) -> bool:
        """Whether the rollout may go first: it could start a member now, and has not had its turn
        in vain."""
        step, key = tracked.current, (limits.name, tracked.rollout.uid)
        return step is not None and not self._is_passed(key) and _could_start(tracked, step)

    def _is_passed(self, key: _Key) -> bool:
        """Whether others pass the rollout, because it has had its turn in vain."""
        known, occupancy = self._awaited.get(key), self._fleet.occupancy
        if known is None or known.since is not None or known.served != self._served(key):
            return False
        return occupancy.taken(key[0], self._cluster) < known.until

    def _served(self, key: _Key) -> int:
        return self._fleet.occupancy.share(*key, self._cluster).served

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

    def _await(self, key: _Key, now: datetime) -> None:
        """Notes that others wait for the rollout."""
        known, served = self._awaited.get(key), self._served(key)
        if known is None or known.served != served:
            self._awaited[key] = _Awaited(served, now)
        elif known.since is None and not self._is_passed(key):
            self._awaited[key] = replace(known, since=now)


def _could_start(tracked: TrackedRollout, step: TrackedStep) -> bool:
    """Whether the rollout could start a member now, if a place were free."""
    runs = tracked.rollout.state is RolloutState.RUNNING and tracked.rollout.hold is None
    open_ = step.step.state is StepState.RUNNING and step.step.hold is None
    return runs and open_ and step.free > 0 and has_room(tracked, step)


def _about_to_start(step: TrackedStep, name: str) -> bool:
    member = step.members.get(name)
    return isinstance(member, Waiting) and member.reason.kind in _ABOUT_TO_START
