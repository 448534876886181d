"""Members past their limit: which they are, and which of them end though nobody asks for a slot of
theirs (R11.3, R50.3, R50.11)."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.gated import closed_but_limits, kept_alone, stopped
from ibgu.core.engine.decide.member.members import expire, leave_slot
from ibgu.core.engine.gate import policy_gate
from ibgu.core.engine.gates import GATE_REASONS, allowed_starts, closed, room_after, start_delay
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.occupancy import fewest_in_the_way
from ibgu.core.engine.state.policy_limits import Place, PolicyLimits
from ibgu.core.engine.timing.times import SETTLE
from ibgu.core.model import ActingParty, Ended, InFlight, ReasonKind, Waiting, traits

LOOK_AGAIN = timedelta(minutes=1)
"""The time until it is looked again whether another rollout still waits for the same places."""
LOOK = 1000
"""The most waiting members for whose places somebody past the limit is looked for."""


def awaits_disarm(member: InFlight) -> bool:
    """Whether the member keeps its slot only until its work is disarmed."""
    run = member.run
    return isinstance(run, Ended) and not run.result.success


def overdue(ctx: DecisionContext, step: TrackedStep) -> list[InFlight]:
    """Returns the members past their limit, earliest first. A limit that passed behind a gate, such
    as the circuit breaker, does not count."""
    return [member for member in _past_limit(ctx, step) if not stopped(step, member)]


def leaving(ctx: DecisionContext, step: TrackedStep) -> list[InFlight]:
    """Returns the members that leave their slots once others could start, earliest limit first:
    those past their limit, also where a gate of their cluster alone keeps them."""
    late = _past_limit(ctx, step)
    return [member for member in late if kept_alone(member) or not stopped(step, member)]


def _past_limit(ctx: DecisionContext, step: TrackedStep) -> Iterator[InFlight]:
    """Yields the members past their limit, earliest first. One that passed while ibgu was out of
    sync counts only SETTLE after that."""
    since = ctx.facts.in_sync_since
    settled = ctx.now >= since + SETTLE
    late = (member for member in step.limited(ctx.now) if not awaits_disarm(member))
    return (member for member in late if settled or member.limit > since)


def next_limit(ctx: DecisionContext, step: TrackedStep) -> datetime | None:
    """Returns when the next member passes its limit, if one will."""
    settled = ctx.facts.in_sync_since + SETTLE
    due = step.next_limit(ctx.now)
    return settled if settled > ctx.now and (due is None or settled < due) else due


def expire_canaries(ctx: DecisionContext, step: TrackedStep) -> None:
    """Ends canaries past their limit that others wait for: these are in no queue, so nobody asks
    for a slot."""
    awaited = {
        name
        for each in ctx.snapshot.canaries
        if next(step.kept_by(policy_gate(each.policy)), None) is not None
        for name in each.of(step, ctx.now)
    }
    for member in overdue(ctx, step) if awaited else ():
        if member.cluster in awaited:
            expire(ctx, member)


def expire_in_places(ctx: DecisionContext, step: TrackedStep) -> None:
    """Takes slots and places from members past their limit for others that wait for their places,
    and could start there now. One whose action reboots goes on, since its cluster may still do so
    beside the next one. So does one whose cluster the hub can't reach, if the cluster would keep
    its places: its action resumes pools, or an earlier one may still reboot it."""
    if not any(who is ActingParty.CLUSTER for _, who in step.kept):
        return
    late = [each for each in leaving(ctx, step) if _leaves_places(ctx, each)]
    if not late or start_is_kept(ctx, step):
        return
    ending = list(_PlacesOfStep(ctx, step).ending_for_others(late))
    disarming = sum(map(awaits_disarm, step.in_flight.values()))
    coming = disarming + len(list(step.head(step.free)))
    starts = allowed_starts(ctx.snapshot, step, ctx.now, coming + len(ending))
    ending = ending[: max(0, starts - coming)]
    ended = disarming + sum(not kept_alone(member) for member in ending)
    if room_after(ctx.tracked, step, disarming + len(ending), ended) <= 0:
        return
    for member in ending:
        leave_slot(ctx, member)


def fitting_together(
    ctx: DecisionContext, step: TrackedStep, members: Iterable[Waiting]
) -> list[Waiting]:
    """Returns the first of the members for which policies have places together: each of them alone
    may fit. A run that its cluster took after all needs none."""
    places, taken = _PlacesOfStep(ctx, step), ReasonKind.REOPENING
    return [each for each in members if each.reason.kind is taken or places.take(each)]


def start_is_kept(ctx: DecisionContext, step: TrackedStep) -> bool:
    """Whether nobody could start in the step, even with a slot."""
    reason = closed(ctx.snapshot, step, ctx.now)
    if reason is not None and reason.until is not None:
        ctx.requeue_at("", reason.until)
    return reason is not None and not GATE_REASONS[reason.kind].needs_slot


def _leaves_places(ctx: DecisionContext, member: InFlight) -> bool:
    """Whether the member's places would be free once it has left its slot."""
    run = member.run
    leaves = kept_alone(member) or (run.open and not traits(run.action).reboots)
    return leaves and _is_vacated(ctx, member)


