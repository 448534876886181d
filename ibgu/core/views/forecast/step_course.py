"""The course of one step that has not begun: list scheduling under the policies that hold it.

The next cluster in plan order takes a free slot, as soon as windows and freezes, the places of
limits, canaries and the rate limits let it. The engine's own gates and limits answer, at times to
come. No cluster fails, and other rollouts take no place.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush

from msgspec import Struct

from ibgu.core.engine.gate import policy_gate
from ibgu.core.engine.gates import Candidate, MemberGate
from ibgu.core.engine.state.budgets import PolicyBudget
from ibgu.core.engine.state.canaries import PolicyCanaries
from ibgu.core.engine.state.failures import FailedMember
from ibgu.core.engine.state.policy_limits import Place, PolicyLimits
from ibgu.core.engine.timing.rate_limits import MINUTE, UNLIMITED, RateLimits
from ibgu.core.model import ActionName, ClusterView, Reason, traits
from ibgu.core.text.counted import first_names

HORIZON = timedelta(days=365)
"""Nothing is forecast beyond this time after the beginning of a step."""
_NAMED = 3
"""The canaries that a reason names."""
UNREACHABLE = "the hub can't reach them now"


class PlannedStep(Struct, frozen=True):
    number: int
    """The first one is 1."""
    actions: tuple[ActionName, ...]
    clusters: Sequence[ClusterView]
    """The clusters in the order of starts."""
    slots: int
    timeout: timedelta
    rate_limits: RateLimits = UNLIMITED


class PlanRules(Struct, frozen=True):
    """PlanRules keep clusters of the plan from starting."""

    candidate: Callable[[ClusterView, Sequence[ActionName], datetime, bool], Candidate]
    """Returns what gates are asked about: a cluster with the actions that it has left, when, and
    whether it has carried out one of the step already."""
    gates: Sequence[MemberGate] = ()
    """Those that can be asked in advance, in order."""
    limits: Sequence[PolicyLimits] = ()
    canaries: Sequence[PolicyCanaries] = ()
    budgets: Sequence[PolicyBudget] = ()
    failures: Sequence[FailedMember] = ()
    """Those of the hub that budgets count, in order of time. No other cluster fails."""
    fleet: Mapping[str, ClusterView] = {}
    """The clusters of the hub, by name."""
    approved: Sequence[str] = ()
    """The gates of policies that want people to approve something."""


class StepEnd(Struct, frozen=True):
    at: datetime | None
    """None: no cluster starts, so the end is not known."""
    unreached: Mapping[str, str]
    """Why clusters do not get to the end of the step, by their names."""


def later(moment: datetime, span: timedelta) -> datetime:
    """Returns the end of the span, or the calendar's last moment if that comes first."""
    last = datetime.max.replace(tzinfo=moment.tzinfo)
    return moment + span if span < last - moment else last


class _Canaries:
    """_Canaries are those of one policy in the step, with the clusters that wait behind them."""

    def __init__(self, policy: PolicyCanaries, names: Sequence[str]) -> None:
        self.policy = policy
        self.chosen = frozenset(names)
        self.left = set(names)
        """Those that have not ended."""
        self.behind: list[int] = []
        self.soaked_at: datetime | None = None
        """None: some have not ended."""


