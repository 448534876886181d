"""The canaries of policies: clusters of a step that go first, and must stay well (R50.11)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import nsmallest

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.engine.gate import ActionFilter
from ibgu.core.engine.state.broken_canaries import BrokenCanaries, CanaryReport
from ibgu.core.engine.state.canary_health import (
    health_findings,
    metric_questions,
    observed_checks,
)
from ibgu.core.engine.state.health_observations import (
    AHEAD,
    Canary,
    HealthFinding,
    HealthLookup,
)
from ibgu.core.engine.state.occupancy import ClusterLookup
from ibgu.core.engine.state.step import TrackedStep
from ibgu.core.model import ActionName, ClusterView, Finished, Member, Outcome, RunResult, traits
from ibgu.core.model.follow_ups import PolicyFollowUp, StepFollowUps
from ibgu.core.model.rollout_policy import Canaries
from ibgu.core.plan.selectors import matches

_CHOSEN_FOR = timedelta(seconds=10)
"""How long a step's canaries stay chosen: to choose them reads every member."""
MAX_AHEAD = 10_000
"""The most times far ahead that are kept."""
MAX_STEPS = 1000
"""The most steps whose canaries are kept: most of them are over."""
_LEFT = (Outcome.SKIPPED, Outcome.CANCELLED)
"""Outcomes of members that have left the step, by a person or another rollout."""


class CanaryState(Struct, frozen=True):
    """CanaryState is what a step waits for; empty: its canaries are well, or it has none."""

    unfinished: bool = False
    """Some canaries have not ended yet."""
    failed: tuple[str, ...] = ()
    """Those that have failed since a person has resumed the step, or have left it after they had
    begun."""
    follow_ups: tuple[PolicyFollowUp, ...] = ()
    """What the policy has asked for since then, because canaries broke."""
    unavailable: tuple[str, ...] = ()
    """Those that have succeeded, and that the hub does not show as available."""
    unwell: tuple[tuple[str, str], ...] = ()
    """Those that have succeeded and are not well, each with the first reason."""
    soaked_at: datetime | None = None
    """When all that have succeeded will have been well for long enough, if they stay so."""
    well_since: datetime | None = None
    """Since when all that have succeeded are well; None: one is not, or none is on the hub."""


_RestsOn = tuple[datetime, int, datetime | None, StepFollowUps, frozenset[str]]
"""The time, the members that have not ended, the last resume, what policies asked for, and the
canaries."""


