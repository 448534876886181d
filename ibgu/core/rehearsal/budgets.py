"""Counts over the steps of a run: failures for budgets (R50.9), and upgrades to the image for
circuit breakers of policies (R50.10)."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

from msgspec import Struct

from ibgu.core.engine.state.action_ends import ActionEnd
from ibgu.core.engine.state.seed_ends import SeedEnds
from ibgu.core.model import Cause
from ibgu.core.model.rollout_policy import BudgetScope, FailureBudget
from ibgu.core.model.seed_image import SeedCircuitBreaker
from ibgu.core.rehearsal.model import NEVER

_BEGIN = datetime(2000, 1, 1, tzinfo=UTC)
"""Only the times between ends of upgrades matter."""
_IMAGE = "image"


class BudgetRule(Struct, frozen=True):
    """BudgetRule is the failure budget of one policy."""

    policy: int
    budget: FailureBudget
    about: Sequence[bool]
    """Whether the policy selects the cluster."""
    holds: Sequence[tuple[bool, ...]]
    """Whether it holds each action of each step."""
    by_labels: bool = False
    """Whether labels choose the clusters."""


class UpgradeRule(Struct, frozen=True):
    """UpgradeRule is the circuit breaker of one policy for the image of the rollout."""

    policy: int
    limits: SeedCircuitBreaker
    about: Sequence[bool]
    holds: Sequence[bool]
    """Whether it holds an action of each step that brings the image."""


class Spent(Struct, frozen=True):
    """Spent is a limit that was reached: of which policy, and by how many failed clusters."""

    policy: int
    failed: int


class _Failure(Struct, frozen=True):
    at: float
    cluster: int
    step: int
    action: int
    until: float
    """When it counts no longer, as the action completes late (R15); NEVER: it doesn't."""


class _Budget:
    def __init__(self, rule: BudgetRule) -> None:
        self.rule = rule
        self._seen: set[int] = set()
        """Members of the steps so far that the policy selects."""
        self._allowed = 0
        self._concerns = False
        self._step = 0

    def begin(self, step: int, members: Sequence[int]) -> None:
        rule, maximum = self.rule, self.rule.budget.maximum
        about = {cluster for cluster in members if rule.about[cluster]}
        self._step, self._concerns = step, bool(about) and any(rule.holds[step])
        self._seen = about if rule.budget.per is BudgetScope.STEP else self._seen | about
        self._allowed = (
            maximum
            if isinstance(maximum, int)
            else len(self._seen) * int(maximum.removesuffix("%")) // 100
        )

    def spent(self, failures: Sequence[_Failure]) -> Spent | None:
        if not self._concerns:
            return None
        about = self.rule.about
        counted = (each for each in failures if self._counts(each) and about[each.cluster])
        return self._beyond(self._allowed, counted)

    def is_whole(self, failures: Sequence[_Failure]) -> bool:
        """Returns whether nothing is left of what may have spent the budget: as the engine's
        own."""
        if not self.rule.by_labels:
            return self.spent(failures) is None
        maximum = self.rule.budget.maximum
        allowed = maximum if isinstance(maximum, int) else 0
        concerns = any(self.rule.holds[self._step])
        return not concerns or self._beyond(allowed, filter(self._counts, failures)) is None

    def _beyond(self, allowed: int, failures: Iterable[_Failure]) -> Spent | None:
        window, recent, clusters = self.rule.budget.window, deque[_Failure](), dict[int, int]()
        for each in failures:
            recent.append(each)
            clusters[each.cluster] = clusters.get(each.cluster, 0) + 1
            while window is not None and recent[0].at <= each.at - window.total_seconds():
                old = recent.popleft().cluster
                clusters[old] -= 1
                if not clusters[old]:
                    del clusters[old]
            if len(clusters) > allowed:
                return Spent(self.rule.policy, len(clusters))
        return None

    def _counts(self, failure: _Failure) -> bool:
        rule = self.rule
        here = rule.budget.per is not BudgetScope.STEP or failure.step == self._step
        return here and rule.holds[failure.step][failure.action]


class FailureBudgets:
    """FailureBudgets count the failures of a run, over all its steps. Those of other rollouts are
    not known."""

    def __init__(self, rules: Sequence[BudgetRule]) -> None:
        self._budgets = [_Budget(rule) for rule in rules]
        self._failures: list[_Failure] = []
        self._late: list[tuple[float, int]] = []
        self._step = 0
        self._changed = False
        self._spent: Spent | None = None

    def begin(self, step: int, members: Sequence[int]) -> None:
        self._step, self._changed = step, bool(self._budgets)
        for each in self._budgets:
            each.begin(step, members)

    def failed(self, at: float, cluster: int, action: int, until: float = NEVER) -> None:
        if not self._budgets:
            return
        self._failures.append(_Failure(at, cluster, self._step, action, until))
        self._changed = True
        if until < NEVER:
            heappush(self._late, (until, cluster))

    def spent(self, now: float) -> Spent | None:
        """Returns the budget that is spent; None: none is."""
        while self._late and self._late[0][0] <= now:
            heappop(self._late)
            self._changed = True
        if self._changed:
            self._changed = False
            self._failures = [each for each in self._failures if each.until > now]
            found = (each.spent(self._failures) for each in self._budgets)
            self._spent = next((each for each in found if each is not None), None)
        return self._spent

    def are_whole(self, now: float) -> bool:
        """Returns whether nothing is left of what may have spent a budget of the step."""
        self.spent(now)
        return all(each.is_whole(self._failures) for each in self._budgets)

    def forget(self) -> None:
        """Has failures so far count no longer."""
        self._failures, self._late, self._changed = [], [], True

    def next_late(self) -> float:
        """Returns when the next failure comes to count no longer."""
        return self._late[0][0] if self._late else NEVER


class UpgradeBreakers:
    """UpgradeBreakers count the upgrades of a run to its image, as the engine's own `SeedEnds`."""

    def __init__(self, rules: Sequence[UpgradeRule]) -> None:
        self._rules = rules
        self._ends = SeedEnds()
        self._of: dict[int, ActionEnd] = {}
        self._late: list[tuple[float, int]] = []
        self._concerned: list[UpgradeRule] = []

    def begin(self, step: int, members: Sequence[int]) -> None:
        self._concerned = [
            rule
            for rule in self._rules
            if rule.holds[step] and any(rule.about[cluster] for cluster in members)
        ]

    def ended(self, at: float, cluster: int, cause: Cause | None, until: float = NEVER) -> None:
        """Counts the end of an upgrade, instead of one that the cluster had before. `cause`: of its
        failure; `until`: when it completes late, which is a success (R15)."""
        if not self._rules:
            return
        before = self._of.get(cluster)
        found = ActionEnd(_BEGIN + timedelta(seconds=at), str(cluster), cause)
        self._ends.replace(_IMAGE, before, found)
        self._of[cluster] = found
        if until < NEVER:
            heappush(self._late, (until, cluster))

    def engaged(self, now: float) -> Spent | None:
        while self._late and self._late[0][0] <= now:
            self.ended(*heappop(self._late), None)
        return next(self._engaged(), None)

    def forget(self) -> None:
        """Has upgrades so far count no longer."""
        self._ends, self._of, self._late = SeedEnds(), {}, []

    def _engaged(self) -> Iterator[Spent]:
        for rule in self._concerned:
            found = self._ends.engaged(_IMAGE, rule.limits, None)
            if found is not None:
                alike = found.too_many_alike(rule.limits)
                yield Spent(rule.policy, found.of_cause if alike else found.failed)
