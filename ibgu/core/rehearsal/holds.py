"""Holds of a rehearsed step until a person acts: circuit breakers, canaries, failure budgets."""

from collections.abc import Sequence

from msgspec import Struct

from ibgu.core.rehearsal.breaker import Breaker
from ibgu.core.rehearsal.budgets import FailureBudgets, UpgradeBreakers
from ibgu.core.rehearsal.canaries import StepCanaries
from ibgu.core.rehearsal.model import NEVER
from ibgu.core.rehearsal.rules import StepRules
from ibgu.core.rehearsal.step_end import Held, Trip


class RunTallies(Struct, frozen=True):
    """RunTallies are what policies count over all steps of a run."""

    budgets: FailureBudgets
    upgrades: UpgradeBreakers


class StepHolds:
    """StepHolds are asked before each start. Once one has kept a start, the step is held until a
    person resumes, whom no run has; only a budget may be raised before (R50.9)."""

    def __init__(
        self, rules: StepRules, canaries: StepCanaries, members: Sequence[int], tallies: RunTallies
    ) -> None:
        self.circuit = Breaker(rules.failures)
        self.trip: Trip | None = None
        """What holds the step; None: nothing does."""
        self._leads_on, self._spends = rules.leads_on, rules.spends
        self._canaries = canaries
        self._budgets, self._upgrades = tallies.budgets, tallies.upgrades
        self._budgets.begin(rules.number, members)
        self._upgrades.begin(rules.number, members)

    def closed(self, now: float) -> bool:
        """Asks before a start; returns whether it may not be."""
        if self.trip is None:
            self.trip = self._tripped(now)
        return self.trip is not None

    def resume(self) -> None:
        """Ends the hold as a person does who resumes: failures so far count no longer."""
        self.trip = None
        self.circuit = Breaker(self.circuit.failures)
        for each in (self._budgets, self._upgrades, self._canaries):
            each.forget()

    def _tripped(self, now: float) -> Trip | None:
        """Asks in the order of the engine's gates."""
        if self.circuit.engaged:
            return Trip(Held.CIRCUIT_BREAKER, None, self.circuit.failures)
        if (found := self._upgrades.engaged(now)) is not None:
            return Trip(Held.UPGRADE_BREAKER, found.policy, found.failed)
        if not self._leads_on:
            return None
        if (failed := self._canaries.failed()) is not None:
            return Trip(Held.CANARIES, *failed)
        if self._spends and (found := self._budgets.spent(now)) is not None:
            return Trip(Held.BUDGET, found.policy, found.failed)
        return None

    def raised(self, now: float) -> bool:
        """Ends the hold of a budget once late successes leave fewer failures; returns whether it
        has. Where there are canaries, a person must have seen the failures."""
        if not self._may_rise() or not self._budgets.are_whole(now):
            return False
        self.trip = None
        return True

    def _may_rise(self) -> bool:
        budget = self.trip is not None and self.trip.held is Held.BUDGET
        return budget and not self._canaries.concern

    def next_change(self) -> float:
        """Returns when the hold may end without a person; NEVER: it does not."""
        return self._budgets.next_late() if self._may_rise() else NEVER
