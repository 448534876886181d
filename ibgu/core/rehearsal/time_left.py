"""The clock of a rehearsed step, and the part of its time that each member has (R11)."""

from heapq import heappop, heappush
from math import ceil

from ibgu.core.rehearsal.model import NEVER
from ibgu.core.rehearsal.rules import StepRules

_INEXACT = 1e-6
"""Seconds by which two calculations of one time may differ."""


class TimeLeft:
    """TimeLeft has the deadline of the step, and the limits of its members in flight."""

    def __init__(self, rules: StepRules, total: int, begin: float) -> None:
        self._rules, self._total, self._begin = rules, total, begin
        self._stood = 0.0
        self._limits: list[tuple[float, int]] = []
        self._limit: dict[int, float] = {}
        """The limit of each member in flight that no gate keeps between two actions."""

    def stand(self, seconds: float) -> None:
        """Adds a time for which the step's clock has stood (R11.6)."""
        self._stood += seconds

    def deadline(self) -> float:
        """Returns the end of the step's clock (R11.1)."""
        return self._begin + self._rules.timeout + self._stood

    def is_before_deadline(self, moment: float) -> bool:
        """Returns whether the time is before the end of the step. The limit of the last wave is the
        deadline itself, at which all members end."""
        return moment < self.deadline() - _INEXACT

    def too_little(self, now: float) -> bool:
        """Whether too little time is left to see an action that reboots through (R11.5)."""
        left = self.deadline() - now
        if left <= 0:
            return True
        if not self._rules.reboots[0]:
            return False
        return left < min(self._rules.rollback_time, self._share() / 2)

    def _share(self) -> float:
        """Returns a member's part of the step's time (R11.1)."""
        return self._rules.timeout / self._waves(0)

    def _waves(self, started: int) -> int:
        rates = self._rules.rates
        if rates.ramp_up:
            return rates.waves(self._total, self._rules.slots, started)
        return max(1, ceil((self._total - started) / self._rules.slots))

    def limit(self, cluster: int, now: float, waiting: int) -> float:
        """Gives the member the limit of one that starts now, and returns it (R11.2)."""
        started = min(self._total - waiting, self._total - 1)
        remaining = (self.deadline() - now) / self._waves(started)
        limit = now + max(self._share(), remaining)
        self.keep(cluster, limit)
        return limit

    def keep(self, cluster: int, limit: float) -> None:
        """Gives the member this limit."""
        self._limit[cluster] = limit
        heappush(self._limits, (limit, cluster))

    def lift(self, cluster: int) -> None:
        self._limit.pop(cluster, None)

    def next_limit(self) -> float:
        limits = self._limits
        while limits and self._limit.get(limits[0][1]) != limits[0][0]:
            heappop(limits)
        return limits[0][0] if limits else NEVER

    def limit_of(self, cluster: int) -> float:
        return self._limit.get(cluster, NEVER)

    def overdue(self, now: float) -> list[int]:
        """Returns the members past their limit, earliest first."""
        late = self._take_overdue(now)
        for each in late:
            heappush(self._limits, each)
        return [cluster for _, cluster in late]

    def next_limit_after(self, now: float) -> float:
        late = self._take_overdue(now)
        found = self.next_limit()
        for each in late:
            heappush(self._limits, each)
        return found

    def _take_overdue(self, now: float) -> list[tuple[float, int]]:
        late: list[tuple[float, int]] = []
        while self.next_limit() <= now:
            late.append(heappop(self._limits))
        return late
