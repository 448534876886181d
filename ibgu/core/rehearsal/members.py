"""The members of a rehearsed step: what they do in their slots, and how they end."""

from collections.abc import Sequence
from enum import IntEnum, auto
from heapq import heappush

from ibgu.core.model import Cause
from ibgu.core.rehearsal.approvals import StepPeople
from ibgu.core.rehearsal.breaker import FailureKind
from ibgu.core.rehearsal.canaries import StepCanaries
from ibgu.core.rehearsal.holds import RunTallies, StepHolds
from ibgu.core.rehearsal.model import NEVER, Draws
from ibgu.core.rehearsal.places import StepPlaces
from ibgu.core.rehearsal.record import RunRecord
from ibgu.core.rehearsal.rules import StepRules
from ibgu.core.rehearsal.step_end import Held, StepEnd
from ibgu.core.rehearsal.time_left import TimeLeft


class Due(IntEnum):
    """Due is what happens to a member; of things at one moment, the first comes first."""

    ACTION_ENDS = auto()
    PLACE_FREED = auto()
    MAY_START = auto()
    MAY_GO_ON = auto()
    ASKED_AGAIN = auto()
    CANARIES_WELL = auto()
    """What happens to the canaries of a policy, and to no single member."""
    CANARY_LATE = auto()


