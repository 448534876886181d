"""The failure budgets of policies that a rollout is under (R50.9)."""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from msgspec import Struct

from ibgu.core.engine.gate import ActionFilter
from ibgu.core.engine.state.failures import FailedMember, Failures
from ibgu.core.engine.state.rollout import TrackedRollout
from ibgu.core.engine.state.step import TrackedStep
from ibgu.core.model import traits
from ibgu.core.model.rollout_policy import BudgetScope, FailureBudget

_BEGINNING = datetime.min.replace(tzinfo=UTC)


class PolicyBudget(Struct, frozen=True, eq=False):
    """PolicyBudget is the failure budget of one policy."""

    policy: str
    budget: FailureBudget
    actions: ActionFilter
    """Chooses the actions that the policy holds; only their failures count."""
    selects: Callable[[str], bool]
    """Whether the policy is about a cluster, by its name; one that is gone counts."""

    def allowed(self, tracked: TrackedRollout, step: TrackedStep) -> int:
        """Returns how many clusters may fail. A share is rounded down."""
        maximum = self.budget.maximum
        if isinstance(maximum, int):
            return maximum
        steps = [step] if self.budget.per is BudgetScope.STEP else tracked.steps
        names = {name for each in steps for name in each.members if self.selects(name)}
        return len(names) * int(maximum.removesuffix("%")) // 100

    def failed(self, failures: Failures, tracked: TrackedRollout, step: TrackedStep) -> int:
        """Returns how many clusters had failed when the budget was spent, or else have failed. What
        a person has seen when the rollout was last resumed does not count."""
        resumes = (each.step.budget_resumed_at for each in tracked.steps)
        since = max((at for at in resumes if at is not None), default=_BEGINNING)
        if self.budget.per is BudgetScope.HUB:
            found = failures.on_hub(since)
        else:
            found = failures.of(tracked.rollout.uid, since)
        counted = (
            each
            for each in found
            if (self.budget.per is not BudgetScope.STEP or each.step == step.step.index)
            and self.actions(traits(each.action))
            and self.selects(each.cluster)
        )
        return self._most(counted, self.allowed(tracked, step))

    def _most(self, failed: Iterable[FailedMember], allowed: int) -> int:
        """Returns the number of clusters that failed within the budget's time when they were too
        many for the first time, or else of those that failed last."""
        window, recent, clusters = self.budget.window, deque[FailedMember](), dict[str, int]()
        for each in failed:
            recent.append(each)
            clusters[each.cluster] = clusters.get(each.cluster, 0) + 1
            while window is not None and recent[0].at <= each.at - window:
                old = recent.popleft().cluster
                clusters[old] -= 1
                if not clusters[old]:
                    del clusters[old]
            if len(clusters) > allowed:
                break
        return len(clusters)
