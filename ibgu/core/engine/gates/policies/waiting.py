"""Members that wait and are decided on again, because a policy may let them go (R50).

Nothing else tells them: what has changed is in another rollout, or in the policies themselves.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from datetime import datetime
from itertools import chain, islice

from ibgu.core.engine.gate import policy_gate
from ibgu.core.engine.gates.policies.policy import PolicyInForce
from ibgu.core.engine.gates.shares import look_ahead
from ibgu.core.engine.state import FleetState, TrackedStep
from ibgu.core.engine.state.canaries import CanaryState, PolicyCanaries
from ibgu.core.engine.state.health_observations import Canary
from ibgu.core.engine.state.occupancy import ClusterLookup
from ibgu.core.engine.state.policy_limits import Place, PolicyLimits
from ibgu.core.model import ActingParty, ClusterView

_LOOK = 100
"""The most members of a step whose reasons follow which dark clusters have their places."""


class WaitingMembers:
    """WaitingMembers are those that policies keep in the rollouts of one fleet."""

    def __init__(
        self,
        fleet: FleetState,
        cluster: ClusterLookup,
        clusters: Callable[[], Iterable[ClusterView]],
    ) -> None:
        """`clusters` returns those of the whole hub."""
        self._fleet = fleet
        self._cluster = cluster
        self._clusters = clusters
        self._policies: Sequence[PolicyInForce] = ()
        self._seen: dict[tuple[str, int, str], tuple[CanaryState, frozenset[str]]] = {}
        """What the members behind canaries were decided on, by rollout, step and policy: the state
        of these canaries, and who is one of any policy."""

    def follow(self, policies: Sequence[PolicyInForce]) -> None:
        """Asks these policies from now on."""
        self._policies = policies
        self._recount_limits()
        self._fleet.occupancy.follow(self._limits())

    def recount(self, now: datetime) -> bool:
        """Looks again at what changes with labels and time: limits that are a share of clusters,
        dark clusters, canaries and budgets. Returns whether that changes who may start."""
        outdated = self._fleet.occupancy.drop_outdated(now)
        again = (*self._chosen_again(now), *self._judged_again())
        return any([self._recount_limits(), outdated, *again])

    def _recount_limits(self) -> bool:
        shares = [limits for limits in self._limits() if limits.by_share]
        clusters = list(self._clusters()) if shares else []
        changed = [each.count(sum(map(each.selects, clusters))) for each in shares]
        return any(changed)

    def _chosen_again(self, now: datetime) -> Iterator[bool]:
        return (canaries.choose_again(step, now) for canaries, step in self._awaited())

    def _judged_again(self) -> Iterator[bool]:
        budgets = [each.budget for each in self._policies if each.budget is not None]
        by_labels = [each for each in budgets if each.about_some]
        for tracked in self._fleet.rollouts.values() if by_labels else ():
            if (step := tracked.current) is not None:
                failures = self._fleet.failures
                yield from (each.judge_again(failures, tracked, step) for each in by_labels)

    def _awaited(self) -> Iterator[tuple[PolicyCanaries, TrackedStep]]:
        """Yields the canaries of each policy with each step of which policies keep members."""
        canaries = [each.canaries for each in self._policies if each.canaries is not None]
        for tracked in self._fleet.rollouts.values() if canaries else ():
            step = tracked.current
            if step is not None and step.kept:
                yield from ((each, step) for each in canaries)

    def to_observe(self, now: datetime) -> Iterator[Canary]:
        """Yields the canaries whose health ibgu has to observe."""
        canaries = [each.canaries for each in self._policies if each.canaries is not None]
        for tracked in self._fleet.rollouts.values() if canaries else ():
            step = tracked.current
            if step is not None:
                yield from (found for each in canaries for found in each.to_observe(step, now))

    @property
    def closing_at(self) -> datetime | None:
        """The time at which a policy may keep clusters that it lets start now; None: none will."""
        times = (each.closing.at for each in self._policies if each.closing is not None)
        return min((each for each in times if each is not None), default=None)

    def closed_meanwhile(self, now: datetime) -> Iterator[tuple[str, list[str]]]:
        """Yields the waiting clusters, by the rollout's uid, if a window has closed since somebody
        was let start, a freeze has begun, or an approval has ended: nothing else tells those that
        wait for a slot or a place. The same goes for those that a policy keeps while actions need
        other times than before."""
        timed = [(each, each.closing) for each in self._policies if each.closing is not None]
        closed = [closing.take(now) for _, closing in timed]
        changed = [each.gates[0].name for each, closing in timed if closing.take_changed()]
        for uid, tracked in self._fleet.rollouts.items() if any(closed) or changed else ():
            step = tracked.current
            if step is not None:
                kept = (name for gate in changed for name in _kept_by(step, gate))
                yield uid, list(chain(_in_turn(step) if any(closed) else (), kept))

    def to_decide_again(self, now: datetime) -> Iterator[tuple[str, list[str]]]:
        """Yields the clusters of waiting members that a policy may let go, by the rollout's uid:
        nothing else tells them."""
        yield from self._waiting_for_places()
        yield from self._behind_canaries(now)
        yield from self._behind_budgets()

    def _waiting_for_places(self) -> Iterator[tuple[str, list[str]]]:
        """Yields those for which places have become free: of each rollout at most as many as there
        are places, so that none of them waits for one that can't start (R50.17)."""
        if not self._fleet.occupancy.take_freed():
            return
        steps = {
            uid: step
            for uid, tracked in self._fleet.rollouts.items()
            if (step := tracked.current) is not None and step.kept
        }
        for limits in self._limits():
            for uid, step in steps.items():
                if names := list(self._next(limits, step)):
                    yield uid, names
        yield from self._beside_dark_clusters(steps)

    def _beside_dark_clusters(
        self, steps: Mapping[str, TrackedStep]
    ) -> Iterator[tuple[str, list[str]]]:
        """Yields the first ones that wait for places of dark clusters, if other such clusters have
        them now: their reasons name these."""
        changed = self._fleet.occupancy.take_dark(self._cluster)
        for limits in self._limits() if changed else ():
            for uid, step in steps.items():
                kept = step.kept.get((policy_gate(limits.name), ActingParty.CLUSTER), ())
                names = [name for _, name in islice(kept, _LOOK)]
                if found := [name for name in names if self._takes_any(limits, name, changed)]:
                    yield uid, found

    def _takes_any(self, limits: PolicyLimits, name: str, places: Set[Place]) -> bool:
        """Whether the cluster takes one of these places."""
        cluster = self._cluster(name)
        return cluster is not None and not places.isdisjoint(limits.places(cluster))

    def _behind_canaries(self, now: datetime) -> Iterator[tuple[str, list[str]]]:
        """Yields those whose canaries have changed since they were decided on."""
        known, self._seen = self._seen, {}
        chosen: dict[tuple[str, int], frozenset[str]] = {}
        for canaries, step in self._awaited():
            names = list(step.kept_by(policy_gate(canaries.policy)))
            if not names:
                continue
            key = (*step.step.key, canaries.policy)
            state = canaries.state(step, now)
            if step.step.key not in chosen:
                chosen[step.step.key] = self._canaries_of(step, now)
            found = self._seen[key] = (state, chosen[step.step.key])
            if known.get(key) != found:
                yield step.step.rollout, names

    def _canaries_of(self, step: TrackedStep, now: datetime) -> frozenset[str]:
        """Returns the canaries of all policies in the step: none of them waits for another one."""
        found = (each.canaries for each in self._policies if each.canaries is not None)
        return frozenset[str]().union(*(each.chosen(step, now) for each in found))

    def _behind_budgets(self) -> Iterator[tuple[str, list[str]]]:
        """Yields the rollouts that a budget may hold no longer: a failure of any of them, which
        counted on the whole hub, does not any more."""
        if not self._fleet.failures.take_removed():
            return
        for uid, tracked in self._fleet.rollouts.items():
            if tracked.current is not None and tracked.current.step.hold is not None:
                yield uid, []

    def _limits(self) -> tuple[PolicyLimits, ...]:
        return tuple(each.limits for each in self._policies if each.limits is not None)

    def _next(self, limits: PolicyLimits, step: TrackedStep) -> Iterator[str]:
        """Yields the clusters that the policy's limits have kept and would let start now, in their
        order. Members of the step that are about to start need their places. Those that did not
        answer go behind all others.

        In a step without a free slot these are only as many as may come next: each of them has to
        be decided on again before the next start."""
        kept = step.kept.get((policy_gate(limits.name), ActingParty.CLUSTER))
        if kept is None:
            return
        free: dict[Place, int] = {}
        for member in step.head(step.free):
            self._take(limits, member.cluster, free)
        ahead = look_ahead(step)
        if step.free <= 0 and len(step.queue) >= ahead:
            kept = kept[: bisect_right(kept, step.queue[ahead - 1])]
        names: Iterable[str] = (name for _, name in kept)
        if step.silent:
            names = sorted(names, key=step.silent.__contains__)
        for name in names:
            if self._take(limits, name, free):
                yield name
            if free.get(Place(limits.name), 1) <= 0:
                return

    def _take(self, limits: PolicyLimits, name: str, free: dict[Place, int]) -> bool:
        """Takes the cluster's places out of those that are free; returns whether all were."""
        cluster = self._cluster(name)
        places = list(limits.places(cluster)) if cluster is not None else []
        for place in places:
            if place not in free:
                free[place] = self._fleet.occupancy.free(limits, place, self._cluster)
        if any(free[place] <= 0 for place in places):
            return False
        free.update({place: free[place] - 1 for place in places})
        return True


def _kept_by(step: TrackedStep, gate: str) -> Iterator[str]:
    """Yields the clusters that the gate of a policy keeps, those between two actions included."""
    yield from step.kept_by(gate)
    yield from (name for name, each in step.in_flight.items() if each.reason.gate == gate)


def _in_turn(step: TrackedStep) -> Iterator[str]:
    """Yields the clusters of the members that wait for a slot, or for a place of a policy."""
    kept = (places for (_, who), places in step.kept.items() if who is ActingParty.CLUSTER)
    for places in (step.queue, *kept):
        yield from (name for _, name in places)