class StepMembers:
    """StepMembers are the members of one step in one run. A member is waiting, in flight or has
    ended; one in flight has its slot and the places that policies ask for."""

    def __init__(
        self,
        rules: StepRules,
        members: Sequence[int],
        draws: Draws,
        record: RunRecord,
        tallies: RunTallies,
        begin: float,
    ) -> None:
        """`members` are clusters, in R4's order."""
        self._rules, self._record, self._tallies, self._now = rules, record, tallies, begin
        self._draws = [draws[action] for action in rules.actions]
        self._total = len(members)
        self._waiting = self._total
        self._time = TimeLeft(rules, self._total, begin)
        self._canaries = StepCanaries(rules.canaries, members)
        self._people = StepPeople(rules.people, self._canaries, rules.actions)
        self._holds = StepHolds(rules, self._canaries, members, tallies)
        self._events: list[tuple[float, int, int]] = []
        self._action: dict[int, int] = {}
        """The action of each member in flight, also of one that is kept."""
        self._ends: dict[int, float] = {}
        self._between = 0
        """Members that a policy or a hold of the step keeps between two actions."""
        self._behind_hold: list[int] = []
        """Those of them that the hold keeps."""
        self._kept = 0
        """Members that policies keep from their first action."""
        self._since: dict[int, tuple[float, int]] = {}
        """Since when a policy keeps a member, and which."""
        self._ready_since = dict.fromkeys(members if rules.windows else (), begin)
        """Since when each member waits for the start of its next action, for windows."""
        self._places = StepPlaces(rules.places)
        self._succeeded = self._failed = self._expired = self._never = 0
        self._ended: dict[int, float] = {}
        self._results: list[tuple[float, int, int, bool]] = []
        self._dark: dict[int, float] = {}
        """Clusters that still reboot though their member has failed, each until when."""
        self._late: dict[int, int] = {}
        """The action of each of them that has failed in this step."""
        self._late_canaries: set[int] = set()
        """Canaries in flight that are past their limit."""
        self._timed_out = False

    def _end(self, held: Held) -> StepEnd:
        for cluster in list(self._since):
            self._release(cluster)
        self._record.ask(self._rules.number, self._people.asked)
        for cluster in list(self._ready_since):
            self._note_windows(cluster, self._action.get(cluster, 0))
        return StepEnd(
            at=self._now,
            held=held,
            trip=self._holds.trip if held else None,
            started=self._total - self._waiting - self._never,
            succeeded=self._succeeded,
            failed=self._failed,
            expired=self._expired,
            never_started=self._never,
            timed_out=self._timed_out,
            ended=self._ended,
            results=self._results,
            dark=self._dark,
        )

    # -- what policies keep --------------------------------------------------------------------

    def _keep(self, cluster: int, policy: int) -> None:
        self._kept += 1
        self._since[cluster] = (self._now, policy)

    def _release(self, cluster: int) -> None:
        """Notes that no policy is known to keep the member any more."""
        if (found := self._since.pop(cluster, None)) is not None:
            since, policy = found
            self._record.kept(policy, cluster, self._now - since)
            self._kept -= cluster not in self._action

    def _note_windows(self, cluster: int, action: int) -> None:
        """Notes the windows that have closed while the member waited for the action."""
        since = self._ready_since.pop(cluster, self._now)
        if since < self._now:
            for policy, calendar in self._rules.calendars[action][cluster]:
                missed = calendar.missed(since, self._now) if calendar.has_windows else 0
                if missed:
                    self._record.miss(policy, cluster, missed)

    # -- actions -------------------------------------------------------------------------------

    def _begin_action(self, cluster: int, action: int) -> None:
        self._note_windows(cluster, action)
        self._action[cluster] = action
        ends = self._now + self._draws[action].seconds[cluster]
        self._ends[cluster] = ends
        heappush(self._events, (ends, Due.ACTION_ENDS, cluster))
        self._record.start(self._now, pulls=self._rules.pulls[action])

    def _set_limit(self, cluster: int) -> None:
        limit = self._time.limit(cluster, self._now, self._waiting)
        if cluster in self._canaries.all:
            heappush(self._events, (limit, Due.CANARY_LATE, cluster))

    def _end_action(self, cluster: int) -> None:
        action = self._action[cluster]
        success = not self._draws[action].fails[cluster]
        self._results.append((self._now, cluster, action, success))
        if not success and self._rules.failure_counts[action]:
            self._holds.circuit.count(cluster, FailureKind.FAILED)
        elif success and self._rules.success_counts[action]:
            self._holds.circuit.count(cluster, FailureKind.NONE)
        if self._rules.upgrades[action]:
            cause = None if success else Cause.UPGRADE_FAILED
            self._tallies.upgrades.ended(self._now, cluster, cause)
        if not success:
            self._failed += 1
            self._tallies.budgets.failed(self._now, cluster, action)
            self._finish(cluster, success=False)
        elif action + 1 < len(self._rules.actions):
            self._go_on(cluster, action + 1)
        else:
            self._succeeded += 1
            self._finish(cluster, success=True)

    def _go_on(self, cluster: int, action: int) -> None:
        """Begins the member's next action, unless a gate keeps it between the two (R18.7,
        R19.3)."""
        del self._ends[cluster]
        if self._rules.windows:
            self._ready_since[cluster] = self._now
        if self._kept_between(cluster, action):
            self._action[cluster] = action
            self._between += 1
            self._time.lift(cluster)
        else:
            self._begin_action(cluster, action)

    def _kept_between(self, cluster: int, action: int) -> bool:
        if self._rules.reboots[action] and self._holds.closed(self._now):
            self._behind_hold.append(cluster)
            return True
        window = self._closed_window(cluster, action)
        first = window[0] if window is not None else NEVER
        kept = self._people.keep(cluster, action, self._now, first) or window
        if kept is not None:
            self._since[cluster] = (self._now, kept[0])
            self._have_again(cluster, kept[1], Due.MAY_GO_ON)
        return kept is not None

    def _closed_window(self, cluster: int, action: int) -> tuple[int, float] | None:
        """Returns the first policy whose windows or freezes keep the member from the action, and
        until when; None: none does."""
        for policy, calendar in self._rules.calendars[action][cluster]:
            opens = calendar.opens(self._now)
            if opens > self._now:
                return policy, opens
        return None

    def _have_again(self, cluster: int, when: float, due: Due) -> None:
        """Has the member looked at again at this time, unless it never comes."""
        if when < NEVER:
            heappush(self._events, (when, due, cluster))

    def _go_on_again(self, cluster: int) -> None:
        """Begins the action that a gate has kept, with the limit of a member that starts now, if no
        other gate keeps it."""
        action = self._action[cluster]
        self._release(cluster)
        if not self._kept_between(cluster, action):
            self._between -= 1
            self._set_limit(cluster)
            self._begin_action(cluster, action)

    def _take_raised(self) -> list[int]:
        """Takes those that a budget has kept, once it is not spent any more (R50.9)."""
        if not self._holds.raised(self._now):
            return []
        kept, self._behind_hold = self._behind_hold, []
        return kept

    # -- ends ----------------------------------------------------------------------------------

    def _finish(self, cluster: int, *, success: bool) -> None:
        self._note_windows(cluster, self._action.pop(cluster))
        self._ends.pop(cluster, None)
        self._time.lift(cluster)
        self._late_canaries.discard(cluster)
        self._ended[cluster] = self._now
        for when, number in self._canaries.ended(cluster, self._now, success=success):
            heappush(self._events, (when, Due.CANARIES_WELL, number))
        if cluster not in self._dark:
            self._places.vacate(cluster)

    def _expire(self, cluster: int) -> None:
        """Fails a member in flight whose time is over. Its action goes on; a reboot keeps the
        member's places until its end (R50.3)."""
        action, ends = self._action[cluster], self._ends.get(cluster)
        self._failed += 1
        self._expired += 1
        self._results.append((self._now, cluster, action, False))
        if ends is None:
            self._tallies.budgets.failed(self._now, cluster, action)
            self._release(cluster)
            self._between -= 1
        else:
            self._leave_under_way(cluster, action, ends)
        self._finish(cluster, success=False)

    def _leave_under_way(self, cluster: int, action: int, ends: float) -> None:
        success = not self._draws[action].fails[cluster]
        completes = ends if success else NEVER
        self._results.append((ends, cluster, action, success))
        self._tallies.budgets.failed(self._now, cluster, action, completes)
        if self._rules.upgrades[action]:
            self._tallies.upgrades.ended(self._now, cluster, Cause.TIMED_OUT, completes)
        if self._rules.failure_counts[action]:
            self._holds.circuit.count(cluster, FailureKind.TIME_OVER)
        if self._rules.reboots[action]:
            self._late[cluster] = action
            self._dark[cluster] = ends
            heappush(self._events, (ends, Due.PLACE_FREED, cluster))

    def _expire_canaries(self) -> bool:
        """Fails canaries past their limit that others wait for; returns whether there were any."""
        if not self._late_canaries:
            return False
        keeping = frozenset(
            policy for cluster, (_, policy) in self._since.items() if cluster not in self._action
        )
        late = self._late_canaries.intersection(self._canaries.awaited(keeping))
        for cluster in sorted(late):
            self._expire(cluster)
        return bool(late)

    def _expire_all(self) -> None:
        """Ends the step at its deadline (R11.4)."""
        self._timed_out = True
        for cluster in list(self._action):
            self._expire(cluster)
        self._never += self._waiting
        self._waiting = 0

    def _come_back(self, cluster: int) -> None:
        """Ends the reboot of a cluster whose member has failed before, here or in a former step."""
        del self._dark[cluster]
        self._places.vacate(cluster)
        late = self._late.pop(cluster, None)
        if late is not None and not self._draws[late].fails[cluster]:
            self._holds.circuit.completed_late(cluster)