def _is_vacated(ctx: DecisionContext, member: InFlight) -> bool:
    """Whether the cluster of a member that leaves its slot counts no more once its claim is
    released (R50.3). A run that has succeeded leaves nothing behind."""
    cluster = ctx.snapshot.cluster(member.cluster)
    if cluster is not None and cluster.uid == member.uid and cluster.reachable:
        return True
    reboots = traits(member.run.action).reboots_nodes and not kept_alone(member)
    return not (reboots or ctx.fleet.occupancy.may_reboot(member.uid))


class _PlacesOfStep:
    """_PlacesOfStep offers the places of policies to the waiting members of a step, in R4's
    order."""

    def __init__(self, ctx: DecisionContext, step: TrackedStep) -> None:
        self._ctx, self._step = ctx, step
        own, grants = {gate.name for gate in ctx.snapshot.policies}, ctx.consent().grants
        gates = {policy_gate(each.name): each for each in ctx.fleet.occupancy.limits}
        self._limits = {
            gate: limits
            for gate, limits in gates.items()
            if gate in own and not grants.passes(gate, ctx.now)
        }
        """The limits that hold the rollout, by their gates."""
        self._offered = Counter[Place]()
        """How many more are free at each place than the fleet's occupancy has, or fewer."""

    def ending_for_others(self, late: list[InFlight]) -> Iterator[InFlight]:
        """Yields those of the late members that have to end so that others can start."""
        left = list(late)
        for member in self._step.in_flight.values():
            if awaits_disarm(member) and _is_vacated(self._ctx, member):
                self._offered.update(self._taken(member))
        for waiting in islice(self._step.waiting_for_places(), LOOK):
            places = self._needed(waiting)
            ending = self._in_the_way(places, left)
            if ending is None or (ending and not self._may_start(waiting)):
                continue
            for member in ending:
                left.remove(member)
                self._offered.update(self._taken(member))
            self._offered.subtract(places)
            yield from ending

    def take(self, member: Waiting) -> bool:
        """Takes the places that the member needs; returns whether all of them were free."""
        places = self._needed(member)
        if any(self._free(place) <= 0 for place in places):
            return False
        self._offered.subtract(places)
        return True

    def _in_the_way(self, places: list[Place], late: list[InFlight]) -> list[InFlight] | None:
        """Returns the late members that have the full ones of these places, as few as possible and
        the earliest limits first; None: a place would stay full, or another rollout waits for it
        and might take it."""
        rooms = {place: self._free(place) for place in places}
        full = {place for place, room in rooms.items() if room <= 0}
        if any(rooms[place] < 0 or self._is_awaited(place) for place in full):
            return None
        return fewest_in_the_way(full, late, self._taken)

    def _free(self, place: Place) -> int:
        ctx, limits = self._ctx, self._limits[policy_gate(place.policy)]
        free = ctx.fleet.occupancy.free(limits, place, ctx.snapshot.cluster)
        return free + self._offered[place]

    def _is_awaited(self, place: Place) -> bool:
        """Whether another rollout waits for places of the policy. Nothing tells when it does no
        longer."""
        gate = (policy_gate(place.policy), ActingParty.CLUSTER)
        rollouts, mine = self._ctx.fleet.rollouts.values(), self._ctx.tracked
        steps = (each.current for each in rollouts if each is not mine)
        awaited = any(step is not None and gate in step.kept for step in steps)
        if awaited:
            self._ctx.requeue_at("", self._ctx.now + LOOK_AGAIN)
        return awaited

    def _taken(self, member: InFlight) -> list[Place]:
        """Returns the places that the member has."""
        return self._places(member.cluster, self._limits.values())

    def _needed(self, member: Waiting) -> list[Place]:
        """Returns the places that the member needs: those of policies that hold what it has to
        do."""
        rest = self._step.step.actions[member.action_index :]
        holding = (each for each in self._limits.values() if each.hold(rest))
        return self._places(member.cluster, holding)

    def _places(self, name: str, limits: Iterable[PolicyLimits]) -> list[Place]:
        cluster = self._ctx.snapshot.cluster(name)
        return [] if cluster is None else [p for each in limits for p in each.places(cluster)]

    def _may_start(self, member: Waiting) -> bool:
        """Whether nothing but a place keeps the member, whose cluster the hub can reach. Its jitter
        begins now, and has to be over."""
        ctx, step = self._ctx, self._step
        seen = ctx.observe(member.cluster)
        reachable = seen.cluster is not None and seen.cluster.reachable
        if not reachable or closed_but_limits(ctx, member, seen) is not None:
            return False
        delay = start_delay(ctx.tracked, step, member)
        due = step.put_off.setdefault(member.cluster, ctx.now) + delay if delay else ctx.now
        if due > ctx.now:
            ctx.requeue_at("", due)
        return due <= ctx.now