class _Chosen(Struct, frozen=True):
    members: int
    left: int
    """How many members were skipped or cancelled."""
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
        observed: HealthLookup,
        *,
        about_some: bool,
    ) -> None:
        """`selects`: whether the policy is about a cluster. `about_some`: whether that depends on
        its labels."""
        self._about_some = about_some
        self.policy = policy
        self._canaries = canaries
        self._actions = actions
        self._cluster = cluster
        self._selects = selects
        self._observed = observed
        self._chosen: dict[tuple[str, int], _Chosen] = {}
        self._rechosen: set[tuple[str, int]] = set()
        """The steps that have got other canaries while somebody asked for them: the others do not
        know."""
        self._states: dict[tuple[str, int], tuple[_RestsOn, CanaryState]] = {}
        self._ahead: dict[tuple[str, datetime], datetime] = {}
        """When a time far ahead was seen first, by the uid of the ManagedCluster."""
        self._asked: set[tuple[str, int]] = set()
        """The steps of rollouts that the policy holds."""
        self.broken = BrokenCanaries()

    @property
    def rollback_after(self) -> timedelta | None:
        """For how long a canary must be broken to be rolled back; None: the policy rolls none
        back."""
        minutes = timedelta(minutes=self._canaries.rollback_after_minutes)
        return minutes if self._canaries.rollback else None

    @property
    def checked(self) -> bool:
        """Whether the policy asks for more than that they are available."""
        return self._canaries.health is not None

    @property
    def by_labels(self) -> bool:
        """Whether labels of clusters decide on which are canaries."""
        return self._canaries.selector is not None or self._about_some

    def concern(self, step: TrackedStep) -> bool:
        """Returns whether the policy holds an action of the step."""
        return self.hold(step.step.actions)

    def hold(self, actions: Iterable[ActionName]) -> bool:
        """Returns whether the policy holds any of the actions."""
        return any(self._actions(traits(action)) for action in actions)

    def selects(self, cluster: ClusterView) -> bool:
        """Returns whether the policy is about the cluster."""
        return self._selects(cluster)

    @property
    def soak(self) -> timedelta:
        """For how long they must be well before the others start."""
        return timedelta(minutes=self._canaries.soak_minutes)

    def among(self, clusters: Sequence[ClusterView]) -> list[ClusterView]:
        """Returns the canaries of a step that takes these clusters, in their order, and has not
        begun."""
        chosen = [each for each in clusters if self._chooses(each)]
        return chosen if self._canaries.selector is not None else chosen[: self._canaries.count]

    def of(
        self, step: TrackedStep, now: datetime, before: frozenset[str] = frozenset()
    ) -> frozenset[str]:
        """Returns the names of the step's canaries; `before`: those that it had."""
        key, members = step.step.key, len(step.members)
        left = sum(step.counts[outcome] for outcome in _LEFT)
        known = self._chosen.get(key)
        if known is not None and known.members == members and now < known.until:
            if known.left == left:
                return known.names
            if not any(self._is_replaced(step.members[name]) for name in known.names):
                self._chosen[key] = replace(known, left=left)
                return known.names
        if len(self._chosen) >= MAX_STEPS:
            self._chosen.clear()
            self._states.clear()
            self._asked.clear()
            self._rechosen.clear()
        before |= known.names if known is not None else frozenset()
        names = frozenset(member.cluster for member in self._choose(step, before))
        if known is not None and known.names != names:
            self._rechosen.add(key)
        self._chosen[key] = _Chosen(members, left, now + _CHOSEN_FOR, names)
        return names

    def chosen(self, step: TrackedStep, now: datetime) -> frozenset[str]:
        """Returns the names of the step's canaries; empty if nobody has asked for them, as in a
        step of a rollout that the policy does not hold."""
        return self.of(step, now) if step.step.key in self._chosen else frozenset()

    def choose_again(self, step: TrackedStep, now: datetime) -> bool:
        """Chooses the step's canaries by the labels as they are now; returns whether they are other
        ones than at the last call."""
        key = step.step.key
        before, rechosen = self._chosen.pop(key, None), key in self._rechosen
        self._rechosen.discard(key)
        self._states.pop(key, None)
        if before is None:
            return False
        return self.of(step, now, before.names) != before.names or rechosen

    def state(self, step: TrackedStep, now: datetime) -> CanaryState:
        """Returns the state for a step that waits for it: its canaries are observed from now on."""
        found = self.peek(step, now)
        self._asked.add(step.step.key)
        return found

    def peek(self, step: TrackedStep, now: datetime) -> CanaryState:
        """Returns the state, which stays the same until a member ends. Nobody need wait for it."""
        resumed, follow_ups = step.step.budget_resumed_at, step.step.follow_ups
        rests_on = (now, step.unfinished, resumed, follow_ups, self.of(step, now))
        known = self._states.get(step.step.key)
        if known is not None and known[0] == rests_on:
            return known[1]
        found = self._state(step, now)
        self._states[step.step.key] = (rests_on, found)
        return found

    def _state(self, step: TrackedStep, now: datetime) -> CanaryState:
        members = [step.members[name] for name in sorted(self.of(step, now))]
        since = step.step.budget_resumed_at
        failed = tuple(each.cluster for each in members if _failed(each, since))
        follow_ups = tuple(self._follow_ups(step, since))
        if failed or follow_ups:
            return CanaryState(failed=failed, follow_ups=follow_ups)
        if not all(each.finished for each in members):
            return CanaryState(unfinished=True)
        gone_back = step.step.follow_ups.uids
        well = [
            each
            for each in members
            if isinstance(each, Finished) and _succeeded(each) and each.uid not in gone_back
        ]
        shown = {each.cluster: found for each in well if (found := self._shown(each)) is not None}
        unavailable = tuple(name for name, found in shown.items() if not found.reachable)
        if unavailable:
            return CanaryState(unavailable=unavailable)
        findings = {name: tuple(self._findings(found, now)) for name, found in shown.items()}
        if unwell := tuple(_unwell(findings)):
            return CanaryState(unwell=unwell)
        # One that is gone has proven nothing more, and shortens no soak.
        gone = (each.ended_at for each in well if each.cluster not in shown)
        there = (
            self._well_since(finding.since, each, now)
            for each in well
            for finding in findings.get(each.cluster, ())
        )
        last = max((*gone, *there), default=None)
        soaked_at = None if last is None else last + self.soak
        return CanaryState(soaked_at=soaked_at, well_since=last)

    def _follow_ups(self, step: TrackedStep, since: datetime | None) -> Iterator[PolicyFollowUp]:
        """Yields what the policy has asked for since a person has resumed the step."""
        for each in step.step.follow_ups.made:
            mine = each.policy == self.policy
            if mine and (since is None or each.decided_at >= since):
                yield each

    def reports(self, step: TrackedStep, now: datetime) -> Iterator[CanaryReport]:
        """Yields what is known of the canaries that have succeeded and are on the hub."""
        for name in sorted(self.of(step, now)):
            member = step.members[name]
            if isinstance(member, Finished) and _succeeded(member):
                shown = self._shown(member)
                if shown is not None:
                    yield self._report(member, shown, now)

    def _report(self, member: Finished, shown: ClusterView, now: datetime) -> CanaryReport:
        """Returns what is known; of a cluster that the hub can't reach that is nothing."""
        if not shown.reachable:
            return CanaryReport(member, shown)
        findings = list(self._findings(shown, now))
        said = next((each for each in findings if each.problem and each.reported), None)
        if said is not None:
            return CanaryReport(member, shown, broken=said.problem, as_of=said.as_of)
        return CanaryReport(member, shown, well=not any(each.problem for each in findings))

    def _well_since(self, reported: datetime | None, member: Finished, now: datetime) -> datetime:
        """Returns since when the canary is well. A time far ahead says nothing but that it is
        another one: the canary is well since that was seen first."""
        if reported is not None and reported > now + AHEAD:
            if len(self._ahead) >= MAX_AHEAD:
                self._ahead.clear()
            reported = self._ahead.setdefault((member.uid, reported), now)
        return max(member.ended_at, reported) if reported is not None else member.ended_at

    def _findings(self, cluster: ClusterView, now: datetime) -> Iterator[HealthFinding]:
        """Yields what is said of a cluster that is available."""
        yield HealthFinding(since=cluster.available_since)
        if (health := self._canaries.health) is not None:
            yield from health_findings(health, cluster, self._observed, now)

    def to_observe(self, step: TrackedStep, now: datetime) -> Iterator[Canary]:
        """Yields the canaries that have succeeded, if others still wait behind them."""
        health = self._canaries.health
        checks = observed_checks(health) if health is not None else frozenset()
        questions = metric_questions(health) if health is not None else ()
        if not (checks or questions) or not step.not_started or step.step.key not in self._asked:
            return
        for name in self.of(step, now):
            member = step.members[name]
            if isinstance(member, Finished) and _succeeded(member):
                shown = self._shown(member)
                if shown is not None:
                    yield Canary(step.step.rollout, shown, checks, questions)

    def _choose(self, step: TrackedStep, before: frozenset[str]) -> list[Member]:
        """Returns the canaries. One whose ManagedCluster is gone stays what it was. Where labels
        decide, and nobody remembers, such a cluster counts unless it has succeeded: then it would
        only free the others of a canary that is still to come."""
        selector, count = self._canaries.selector, self._canaries.count
        found = (member for member in step.members.values() if self._is_canary(member, before))
        if selector is not None:
            return list(found)
        return nsmallest(count, (m for m in found if not self._is_replaced(m)), key=_place)

    def _is_canary(self, member: Member, before: frozenset[str]) -> bool:
        cluster = self._cluster(member.cluster)
        if cluster is not None and self._chooses(cluster):
            return True
        # The labels of a ManagedCluster that was created again say nothing of the one before.
        gone = cluster is None or cluster.uid != member.uid
        return gone and (member.cluster in before or self._may_have_been(member))

    def _is_replaced(self, member: Member) -> bool:
        """Whether the next cluster takes the member's place: it has left the step before it had
        begun. No label chooses another one, and one that had begun has proven nothing."""
        counted = self._canaries.selector is None
        return counted and member.outcome in _LEFT and not has_begun(member)

    def _may_have_been(self, member: Member) -> bool:
        if self._canaries.selector is not None:
            return False
        return not self._about_some or member.outcome is not Outcome.SUCCEEDED

    def _chooses(self, cluster: ClusterView) -> bool:
        selector = self._canaries.selector
        chosen = selector is None or matches(selector, cluster.labels)
        return chosen and self._selects(cluster)

    def _shown(self, member: Finished) -> ClusterView | None:
        """Returns the cluster as the hub shows it; None: it is gone, or it is another one."""
        found = self._cluster(member.cluster)
        return found if found is not None and found.uid == member.uid else None


