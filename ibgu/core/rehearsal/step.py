"""One run of one step in virtual time: slots, chains, limits, deadline, circuit breaker, policies.

Each rule is the engine's own, named by its number. What the engine learns from clusters is drawn
here, so an event costs a few operations on heaps and no cycle of decisions. That both agree is
tested on the same fleets with the same draws (tests/core/rehearsal).
"""

from collections import deque
from collections.abc import Mapping, Sequence
from enum import IntEnum, auto
from heapq import heappop, heappush

from ibgu.core.engine.timing.times import PROBE_TIMEOUT
from ibgu.core.rehearsal.breaker import Breaker, FailureKind
from ibgu.core.rehearsal.model import NEVER, Draws
from ibgu.core.rehearsal.places import Places
from ibgu.core.rehearsal.record import RunRecord
from ibgu.core.rehearsal.rules import StepRules
from ibgu.core.rehearsal.step_end import Held, StepEnd
from ibgu.core.rehearsal.time_left import TimeLeft

_MINUTE = 60.0
_MIN_AHEAD = 10
"""The fewest members that are asked about before their turn comes, as in the engine."""
_PROBE_TIMEOUT = PROBE_TIMEOUT.total_seconds()


class _Due(IntEnum):
    """_Due is what happens to a member; of things at one moment, the first comes first."""

    ACTION_ENDS = auto()
    PLACE_FREED = auto()
    MAY_START = auto()
    MAY_GO_ON = auto()
    ASKED_AGAIN = auto()


