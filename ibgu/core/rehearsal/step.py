"""One run of one step in virtual time: who starts when, and what the step waits for.

Each rule is the engine's own, named by its number. What the engine learns from clusters is drawn
here, so an event costs a few operations on heaps and no cycle of decisions. That both agree is
tested on the same fleets with the same draws (tests/core/rehearsal).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush

from ibgu.core.engine.gates.shares import MIN_AHEAD
from ibgu.core.engine.timing.times import PROBE_TIMEOUT
from ibgu.core.rehearsal.holds import RunTallies
from ibgu.core.rehearsal.members import Due, StepMembers
from ibgu.core.rehearsal.model import NEVER, Draws
from ibgu.core.rehearsal.record import RunRecord
from ibgu.core.rehearsal.rules import StepRules
from ibgu.core.rehearsal.start_rate import StartRate
from ibgu.core.rehearsal.step_end import Held, StepEnd

_PROBE_TIMEOUT = PROBE_TIMEOUT.total_seconds()


class StepRun(StepMembers):
    """StepRun takes the members of a step to its end. At most `slots` members are in flight, and no
    place of a policy has more members than it has room for."""

    def __init__(
        self,
        rules: StepRules,
        members: Sequence[int],
        draws: Draws,
        record: RunRecord,
        tallies: RunTallies,
        begin: float,
        dark: Mapping[int, float],
    ) -> None:
        """`members` are clusters, in R4's order; `dark`: those that still reboot, until when."""
        super().__init__(rules, members, draws, record, tallies, begin)
        self._ahead = max(MIN_AHEAD, rules.slots)
        self._queue = iter(members)
        """Members that nobody has asked about, in R4's order."""
        self._ready: list[int] = []
        """The next members, which no policy is known to keep: a heap."""
        self._stands = False
        """Whether the step's clock stands."""
        self._closing = NEVER
        """When the next of the windows closes that are open for them."""
        self._rate = StartRate(rules.rates.starts_per_minute)
        self._take_dark(dark, members)

    def _take_dark(self, dark: Mapping[int, float], members: Sequence[int]) -> None:
        """Keeps the places of clusters that a former step has left in a reboot (R50.3), which can't
        start before they are back."""
        left = {cluster: until for cluster, until in dark.items() if until > self._now}
        self._dark.update(left)
        for cluster, until in left.items():
            self._places.occupy(cluster)
            heappush(self._events, (until, Due.PLACE_FREED, cluster))
        for cluster in members:
            if cluster in left:
                heappush(self._events, (left[cluster], Due.MAY_START, cluster))
        self._queue = iter([cluster for cluster in members if cluster not in left])

    # -- the course of the step ----------------------------------------------------------------

    def run(self) -> StepEnd:
        while True:
            raised = self._take_raised()
            self._start_members()
            for cluster in raised:
                self._go_on_again(cluster)
            if self._expire_canaries() or self._expire_in_places():
                continue
            if not self._waiting and not self._action:
                return self._end(Held.NOT)
            trip = self._holds.trip
            if trip and self._holds.next_change() == NEVER and not self._goes_on():
                return self._end(trip.held)
            self._stands = stands = self._clock_stands()
            due = self._next_due()
            deadline = NEVER if stands else max(self._now, self._time.deadline())
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

    def _goes_on(self) -> bool:
        """Whether a member is under way, or will go on though the step is held."""
        if len(self._action) > self._between:
            return True
        comes = (cluster for _, due, cluster in self._events if due == Due.MAY_GO_ON)
        return any(cluster in self._action for cluster in comes)

    def _clock_stands(self) -> bool:
        """Whether a hold or policies keep the step, and nobody in flight is under way within its
        limit (R11.6, R50.6). A clock that runs until the deadline does not stand from then on."""
        if not (self._stands or self._time.is_before_deadline(self._now)):
            return False
        under_way = len(self._action) - self._between
        within_limit = under_way > len(self._time.overdue(self._now))
        if self._holds.trip is not None:
            return not within_limit
        if self._kept + self._between == 0:
            return False
        if under_way == 0:
            return not (self._ready and self._has_room())
        # One past its limit may have the place of a policy that others wait for.
        if within_limit or self._ready:
            return False
        return not self._places.awaits_any(self._is_open)

    def _next_due(self) -> float:
        due = min(self._events[0][0] if self._events else NEVER, self._holds.next_change())
        if self._kept or self._between or self._holds.trip is not None:
            # The clock may stand from then on, unless the deadline has come.
            limit = self._time.next_limit_after(self._now)
            due = min(due, limit) if self._time.is_before_deadline(limit) else due
        self._closing = self._next_closing()
        due = min(due, self._closing)
        if not self._ready:
            return due
        due = min(due, self._rate.opens)
        limit = self._time.next_limit()
        comes = limit > self._now and self._time.is_before_deadline(limit)
        return min(due, limit) if comes else due

    def _next_closing(self) -> float:
        """Returns when the next window closes, or a freeze begins: those that wait for a slot or a
        place are asked again then (R50.5)."""
        if not (self._ready or self._places.awaited):
            return NEVER
        return min((each.closes(self._now) for each in self._rules.first), default=NEVER)

    def _advance(self, until: float) -> None:
        self._record.slots(self._now, until, len(self._action))
        self._now = until

    def _happen(self) -> None:
        events = self._events
        while events and events[0][0] <= self._now:
            when, due, cluster = heappop(events)
            if due == Due.ACTION_ENDS:
                if self._ends.get(cluster) == when:
                    self._end_action(cluster)
            elif due == Due.PLACE_FREED:
                self._come_back(cluster)
            elif due == Due.MAY_START:
                self._release(cluster)
                self._probe(cluster)
                heappush(self._ready, cluster)
            elif due == Due.MAY_GO_ON:
                self._go_on_again(cluster)
            elif due == Due.ASKED_AGAIN:
                self._ask_again(cluster)
            elif due == Due.CANARIES_WELL:
                self._follow_canaries(cluster)
            elif self._time.limit_of(cluster) <= self._now < self._time.deadline():
                self._late_canaries.add(cluster)
        if self._now >= self._closing:
            self._ask_ready_again()

    # -- starts --------------------------------------------------------------------------------

    def _start_members(self) -> None:
        """Gives free slots to the first members that may start (R3, R4), and takes slots from
        members past their limit for others that could start (R11.3). What is left of the slots goes
        to those for which places have become free (R50.3)."""
        self._rate.opens = NEVER
        self._fill()
        while self._places.any_freed:
            self._wake()
            self._fill()
        if self._kept and not self._ready and self._has_room():
            # A hold is noted even while policies keep all who wait.
            self._holds.closed(self._now)

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
        if not self._kept_by_policies(cluster):
            heappush(self._ready, cluster)

    def _probe(self, cluster: int) -> None:
        """Has the member looked at again when its probe has timed out, also if it was answered: the
        engine does, which matters to one that a full place keeps. Later steps need no probe (R8.4),
        but are about clusters that change on the hub as the step before ends."""
        if self._places.exist:
            heappush(self._events, (self._now + _PROBE_TIMEOUT, Due.ASKED_AGAIN, cluster))

    def _ask_again(self, cluster: int) -> None:
        if self._places.unpark(cluster):
            self._release(cluster)
            self._ask(cluster)
        elif cluster not in self._action and self._places.full(cluster) is not None:
            self._drop_if_kept(cluster)

    def _drop_if_kept(self, cluster: int) -> None:
        """Has the next member wait for its policy if one keeps it by now, and for no slot."""
        if cluster in self._ready and self._kept_by_policies(cluster):
            self._ready.remove(cluster)
            heapify(self._ready)

    def _ask_ready_again(self) -> None:
        self._closing = NEVER
        # What is sorted is a heap. Taken out one by one, ten thousand would take seconds.
        self._ready = [each for each in sorted(self._ready) if not self._kept_by_policies(each)]

    def _make_room(self) -> bool:
        """Fails as many members past their limit as others could start together; returns whether
        there were any. The circuit breaker is asked before and after, not between two of them."""
        if self._time.next_limit() > self._now or self._closed():
            return False
        late, asking = self._time.overdue(self._now), list[int]()
        taken, starts = Counter[int](), 0
        while starts < min(len(late), self._rate.left(self._now, self._total)):
            cluster = self._next_startable()
            if cluster is None:
                break
            asking.append(cluster)
            starts += self._places.take(cluster, taken)
        for cluster in asking:
            heappush(self._ready, cluster)
        for cluster in late[:starts]:
            self._expire(cluster)
        return starts > 0

    def _expire_in_places(self) -> bool:
        """Fails members past their limit for others that wait for their places (R11.3); returns
        whether there were any. One in a reboot would keep its places (R50.3)."""
        if not self._places.awaited or self._closed():
            return False
        reboots, late = self._rules.reboots, self._time.overdue(self._now)
        leaving = [cluster for cluster in late if not reboots[self._action[cluster]]]
        ending = self._places.in_the_way(leaving, self._is_open) if leaving else []
        ending = ending[: self._rate.left(self._now, len(ending))]
        for cluster in ending:
            self._expire(cluster)
        return bool(ending)

    def _is_open(self, cluster: int) -> bool:
        """Whether no window or freeze keeps the member."""
        calendars = self._rules.calendars[0][cluster]
        return all(calendar.opens(self._now) <= self._now for _, calendar in calendars)

    def _has_room(self) -> bool:
        rules = self._rules
        width = rules.slots
        if rules.rates.ramp_up:
            width = rules.rates.width(rules.slots, self._succeeded + self._failed)
        return len(self._action) < width

    def _closed(self) -> bool:
        """Whether a hold, the time that is left, or the start rate keeps everybody."""
        return (
            self._holds.closed(self._now)
            or self._time.too_little(self._now)
            or self._rate.keeps(self._now)
        )

    def _next_startable(self) -> int | None:
        """Takes the first member that no policy keeps. Those that one keeps wait for it."""
        while self._ready:
            cluster = heappop(self._ready)
            if not self._kept_by_policies(cluster):
                return cluster
        return None

    def _kept_by_policies(self, cluster: int) -> bool:
        """Whether a policy keeps the member from its first action, which then waits for it. They
        are asked in the order of the engine: of each policy windows, canaries and people, and the
        places of all policies after that."""
        window = self._closed_window(cluster, 0)
        closed = window[0] if window is not None else NEVER
        canaries = self._canaries.keeping(cluster)
        awaited = canaries if canaries is not None else NEVER
        person = self._people.keep(cluster, 0, self._now, min(closed, awaited))
        if person is None and canaries is not None and canaries < closed:
            self._keep(cluster, canaries)
            self._canaries.park(cluster, canaries)
            self._places.pass_on(cluster)
            return True
        kept = person or window
        if kept is None:
            return self._without_place(cluster)
        self._keep(cluster, kept[0])
        self._have_again(cluster, kept[1], Due.MAY_START)
        self._places.pass_on(cluster)
        return True

    def _without_place(self, cluster: int) -> bool:
        """Whether one of the member's places is full (R50.3)."""
        place = self._places.full(cluster)
        if place is None:
            return False
        self._keep(cluster, self._rules.places.policy[place])
        self._places.park(cluster, place)
        self._places.pass_on(cluster)
        return True

    def _start(self, cluster: int) -> None:
        self._set_limit(cluster)
        self._waiting -= 1
        self._places.occupy(cluster)
        self._rate.note(self._now)
        self._begin_action(cluster, 0)

    def _wake(self) -> None:
        """Lets members try again for which places have become free."""
        for cluster in self._places.take_freed():
            self._release(cluster)
            self._ask(cluster)

    def _follow_canaries(self, number: int) -> None:
        """Has those try again that the canaries of a policy have kept."""
        for cluster in self._canaries.release(number):
            self._release(cluster)
            self._ask(cluster)