def _succeeded(member: Finished) -> bool:
    return member.outcome is Outcome.SUCCEEDED


def _failed(member: Member, since: datetime | None) -> bool:
    """Whether a person has not seen yet that the canary ended without success, for whatever cause:
    one that is gone, was late, or was cancelled on its way has proven nothing."""
    if not isinstance(member, Finished) or (since is not None and member.ended_at < since):
        return False
    return member.outcome is Outcome.FAILED or (member.outcome in _LEFT and has_begun(member))


def has_begun(member: Member) -> bool:
    """Whether the cluster may have done anything of the step that says something of the next one. A
    withdrawn run does so only if its action reboots: who is dark since then may have taken it."""
    run = member.run
    if run is None:
        return False
    sent = run.arming_at is not None
    asked = run.adopted or (sent and run.result is not RunResult.WITHDRAWN)
    # Of a reboot, an earlier run may have taken the cluster to a release on the way.
    rebooted = traits(run.action).reboots_nodes and (sent or run.attempt > 1)
    return member.under_way or asked or rebooted


def _place(member: Member) -> tuple[int, str]:
    return (member.position, member.cluster)


def _unwell(findings: Mapping[str, Sequence[HealthFinding]]) -> Iterator[tuple[str, str]]:
    """Yields the canaries that are not well, each with the first reason."""
    for name, found in findings.items():
        problem = next((each.problem for each in found if each.problem), "")
        if problem:
            yield name, problem