class StepRun:
    """StepRun takes the members of a step to its end. At most `slots` members are in flight, and no
    place of a policy has more members than it has room for."""

    def __init__(
        self,
        rules: StepRules,
        members: Sequence[int],
        draws: Draws,
        record: RunRecord,
        begin: float,
        dark: Mapping[int, float],
    ) -> None:
        """`members` are clusters, in R4's order; `dark`: those that still reboot, until when."""
        self._rules, self._record, self._now = rules, record, begin
        self._draws = [draws[action] for action in rules.actions]
        self._total = len(members)
        self._waiting = self._total
        self._time = TimeLeft(rules, self._total, begin)
        self._ahead = max(_MIN_AHEAD, rules.slots)
        self._breaker = Breaker(rules.failures)
        self._queue = iter(members)
        """Members that nobody has asked about, in R4's order."""
        self._ready: list[int] = []
        """The next members, which no policy is known to keep: a heap."""
        self._events: list[tuple[float, int, int]] = []
        self._action: dict[int, int] = {}
        """The action of each member in flight, also of one that is kept."""
        self._ends: dict[int, float] = {}
        self._between = 0
        """Members that a policy or the circuit breaker keeps between two actions."""
        self._kept = 0
        """Members that policies keep from their first action."""
        self._since: dict[int, tuple[float, int]] = {}
        """Since when a policy keeps a member, and which."""
        self._places = Places(rules.places)
        self._recent: deque[float] = deque()
        self._rate_opens = NEVER
        self._succeeded = self._failed = self._expired = self._never = 0
        self._ended: dict[int, float] = {}
        self._results: list[tuple[float, int, int, bool]] = []
        self._dark: dict[int, float] = {}
        self._late: dict[int, int] = {}
        """The action of each member of this step that still reboots, and has failed."""
        self._timed_out = False
        self._take_dark(dark, members)

    def _take_dark(self, dark: Mapping[int, float], members: Sequence[int]) -> None:
        """Keeps the places of clusters that a former step has left in a reboot (R50.3), which can't
        start before they are back."""
        left = {cluster: until for cluster, until in dark.items() if until > self._now}
        self._dark.update(left)
        for cluster, until in left.items():
            self._places.occupy(cluster)
            heappush(self._events, (until, _Due.PLACE_FREED, cluster))
        for cluster in members:
            if cluster in left:
                heappush(self._events, (left[cluster], _Due.MAY_START, cluster))
        self._queue = iter([cluster for cluster in members if cluster not in left])

    # -- the course of the step ----------------------------------------------------------------

    def run(self) -> StepEnd:
        while True:
            self._start_members()
            if not self._waiting and not self._action:
                return self._end(Held.NOT)
            if self._breaker.holds and len(self._action) == self._between:
                return self._end(Held.CIRCUIT_BREAKER)
            stands = self._clock_stands()
            due, deadline = self._next_due(), NEVER if stands else self._time.deadline()
            if due == deadline == NEVER:
                return self._end(Held.POLICY)
            if deadline < due:
                self._advance(deadline)
                self._expire_all()
                return self._end(Held.NOT)
            if stands:
                self._time.stand(due - self._now)
            self._advance(due)
            self._happen()

    def _clock_stands(self) -> bool:
        """Whether policies keep the step, and nobody in flight is under way (R50.6)."""
        if len(self._action) > self._between or (self._ready and self._has_room()):
            return False
        return self._kept + self._between > 0

    def _next_due(self) -> float:
        due = self._events[0][0] if self._events else NEVER
        if not self._ready:
            return due
        due = min(due, self._rate_opens)
        limit = self._time.next_limit()
        return min(due, limit) if limit > self._now else due

    def _advance(self, until: float) -> None:
        self._record.slots(self._now, until, len(self._action))
        self._now = until

    def _happen(self) -> None:
        events = self._events
        while events and events[0][0] <= self._now:
            when, due, cluster = heappop(events)
            if due == _Due.ACTION_ENDS:
                if self._ends.get(cluster) == when:
                    self._end_action(cluster)
            elif due == _Due.PLACE_FREED:
                self._come_back(cluster)
            elif due == _Due.MAY_START:
                self._release(cluster)
                heappush(self._ready, cluster)
            elif due == _Due.MAY_GO_ON:
                self._go_on_again(cluster)
            else:
                self._ask_again(cluster)

    def _come_back(self, cluster: int) -> None:
        """Ends the reboot of a cluster whose member has failed before, here or in a former step."""
        del self._dark[cluster]
        self._places.vacate(cluster)
        late = self._late.pop(cluster, None)
        if late is not None and not self._draws[late].fails[cluster]:
            self._breaker.completed_late(cluster)

    def _end(self, held: Held) -> StepEnd:
        for cluster in list(self._since):
            self._release(cluster)
        return StepEnd(
            self._now, held, self._succeeded, self._failed, self._expired, self._never,
            self._timed_out, self._ended, self._results, self._dark,
        )  # fmt: skip

    # -- starts --------------------------------------------------------------------------------

    def _start_members(self) -> None:
        """Gives free slots to the first members that may start (R3, R4), and takes slots from
        members past their limit for others that could start (R11.3). What is left of the slots goes
        to those for which places have become free (R50.3)."""
        self._rate_opens = NEVER
        self._fill()
        while self._places.any_freed and len(self._action) < self._rules.slots:
            self._wake()
            self._fill()

    def _fill(self) -> None:
        while self._look_ahead():
            if not self._has_room() and not self._make_room():
                return
            if self._closed():
                return
            cluster = self._next_startable()
            if cluster is None:
                return
            self._start(cluster)

    def _look_ahead(self) -> bool:
        """Asks about the members whose turn comes next, as the engine probes them; returns whether
        one is ready. One that a policy keeps then starts only once it is woken."""
        while len(self._ready) < self._ahead:
            cluster = next(self._queue, None)
            if cluster is None:
                break
            self._ask(cluster)
        return bool(self._ready)

    def _ask(self, cluster: int) -> None:
        """Asks the policies about the member."""
        self._probe(cluster)
        if not (self._outside(cluster) or self._without_place(cluster)):
            heappush(self._ready, cluster)

    def _probe(self, cluster: int) -> None:
        """Has the member looked at again when its probe has timed out, also if it was answered: the
        engine does, which matters to one that a full place keeps."""
        if self._places.exist:
            heappush(self._events, (self._now + _PROBE_TIMEOUT, _Due.ASKED_AGAIN, cluster))

    def _ask_again(self, cluster: int) -> None:
        if self._places.unpark(cluster):
            self._release(cluster)
            self._ask(cluster)

    def _make_room(self) -> bool:
        """Fails as many members past their limit as others could start now; returns whether there
        were any. The circuit breaker is asked before and after, not between two of them."""
        if self._time.next_limit() > self._now or self._closed():
            return False
        late, asking = self._time.overdue(self._now), list[int]()
        while len(asking) < min(len(late), self._starts_left()):
            cluster = self._next_startable()
            if cluster is None:
                break
            asking.append(cluster)
        for cluster in asking:
            heappush(self._ready, cluster)
        for cluster in late[: len(asking)]:
            self._expire(cluster)
        return bool(asking)

    def _has_room(self) -> bool:
        rules = self._rules
        width = rules.slots
        if rules.rates.ramp_up:
            width = rules.rates.width(rules.slots, self._succeeded + self._failed)
        return len(self._action) < width

    def _closed(self) -> bool:
        """Whether the circuit breaker, the time that is left, or the start rate keeps everybody."""
        return self._breaker.closes() or self._time.too_little(self._now) or self._rate_limited()

    def _rate_limited(self) -> bool:
        if self._starts_left() > 0:
            return False
        self._rate_opens = self._recent[0] + _MINUTE
        return True

    def _starts_left(self) -> int:
        """Returns how many more the start rate lets start now (R18.3)."""
        rate, recent = self._rules.rates.starts_per_minute, self._recent
        while recent and recent[0] <= self._now - _MINUTE:
            recent.popleft()
        return rate - len(recent) if rate else self._total

    def _next_startable(self) -> int | None:
        """Takes the first member that no policy keeps. Those that one keeps wait for it."""
        while self._ready:
            cluster = heappop(self._ready)
            if not (self._outside(cluster) or self._without_place(cluster)):
                return cluster
        return None

    def _outside(self, cluster: int) -> bool:
        """Whether a window or a freeze keeps the member until later."""
        for policy, calendar in self._rules.calendars[0][cluster]:
            opens = calendar.opens(self._now)
            if opens > self._now:
                self._keep(cluster, policy)
                if opens < NEVER:
                    heappush(self._events, (opens, _Due.MAY_START, cluster))
                self._places.pass_on(cluster)
                return True
        return False

    def _without_place(self, cluster: int) -> bool:
        """Whether one of the member's places is full (R50.3)."""
        place = self._places.full(cluster)
        if place is None:
            return False
        self._keep(cluster, self._rules.places.policy[place])
        self._places.park(cluster, place)
        self._places.pass_on(cluster)
        return True

    def _keep(self, cluster: int, policy: int) -> None:
        self._kept += 1
        self._since[cluster] = (self._now, policy)

    def _release(self, cluster: int) -> None:
        """Notes that no policy is known to keep the member any more."""
        if (found := self._since.pop(cluster, None)) is not None:
            since, policy = found
            self._record.kept(policy, cluster, self._now - since)
            self._kept -= cluster not in self._action

    def _start(self, cluster: int) -> None:
        self._set_limit(cluster)
        self._waiting -= 1
        self._places.occupy(cluster)
        if self._rules.rates.starts_per_minute:
            self._recent.append(self._now)
        self._begin_action(cluster, 0)

    def _begin_action(self, cluster: int, action: int) -> None:
        self._action[cluster] = action
        ends = self._now + self._draws[action].seconds[cluster]
        self._ends[cluster] = ends
        heappush(self._events, (ends, _Due.ACTION_ENDS, cluster))
        self._record.start(self._now, pulls=self._rules.pulls[action])

    def _wake(self) -> None:
        """Lets members try again for which places have become free."""
        for cluster in self._places.take_freed():
            self._release(cluster)
            self._probe(cluster)
            heappush(self._ready, cluster)

    def _set_limit(self, cluster: int) -> None:
        self._time.limit(cluster, self._now, self._waiting)

    # -- ends ----------------------------------------------------------------------------------

    def _end_action(self, cluster: int) -> None:
        action = self._action[cluster]
        success = not self._draws[action].fails[cluster]
        self._results.append((self._now, cluster, action, success))
        if self._rules.reboots[action]:
            self._breaker.count(cluster, FailureKind.NONE if success else FailureKind.FAILED)
        if not success:
            self._failed += 1
            self._finish(cluster)
        elif action + 1 < len(self._rules.actions):
            self._go_on(cluster, action + 1)
        else:
            self._succeeded += 1
            self._finish(cluster)

    def _go_on(self, cluster: int, action: int) -> None:
        """Begins the member's next action, unless a gate keeps it between the two (R18.7,
        R19.3)."""
        del self._ends[cluster]
        if self._kept_between(cluster, action):
            self._action[cluster] = action
            self._between += 1
            self._time.lift(cluster)
        else:
            self._begin_action(cluster, action)

    def _kept_between(self, cluster: int, action: int) -> bool:
        if self._rules.reboots[action] and self._breaker.closes():
            return True
        for policy, calendar in self._rules.calendars[action][cluster]:
            opens = calendar.opens(self._now)
            if opens > self._now:
                self._since[cluster] = (self._now, policy)
                if opens < NEVER:
                    heappush(self._events, (opens, _Due.MAY_GO_ON, cluster))
                return True
        return False

    def _go_on_again(self, cluster: int) -> None:
        """Begins the action that a policy has kept, with the limit of a member that starts now, if
        no other gate keeps it."""
        action = self._action[cluster]
        self._release(cluster)
        if not self._kept_between(cluster, action):
            self._between -= 1
            self._set_limit(cluster)
            self._begin_action(cluster, action)

    def _finish(self, cluster: int) -> None:
        del self._action[cluster]
        self._ends.pop(cluster, None)
        self._time.lift(cluster)
        self._ended[cluster] = self._now
        if cluster not in self._dark:
            self._places.vacate(cluster)

    def _expire(self, cluster: int) -> None:
        """Fails a member in flight whose time is over. Its action goes on; a reboot keeps the
        member's places until its end (R50.3)."""
        action = self._action[cluster]
        self._failed += 1
        self._expired += 1
        self._results.append((self._now, cluster, action, False))
        ends = self._ends.get(cluster)
        if ends is None:
            self._release(cluster)
            self._between -= 1
        else:
            self._leave_under_way(cluster, action, ends)
        self._finish(cluster)

    def _leave_under_way(self, cluster: int, action: int, ends: float) -> None:
        self._results.append((ends, cluster, action, not self._draws[action].fails[cluster]))
        if self._rules.reboots[action]:
            self._breaker.count(cluster, FailureKind.TIME_OVER)
            self._late[cluster] = action
            self._dark[cluster] = ends
            heappush(self._events, (ends, _Due.PLACE_FREED, cluster))

    def _expire_all(self) -> None:
        """Ends the step at its deadline (R11.4)."""
        self._timed_out = True
        for cluster in list(self._action):
            self._expire(cluster)
        self._never += self._waiting
        self._waiting = 0
