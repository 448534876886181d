"""The canaries of policies: clusters of a step that go first, and must stay well (R50.11)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import nsmallest

from msgspec import Struct

from ibgu.core.engine.gate import ActionFilter
from ibgu.core.engine.state.failures import failure_of
from ibgu.core.engine.state.occupancy import ClusterLookup
from ibgu.core.engine.state.step import TrackedStep
from ibgu.core.model import ClusterView, Finished, Member, Outcome, traits
from ibgu.core.model.rollout_policy import Canaries
from ibgu.core.plan.selectors import matches

_CHOSEN_FOR = timedelta(seconds=10)
"""How long a step's canaries stay chosen: to choose them reads every member."""
MAX_STEPS = 1000
"""The most steps whose canaries are kept: most of them are over."""


class CanaryState(Struct, frozen=True):
    """CanaryState is what a step waits for; empty: its canaries are well, or it has none."""

    unfinished: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    """Those that have failed since a person has resumed the step."""
    unavailable: tuple[str, ...] = ()
    """Those that have succeeded, and that the hub does not show as available."""
    soaked_at: datetime | None = None
    """When all that have succeeded will have been well for long enough, if they stay so."""


class _Chosen(Struct, frozen=True):
    members: int
    until: datetime
    names: frozenset[str]


class PolicyCanaries:
    """PolicyCanaries are those of one policy, in the steps of all rollouts that it holds."""

    def __init__(
        self,
        policy: str,
        canaries: Canaries,
        actions: ActionFilter,
        cluster: ClusterLookup,
        selects: Callable[[ClusterView], bool],
    ) -> None:
        """`selects`: whether the policy is about a cluster."""
        self.policy = policy
        self._canaries = canaries
        self._actions = actions
        self._cluster = cluster
        self._selects = selects
        self._chosen: dict[tuple[str, int], _Chosen] = {}

    def concern(self, step: TrackedStep) -> bool:
        """Returns whether the policy holds an action of the step."""
        return any(self._actions(traits(action)) for action in step.step.actions)

    def of(self, step: TrackedStep, now: datetime) -> frozenset[str]:
        """Returns the names of the step's canaries."""
        key, count = step.step.key, len(step.members)
        known = self._chosen.get(key)
        if known is not None and known.members == count and now < known.until:
            return known.names
        if len(self._chosen) >= MAX_STEPS:
            self._chosen.clear()
        names = frozenset(member.cluster for member in self._choose(step))
        self._chosen[key] = _Chosen(count, now + _CHOSEN_FOR, names)
        return names

    def state(self, step: TrackedStep, now: datetime) -> CanaryState:
        members = [step.members[name] for name in sorted(self.of(step, now))]
        since = step.step.budget_resumed_at
        well = [each for each in members if isinstance(each, Finished) and _succeeded(each)]
        shown = {each.cluster: found for each in well if (found := self._shown(each)) is not None}
        soaked = (
            _well_since(each, shown[each.cluster], now) for each in well if each.cluster in shown
        )
        last = max(soaked, default=None)
        return CanaryState(
            unfinished=tuple(each.cluster for each in members if not each.finished),
            failed=tuple(
                each.cluster
                for each in members
                if isinstance(each, Finished)
                and failure_of(each) is not None
                and (since is None or each.ended_at > since)
            ),
            unavailable=tuple(name for name, found in shown.items() if not found.reachable),
            soaked_at=None
            if last is None
            else last + timedelta(minutes=self._canaries.soak_minutes),
        )

    def _choose(self, step: TrackedStep) -> list[Member]:
        selector, count = self._canaries.selector, self._canaries.count
        found = (
            member
            for member in step.members.values()
            if (cluster := self._cluster(member.cluster)) is not None
            and self._selects(cluster)
            and (selector is None or matches(selector, cluster.labels))
        )
        return list(found) if selector is not None else nsmallest(count, found, key=_place)

    def _shown(self, member: Finished) -> ClusterView | None:
        """Returns the cluster as the hub shows it; None: it is gone, or it is another one."""
        found = self._cluster(member.cluster)
        return found if found is not None and found.uid == member.uid else None


def _succeeded(member: Finished) -> bool:
    return member.outcome is Outcome.SUCCEEDED or bool(member.late)


def _place(member: Member) -> tuple[int, str]:
    return (member.position, member.cluster)


def _well_since(member: Finished, shown: ClusterView, now: datetime) -> datetime:
    """Returns since when the cluster is as it should be. A time to come says nothing."""
    since = shown.available_since
    return max(member.ended_at, since) if since is not None and since <= now else member.ended_at
