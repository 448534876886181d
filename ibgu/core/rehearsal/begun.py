"""Steps that have begun when their rehearsal does: what of them has happened, and how they go
on."""

from collections.abc import Iterator, Mapping, Sequence
from heapq import heappush

from ibgu.core.model import ActionName, Cause
from ibgu.core.rehearsal.breaker import FailureKind
from ibgu.core.rehearsal.holds import RunTallies
from ibgu.core.rehearsal.members import Due
from ibgu.core.rehearsal.model import NEVER, BegunStep, Draws, MemberNow, Standing
from ibgu.core.rehearsal.record import RunRecord
from ibgu.core.rehearsal.rules import StepRules
from ibgu.core.rehearsal.step import StepRun
from ibgu.core.rehearsal.step_end import Held, StepEnd

_OVER = frozenset(
    (Standing.SUCCEEDED, Standing.FAILED, Standing.NEVER_STARTED, Standing.LEFT)
)  # fmt: skip
PlacedMember = tuple[int, MemberNow]
"""A member with the place of its cluster among the rehearsed ones."""


class PlacedStep:
    """PlacedStep is a step that has begun, with its members in R4's order. One whose cluster is not
    known any more is none of them."""

    def __init__(self, step: BegunStep, places: Mapping[str, int]) -> None:
        self.step = step
        found = ((places[each.cluster], each) for each in step.members if each.cluster in places)
        self.members: Sequence[PlacedMember] = sorted(found, key=lambda each: each[0])
        self.clusters = [place for place, _ in self.members]
        self.ended: Sequence[PlacedMember] = sorted(
            (each for each in self.members if each[1].standing in _OVER),
            key=lambda each: each[1].since,
        )
        """Those that have ended, in order of their ends."""

    def elapsed(self, actions: Sequence[ActionName]) -> Iterator[tuple[ActionName, int, float]]:
        """Yields the actions under way, each with its cluster and for how long it has been."""
        for place, each in self.members:
            if each.standing is Standing.UNDER_WAY:
                yield actions[each.action], place, -each.since


def over(found: PlacedStep, rules: StepRules, tallies: RunTallies) -> StepEnd:
    """Returns how a step went that has ended, and counts its failures."""
    tallies.budgets.begin(rules.number, found.clusters)
    tallies.upgrades.begin(rules.number, found.clusters)
    for place, each in found.ended:
        _tally(place, each, rules, tallies)
    standings = [each.standing for _, each in found.members]
    never = standings.count(Standing.NEVER_STARTED)
    return StepEnd(
        at=found.step.ended or 0.0,
        held=Held.NOT,
        trip=None,
        started=len(standings) - never,
        succeeded=standings.count(Standing.SUCCEEDED),
        failed=standings.count(Standing.FAILED),
        expired=sum(each.timed_out for _, each in found.members),
        never_started=never,
        timed_out=never > 0,
        ended={place: each.since for place, each in found.ended},
        results=[],
        dark={},
    )


def _tally(place: int, found: MemberNow, rules: StepRules, tallies: RunTallies) -> None:
    """Counts the ends of the member's actions for policies. Those before its last one are taken to
    have ended with it."""
    for action in _succeeded(found, rules):
        if rules.upgrades[action]:
            tallies.upgrades.ended(found.since, place, None)
    if found.standing is Standing.FAILED:
        tallies.budgets.failed(found.since, place, found.action)
        if rules.upgrades[found.action]:
            cause = Cause.TIMED_OUT if found.timed_out else Cause.UPGRADE_FAILED
            tallies.upgrades.ended(found.since, place, cause)


def _succeeded(found: MemberNow, rules: StepRules) -> range:
    """Returns the places of the step's actions that have succeeded on the member."""
    whole = found.standing is Standing.SUCCEEDED
    return range(len(rules.actions) if whole else found.action)


def _is_replaced(found: MemberNow) -> bool:
    """Whether the next cluster takes the member's place among the canaries (R50.11)."""
    return found.standing is Standing.LEFT and not found.begun


class BegunStepRun(StepRun):
    """BegunStepRun takes a step on from where it is at the beginning of the rehearsal."""

    def __init__(
        self,
        rules: StepRules,
        found: PlacedStep,
        draws: Draws,
        record: RunRecord,
        tallies: RunTallies,
    ) -> None:
        super().__init__(rules, found.clusters, draws, record, tallies, found.step.began, {})
        self._canaries.choose([place for place, each in found.members if not _is_replaced(each)])
        self._now = 0.0
        self._time.stand(found.step.stood)
        waiting = (place for place, each in found.members if each.standing is Standing.WAITING)
        self._queue = iter(list(waiting))
        for started in sorted(each.started for _, each in found.members):
            self._rate.note(started)
        for place, each in sorted(found.members, key=lambda each: each[1].since):
            self._count(place, each)
            self._take_over(place, each)
        # The hub shows no hold that a rehearsal could wait for: somebody has resumed the step, or
        # is taken to do so now.
        if self._holds.closed(0.0):
            self._holds.resume()

    def _count(self, place: int, found: MemberNow) -> None:
        _tally(place, found, self._rules, self._tallies)
        for action in _succeeded(found, self._rules):
            if self._rules.success_counts[action]:
                self._holds.circuit.count(place, FailureKind.NONE)
        if found.standing is Standing.FAILED and self._rules.failure_counts[found.action]:
            kind = FailureKind.TIME_OVER if found.timed_out else FailureKind.FAILED
            self._holds.circuit.count(place, kind)

    def _take_over(self, place: int, found: MemberNow) -> None:
        if found.standing is Standing.WAITING:
            self._look_for_windows(place)
            return
        self._waiting -= 1
        self._ready_since.pop(place, None)
        if found.standing in _OVER:
            self._take_ended(place, found)
        else:
            self._take_in_flight(place, found)

    def _look_for_windows(self, place: int) -> None:
        """Counts the windows that close from now on."""
        if self._rules.windows:
            self._ready_since[place] = 0.0

    def _take_ended(self, place: int, found: MemberNow) -> None:
        self._succeeded += found.standing is Standing.SUCCEEDED
        self._failed += found.standing is Standing.FAILED
        self._expired += found.timed_out
        self._never += found.standing is Standing.NEVER_STARTED
        self._ended[place] = found.since
        success = found.standing not in (Standing.FAILED, Standing.LEFT)
        for when, number in self._canaries.ended(place, found.since, success=success):
            heappush(self._events, (max(when, 0.0), Due.CANARIES_WELL, number))

    def _take_in_flight(self, place: int, found: MemberNow) -> None:
        self._places.occupy(place)
        self._action[place] = found.action
        if found.standing is Standing.KEPT:
            self._between += 1
            self._look_for_windows(place)
            heappush(self._events, (0.0, Due.MAY_GO_ON, place))
            return
        ends = max(0.0, found.since + self._draws[found.action].seconds[place])
        self._ends[place] = ends
        heappush(self._events, (ends, Due.ACTION_ENDS, place))
        if found.limit < NEVER:
            self._time.keep(place, found.limit)
            if place in self._canaries.all:
                heappush(self._events, (max(found.limit, 0.0), Due.CANARY_LATE, place))
