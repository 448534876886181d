"""One run of a whole plan, and as many as are asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import heappop, heappush

from msgspec import Struct

from ibgu.core.model import ActionName
from ibgu.core.rehearsal.begun import BegunStepRun, PlacedStep, over
from ibgu.core.rehearsal.budgets import FailureBudgets, UpgradeBreakers
from ibgu.core.rehearsal.holds import RunTallies
from ibgu.core.rehearsal.membership import Marks, Membership
from ibgu.core.rehearsal.model import Draws, Odds, RehearsedPlan, draw
from ibgu.core.rehearsal.policy_rules import budget_rules, upgrade_rules
from ibgu.core.rehearsal.record import RunRecord
from ibgu.core.rehearsal.rules import StepRules, rules_of
from ibgu.core.rehearsal.step import StepRun
from ibgu.core.rehearsal.step_end import Held, StepEnd


class Run(Struct, frozen=True):
    """Run is how one run went; times are in seconds."""

    steps: Sequence[StepEnd]
    """Those that have begun: after a step that is held come no others."""
    record: RunRecord

    @property
    def end(self) -> float:
        return self.steps[-1].at if self.steps else 0.0

    @property
    def held(self) -> Held:
        return self.steps[-1].held if self.steps else Held.NOT


class Rehearsal:
    """Rehearsal runs one plan any number of times."""

    def __init__(self, plan: RehearsedPlan) -> None:
        self.plan = plan
        self._membership = Membership(plan)
        self.clusters = self._membership.clusters
        self._rules = rules_of(plan, self.clusters)
        self._budgets = budget_rules(plan, self.clusters)
        self._upgrades = upgrade_rules(plan, self.clusters)
        places = {each.name: place for place, each in enumerate(self.clusters)}
        self._begun = [PlacedStep(each, places) for each in plan.begun]
        self._elapsed = _elapsed(plan, self._begun)

    def runs(
        self, odds: Mapping[ActionName, Odds], uniform: Callable[[int], Callable[[], float]],
        runs: int,
    ) -> Iterator[Run]:  # fmt: skip
        """Yields the runs. `uniform` returns the source of numbers from 0 up to 1 of a run."""
        for number in range(runs):
            yield self.run(draw(odds, len(self.clusters), uniform(number), self._elapsed))

    def run(self, draws: Draws) -> Run:
        state, record = _Marks(self._membership), RunRecord(len(self.plan.policies))
        tallies = RunTallies(FailureBudgets(self._budgets), UpgradeBreakers(self._upgrades))
        steps: list[StepEnd] = []
        now, dark = 0.0, dict[int, float]()
        for number, rules in enumerate(self._rules):
            begun = self._begun[number] if number < len(self._begun) else None
            if begun is not None and begun.step.ended is not None:
                steps.append(over(begun, rules, tallies))
                continue
            if begun is not None:
                ended = BegunStepRun(rules, begun, draws, record, tallies).run()
            else:
                state.apply(now)
                members = self._membership.members(number, state.marks)
                ended = StepRun(rules, members, draws, record, tallies, now, dark).run()
            steps.append(ended)
            if ended.held:
                break
            now, dark = ended.at, dict(ended.dark)
            state.note(rules, ended)
        return Run(steps, record)


def _elapsed(
    plan: RehearsedPlan, begun: Sequence[PlacedStep]
) -> dict[ActionName, dict[int, float]]:
    """Returns for how long actions have been under way on clusters."""
    found: dict[ActionName, dict[int, float]] = {}
    for step, placed in zip(plan.steps, begun, strict=False):
        for action, place, seconds in placed.elapsed(step.actions):
            found.setdefault(action, {})[place] = seconds
    return found


class _Marks:
    """_Marks are the labels of the rollout's kind on each cluster, as time goes on. An action that
    ends after its member's time still leaves its label (R15.1)."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self.marks: list[Marks] = list(membership.marks)
        self._coming: list[tuple[float, int, int, ActionName, bool]] = []
        self._number = 0

    def note(self, rules: StepRules, ended: StepEnd) -> None:
        for when, cluster, action, success in ended.results:
            self._number += 1
            coming = (when, self._number, cluster, rules.actions[action], success)
            heappush(self._coming, coming)

    def apply(self, now: float) -> None:
        """Changes the labels by what has ended until now."""
        after = self._membership.after
        while self._coming and self._coming[0][0] <= now:
            _, _, cluster, action, success = heappop(self._coming)
            self.marks[cluster] = after(self.marks[cluster], action, success=success)
