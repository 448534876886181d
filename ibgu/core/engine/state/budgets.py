"""The failure budgets of policies that a rollout is under (R50.9)."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from ibgu.core.engine.gate import RESUME_TO_GO_ON, ActionFilter
from ibgu.core.engine.state.failures import FailedMember, Failures
from ibgu.core.engine.state.occupancy import ClusterLookup
from ibgu.core.engine.state.rollout import TrackedRollout
from ibgu.core.engine.state.step import TrackedStep
from ibgu.core.model import ActionName, ClusterView, traits
from ibgu.core.model.rollout_policy import BudgetScope, FailureBudget
from ibgu.core.text.counted import counted
from ibgu.core.text.spans import duration

_BEGINNING = datetime.min.replace(tzinfo=UTC)
MAX_STEPS = 1000
"""The most steps for which the answer is kept: most of them are over."""


class SpentBudget(Struct, frozen=True):
    failed: int
    allowed: int


_RestsOn = tuple[int, datetime, int]
"""The failures, the newest resume, and the members."""


class CountedFailures(Struct, frozen=True):
    """CountedFailures are what a step is judged by."""

    clusters: tuple[str, ...] = ()
    among: int | None = None
    """The number of clusters of which the budget is a share; None: it is none."""
    spent: SpentBudget | None = None


class PolicyBudget:
    """PolicyBudget is the failure budget of one policy, for all rollouts that it holds. The answer
    for a step is kept until a cluster fails, a person resumes, members join, or changed labels
    spend it."""

    def __init__(
        self,
        policy: str,
        budget: FailureBudget,
        actions: ActionFilter,
        cluster: ClusterLookup,
        selects: Callable[[ClusterView | None], bool],
        *,
        about_some: bool = False,
    ) -> None:
        """`actions` chooses the actions that the policy holds: only their failures count.
        `selects`: whether the policy is about a cluster; None: one that is gone. `about_some`:
        whether that depends on its labels."""
        self.about_some = about_some
        self.policy = policy
        self.budget = budget
        self._actions = actions
        self._cluster = cluster
        self._selects = selects
        self._known: dict[tuple[str, int], tuple[_RestsOn, CountedFailures]] = {}

    def spent(
        self, failures: Failures, tracked: TrackedRollout, step: TrackedStep
    ) -> SpentBudget | None:
        """Returns how many clusters had failed when they were too many for the step; None: the
        budget is not spent. What a person has seen when the rollout was last resumed does not
        count."""
        return self.counted(failures, tracked, step).spent

    def counted(
        self, failures: Failures, tracked: TrackedRollout, step: TrackedStep
    ) -> CountedFailures:
        """Returns the failures that count for the step."""
        if not self._concerns(step):
            return CountedFailures()
        since = _resumed_at(tracked)
        rests_on = (failures.version, since, len(step.members))
        known = self._known.get(step.step.key)
        if known is not None and known[0] == rests_on:
            return known[1]
        if len(self._known) >= MAX_STEPS:
            self._known.clear()
        found = self._judge(failures, tracked, step, since)
        self._known[step.step.key] = (rests_on, found)
        return found

    def spent_on_hub(
        self,
        failures: Iterable[FailedMember],
        clusters: Mapping[str, ClusterView],
        members: Sequence[str],
    ) -> SpentBudget | None:
        """Returns how many clusters of the hub had failed when they were too many for a step that
        has not begun; None: the budget is not spent, or is not the hub's.

        `failures`: those that count, in order of time. `clusters`: those on the hub, by name.
        `members`: the clusters of the step.
        """
        allowed = self.budget.maximum
        about = any(self._selects(clusters.get(name)) for name in members)
        if self.budget.per is not BudgetScope.HUB or not isinstance(allowed, int) or not about:
            return None
        counted = (
            each
            for each in failures
            if self._actions(traits(each.action)) and self._selects(clusters.get(each.cluster))
        )
        failed = self._most(counted, allowed)
        return SpentBudget(failed, allowed) if failed > allowed else None

    def is_whole(self, failures: Failures, tracked: TrackedRollout, step: TrackedStep) -> bool:
        """Returns whether nothing is left of what may have spent the budget of the step. Labels
        alone do not make it whole: where they choose the clusters, failures of all clusters count,
        and a share lets none fail."""
        if not self.about_some:
            return self.spent(failures, tracked, step) is None
        maximum = self.budget.maximum
        allowed = maximum if isinstance(maximum, int) else 0
        found = self._together(failures, tracked, step, _resumed_at(tracked))
        return not self._concerns(step) or self._most(found, allowed) <= allowed

    def _concerns(self, step: TrackedStep) -> bool:
        """Whether the policy holds an action of the step."""
        return self.hold(step.step.actions)

    def hold(self, actions: Iterable[ActionName]) -> bool:
        """Returns whether the policy holds any of the actions."""
        return any(self._actions(traits(action)) for action in actions)

    def judge_again(self, failures: Failures, tracked: TrackedRollout, step: TrackedStep) -> bool:
        """Judges the step by the labels as they are now; returns whether the answer is another one
        than before. No budget that is spent becomes whole by labels alone: the ManagedCluster of
        one that has failed may be deleted, and created again without them."""
        before = self._known.pop(step.step.key, None)
        if before is None:
            return False
        found = self.counted(failures, tracked, step)
        if before[1].spent is not None and found.spent is None:
            self._known[step.step.key] = before
            return False
        return found != before[1]

    def _judge(
        self, failures: Failures, tracked: TrackedRollout, step: TrackedStep, since: datetime
    ) -> CountedFailures:
        together = self._together(failures, tracked, step, since)
        counted = [each for each in together if self._selects_named(each.cluster)]
        if not counted or not any(map(self._selects_named, step.members)):
            return CountedFailures()
        allowed, among = self._allowed(tracked, step)
        failed = self._most(counted, allowed)
        names = tuple(dict.fromkeys(each.cluster for each in counted))
        return CountedFailures(
            names, among, SpentBudget(failed, allowed) if failed > allowed else None
        )

    def _together(
        self, failures: Failures, tracked: TrackedRollout, step: TrackedStep, since: datetime
    ) -> Iterator[FailedMember]:
        """Yields the failures that count together, of whatever clusters."""
        on_hub = self.budget.per is BudgetScope.HUB
        found = failures.on_hub(since) if on_hub else failures.of(tracked.rollout.uid, since)
        for each in found:
            here = self.budget.per is not BudgetScope.STEP or each.step == step.step.index
            if here and self._actions(traits(each.action)):
                yield each

    def _allowed(self, tracked: TrackedRollout, step: TrackedStep) -> tuple[int, int | None]:
        """Returns how many clusters may fail, and of how many. A share is rounded down."""
        maximum = self.budget.maximum
        if isinstance(maximum, int):
            return maximum, None
        steps = [step] if self.budget.per is BudgetScope.STEP else tracked.steps
        names = {name for each in steps for name in each.members if self._selects_named(name)}
        return len(names) * int(maximum.removesuffix("%")) // 100, len(names)

    def _selects_named(self, cluster: str) -> bool:
        return self._selects(self._cluster(cluster))

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


def spent_ahead(
    budgets: Iterable[PolicyBudget],
    failures: Sequence[FailedMember],
    clusters: Mapping[str, ClusterView],
    actions: Sequence[ActionName],
    members: Sequence[str],
) -> str:
    """Returns why a budget of the hub would hold a step that has not begun; empty: none is spent.

    `failures`: those that count, in order of time. `clusters`: those on the hub, by name.
    `actions` and `members`: those of the step, by their names.
    """
    first = traits(actions[0])
    for budget in budgets if not (first.leads_back or first.resumes) else ():
        if budget.hold(actions):
            spent = budget.spent_on_hub(failures, clusters, members)
            if spent is not None:
                return f"{budget_words(budget, spent)}; {RESUME_TO_GO_ON}"
    return ""


_OF = {
    BudgetScope.STEP: "of this step",
    BudgetScope.ROLLOUT: "of this rollout",
    BudgetScope.HUB: "of the hub",
}


def budget_words(budget: PolicyBudget, spent: SpentBudget) -> str:
    """Returns how many clusters have failed, and how many the policy allows."""
    window = budget.budget.window
    within = f" within {duration(window)}" if window is not None else ""
    have = "has" if spent.failed == 1 else "have"
    allows = str(spent.allowed) if spent.allowed else "none"
    return (
        f"{counted(spent.failed, 'cluster')} {_OF[budget.budget.per]} {have} failed{within}, and "
        f"RolloutPolicy {budget.policy} allows {allows}"
    )


def _resumed_at(tracked: TrackedRollout) -> datetime:
    """Returns from when on failures count: a person has seen the earlier ones."""
    resumes = (each.step.budget_resumed_at for each in tracked.steps)
    return max((at for at in resumes if at is not None), default=_BEGINNING)