class StepCourse:
    """StepCourse plays one step. Clusters are numbers: their places in the plan's order.

    Each cluster is either in flight (`_ends`), ended, unreached, or in exactly one of the queues:
    `_ready` for a slot, `_later` for a time, `_parked` for a place, or behind canaries. As long as
    a place has room, one of those that were parked at it is ready or waits for something else.
    """

    def __init__(
        self,
        step: PlannedStep,
        rules: PlanRules,
        begin: datetime,
        durations: Mapping[ActionName, timedelta],
    ) -> None:
        self._step, self._rules, self._durations = step, rules, durations
        self._now = self._last = begin
        self._deadline = later(begin, step.timeout)
        self._horizon = later(begin, HORIZON)
        self._gates = [
            [gate for gate in rules.gates if self._may_keep(gate, place)]
            for place in range(len(step.actions))
        ]
        self._unreached = {each.name: UNREACHABLE for each in step.clusters if not each.reachable}
        self._ready = [n for n, each in enumerate(step.clusters) if each.reachable]
        self._later: list[tuple[datetime, int]] = []
        self._ends: list[tuple[datetime, int]] = []
        self._starts: list[datetime] = []
        self._ended = 0
        # No policy holds what leads a cluster back.
        forward = not traits(step.actions[0]).leads_back
        limits = [each for each in rules.limits if forward and each.hold(step.actions)]
        self._places = [
            [(each, place) for each in limits for place in each.places(cluster)]
            for cluster in step.clusters
        ]
        self._taken: Counter[Place] = Counter()
        self._parked: dict[Place, list[int]] = {}
        self._canaries = [
            _Canaries(each, [cluster.name for cluster in each.among(step.clusters)])
            for each in rules.canaries
            if forward and each.hold(step.actions)
        ]

    def _may_keep(self, gate: MemberGate, place: int) -> bool:
        actions = self._step.actions
        if place:
            return gate.guards(actions[place]) and gate.concerns_step(actions[place:])
        return gate.keeps(actions[0]) and gate.concerns_step(actions)

    def end(self) -> StepEnd:
        self._release_canaries()
        self._start_ready()
        while (at := self._next_change()) is not None:
            if not self._ends and not self._ready:
                # The step's clock stands while policies keep all clusters (R50.6).
                self._deadline = later(self._deadline, at - self._now)
            if at > self._deadline:
                self._time_out()
                break
            self._go_on_to(at)
            self._start_ready()
        else:
            self._give_up_behind_canaries()
        return StepEnd(self._last if self._starts else None, self._unreached)

    def _start_ready(self) -> None:
        while self._ready and self._has_slot() and self._rate_opens() <= self._now:
            number = heappop(self._ready)
            if self._is_kept(number):
                self._wake(number)
            else:
                self._start(number)

    def _has_slot(self) -> bool:
        return len(self._ends) < self._step.rate_limits.width(self._step.slots, self._ended)

    def _rate_opens(self) -> datetime:
        rate = self._step.rate_limits.starts_per_minute
        return self._starts[-rate] + MINUTE if 0 < rate <= len(self._starts) else self._now

    def _is_kept(self, number: int) -> bool:
        """Puts the cluster into the queue of what keeps it; returns whether anything does."""
        cluster = self._step.clusters[number]
        # A canary of any policy waits for no canary of another one.
        if not any(cluster.name in each.chosen for each in self._canaries):
            for group in self._canaries:
                if group.policy.selects(cluster):
                    group.behind.append(number)
                    return True
        for limits, place in self._places[number]:
            if self._taken[place] >= limits.room(place):
                heappush(self._parked.setdefault(place, []), number)
                return True
        # Gates take the longest to ask.
        if (reason := self._ask(cluster, 0, self._now)) is None:
            return False
        if (opens := self._opens(reason, self._now)) is not None:
            heappush(self._later, (opens, number))
        else:
            self._leave_out(number, _words(reason))
        return True

    def _ask(self, cluster: ClusterView, place: int, at: datetime) -> Reason | None:
        """Returns why a gate keeps the cluster from that action of the step at that time."""
        candidate = self._rules.candidate(cluster, self._step.actions[place:], at, place > 0)
        reasons = (gate.ask(candidate) for gate in self._gates[place])
        return next((reason for reason in reasons if reason is not None), None)

    def _opens(self, reason: Reason, now: datetime) -> datetime | None:
        """Returns when to ask the gate again; None: that is not known, or too far away."""
        until = reason.until
        return until if until is not None and now < until <= self._horizon else None

    def _leave_out(self, number: int, why: str) -> None:
        self._unreached[self._step.clusters[number].name] = why

    def _wake(self, number: int) -> None:
        """Has one cluster ask again for each place with room that this one leaves to others."""
        for limits, place in self._places[number]:
            parked = self._parked.get(place)
            if parked and self._taken[place] < limits.room(place):
                heappush(self._ready, heappop(parked))

    def _start(self, number: int) -> None:
        """Starts the cluster, unless it could never take a later action of its chain."""
        cluster, at = self._step.clusters[number], self._now + self._step.rate_limits.jitter / 2
        for place, action in enumerate(self._step.actions):
            while place and (reason := self._ask(cluster, place, at)) is not None:
                if (opens := self._opens(reason, at)) is None:
                    self._leave_out(number, _words(reason))
                    self._wake(number)
                    return
                at = opens
            at += self._durations[action]
        heappush(self._ends, (at, number))
        self._starts.append(self._now)
        self._taken.update(place for _, place in self._places[number])

    def _next_change(self) -> datetime | None:
        times = [each[0][0] for each in (self._ends, self._later) if each]
        times += [each.soaked_at for each in self._canaries if each.soaked_at is not None]
        if self._ready and self._has_slot():
            times.append(self._rate_opens())
        return min(times, default=None)

    def _go_on_to(self, at: datetime) -> None:
        self._now = at
        while self._ends and self._ends[0][0] <= at:
            self._end(heappop(self._ends)[1])
        while self._later and self._later[0][0] <= at:
            heappush(self._ready, heappop(self._later)[1])
        self._release_canaries()

    def _end(self, number: int) -> None:
        cluster = self._step.clusters[number]
        self._last, self._ended = self._now, self._ended + 1
        self._taken.subtract(place for _, place in self._places[number])
        self._wake(number)
        for each in self._canaries:
            each.left.discard(cluster.name)

    def _release_canaries(self) -> None:
        """Lets those start that wait behind canaries which have soaked."""
        waiting = []
        for each in self._canaries:
            if not each.left and each.soaked_at is None:
                each.soaked_at = self._now + (each.policy.soak if each.chosen else timedelta())
            if each.soaked_at is None or each.soaked_at > self._now:
                waiting.append(each)
            else:
                self._ready += each.behind
        self._canaries = waiting
        heapify(self._ready)

    def _time_out(self) -> None:
        self._last, step = self._deadline, self._step.number
        for _, number in self._ends:
            self._leave_out(number, f"the timeout of step {step} ends while they are under way")
        behind = [number for each in self._canaries for number in each.behind]
        parked = [number for each in self._parked.values() for number in each]
        for number in (*self._ready, *(each[1] for each in self._later), *behind, *parked):
            self._leave_out(number, f"the timeout of step {step} ends before they may start")

    def _give_up_behind_canaries(self) -> None:
        """Leaves out those that wait for canaries which do not end."""
        for each in self._canaries:
            first = first_names(sorted(each.left), _NAMED)
            for number in each.behind:
                gate = policy_gate(each.policy.policy)
                self._leave_out(number, f"{gate}: the canaries go first: {first}")


def _words(reason: Reason) -> str:
    return f"{reason.gate}: {reason.message}" if reason.gate else reason.message
