"""Breaks what holds where several policies meet: which of them counts, who takes
their places, approvals and broken glass."""

from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from ibgu.controller.lookups.rollout_policies import RolloutPolicies
from ibgu.core.engine.decide.member import waiting
from ibgu.core.engine.gate import GateInput, kept_by_policy
from ibgu.core.engine.gates import preflight, warning
from ibgu.core.engine.gates.gate import Candidate, MemberGate, StepGate
from ibgu.core.engine.gates.policies import PolicyGates, approvals, in_force, policy, times
from ibgu.core.engine.gates.policies.policy import PolicyInForce
from ibgu.core.engine.gates.policies.waiting import WaitingMembers
from ibgu.core.engine.state import FleetState, TrackedStep, policy_limits
from ibgu.core.engine.state.canaries import PolicyCanaries
from ibgu.core.engine.state.counted_labels import CountedLabels
from ibgu.core.engine.state.policy_limits import PolicyLimits
from ibgu.core.model import ActingParty, Reason, ReasonKind, Rollout
from ibgu.core.model.grants import Approval, BrokenGlass
from ibgu.core.model.rollout_policy import PolicyClusters
from ibgu.core.plan import grants
from tests.simulation.breaking import Patches
from tests.simulation.breaking import replace_part as _set


def second_policy_ignored(stack: ExitStack) -> None:
    """The first of several policies is the only one that holds."""
    state = RolloutPolicies.state
    firsts: dict[int, tuple[Any, Any]] = {}

    def first(self: RolloutPolicies) -> Any:
        found = state(self)
        known = firsts.get(id(self))
        if known is None or known[0] is not found:
            known = firsts[id(self)] = (found, replace(found, policies=found.policies[:1]))
        return known[1]

    _set(stack, RolloutPolicies, "state", first)


def approvals_ignored(stack: ExitStack) -> None:
    """Nobody has to approve anything."""
    _set(stack, approvals, "_lacking", lambda asked, what, consent, now: "")


def author_approves(stack: ExitStack) -> None:
    """The author of a step counts as another person."""
    lacking = approvals._lacking

    def counted(asked: Any, *others: Any) -> str:
        return lacking(replace(asked, four_eyes=False), *others)

    _set(stack, approvals, "_lacking", counted)


def old_approvals_count(stack: ExitStack) -> None:
    """An approval counts that is older than its rollout."""

    def named(rollout: Rollout, meta: Any, found: Any) -> bool:
        return (meta.namespace, found.name) == (rollout.namespace, rollout.name)

    _set(stack, grants, "_for", named)


def approvals_never_end(stack: ExitStack) -> None:
    """An approval counts after its end."""
    counts = Approval.counts

    def always(self: Approval, step: int, before: str, now: datetime) -> bool:
        return counts(replace(self, until=None), step, before, now)

    _set(stack, Approval, "counts", always)


def glass_opens_all(stack: ExitStack) -> None:
    """Broken glass opens gates of the engine's own, too."""
    ask = StepGate.ask

    def passed(self: StepGate, snapshot: Any, step: TrackedStep, now: datetime) -> Any:
        if snapshot.tracked.rollout.grants.passes(self.name, now):
            return None
        return ask(self, snapshot, step, now)

    _set(stack, StepGate, "ask", passed)


def glass_stays_broken(stack: ExitStack) -> None:
    """Broken glass lets a rollout pass after its end."""
    _set(stack, BrokenGlass, "counts", lambda self, now: not self.refused)


def glass_opens_other_gates(stack: ExitStack) -> None:
    """Broken glass lets a rollout pass policies that it does not name."""
    _set(stack, BrokenGlass, "passes", lambda self, gate, now: self.counts(now))


def youngest_go_first(stack: ExitStack) -> None:
    """The youngest rollout is the first that is decided on in a turn."""
    in_order = FleetState.in_order
    _set(stack, FleetState, "in_order", lambda self, uids: in_order(self, uids)[::-1])


def silent_oldest_awaited(stack: ExitStack) -> None:
    """A rollout waits at the places of a policy while clusters of an older one do not answer."""
    of = PolicyGates.of

    def awaiting(self: PolicyGates, *asked: Any) -> Any:
        found, fleet = of(self, *asked), self._waiting._fleet
        gates = (
            _behind_silent_ones(fleet, gate) if GateInput.IN_FLIGHT in gate.needs else gate
            for gate in found.gates
        )
        return replace(found, gates=tuple(gates))

    _set(stack, PolicyGates, "of", awaiting)


def _behind_silent_ones(fleet: FleetState, gate: MemberGate) -> MemberGate:
    def check(candidate: Candidate) -> Reason | None:
        step = candidate.step
        mine = fleet.rollouts[step.step.rollout].rollout.age if step is not None else ()
        older = (each.current for each in fleet.rollouts.values() if each.rollout.age < mine)
        members = (member for each in older if each is not None for member in each.members.values())
        if any(not each.finished and each.reason.kind in _ASKED for each in members):
            words = "an older rollout goes first"
            return kept_by_policy(words, candidate.now, who=ActingParty.CLUSTER)
        return gate.check(candidate)

    return replace(gate, check=check)


_ASKED = frozenset({ReasonKind.PROBING, ReasonKind.NO_ANSWER})


def silent_go_first(stack: ExitStack) -> None:
    """A cluster that did not answer is asked again before the others of its rollout.

    Seeds have few clusters, so a scene proves it (`test_scenes.py`)."""
    following = WaitingMembers._next

    def next_(self: WaitingMembers, limits: Any, step: TrackedStep) -> Any:
        silent, step.silent = step.silent, set()
        try:
            return iter([*following(self, limits, step)])
        finally:
            step.silent = silent

    _set(stack, WaitingMembers, "_next", next_)


def demanded_preflight_ignored(stack: ExitStack) -> None:
    """Clusters start in spite of an error of preflight that a policy enforces."""
    _set(stack, preflight, "_enforcing", lambda candidate: "")


def demanded_preflight_not_awaited(stack: ExitStack) -> None:
    """Clusters start on what preflight has found to be shown, before a policy had it enforced."""
    of_plan = preflight._of_plan

    def at_once(record: Any, now: datetime) -> Any:
        reason = of_plan(record, now)
        pending = reason is not None and reason.kind is ReasonKind.PREFLIGHT_PENDING
        return None if pending else reason

    _set(stack, preflight, "_of_plan", at_once)


def demanded_warnings_ignored(stack: ExitStack) -> None:
    """Clusters that have warned are upgraded although a policy holds them for a person."""
    _set(stack, warning, "_holds", lambda candidate: False)


def unfollowed_policies_ignored(stack: ExitStack) -> None:
    """A policy that can't be followed holds nothing."""
    _set(stack, policy, "shut", lambda name, problem, spec=None: PolicyInForce((), spec))


def all_rollouts_selected(stack: ExitStack) -> None:
    """A policy holds rollouts that it does not select.

    Hardly a seed has a second rollout that this keeps, so a scene proves it (`test_scenes.py`)."""
    _set(stack, PolicyInForce, "holds", lambda self, namespace, labels: True)


def clock_runs_on(stack: ExitStack) -> None:
    """The clock of a step runs while policies keep its members."""
    _set(stack, TrackedStep, "kept_by_policies", lambda self, now, *, room: False)


def policies_not_journaled(stack: ExitStack) -> None:
    """A policy is in force as soon as the hub has shown it."""
    found = RolloutPolicies._found

    def shown(self: RolloutPolicies) -> Any:
        state = found(self)
        return state if state.problem else replace(state, policies=self._policies.in_order())

    _set(stack, RolloutPolicies, "_found", shown)


def windows_ignored(stack: ExitStack) -> None:
    """Clusters start while no window is open."""
    _set(stack, times, "_outside", lambda spec, candidate, durations: None)


def zones_ignored(stack: ExitStack) -> None:
    """Windows open by the clock of UTC, whatever zone they or the clusters have."""
    opening = vars(times)["opening"]

    def by_utc(windows: Any, zone: Any, now: datetime) -> Any:
        return opening([replace(each, time_zone="UTC") for each in windows], None, now)

    _set(stack, times, "opening", by_utc)


def fit_ignored(stack: ExitStack) -> None:
    """Clusters start what does not end within its window."""
    _set(stack, times, "time_needed", lambda action, durations: timedelta())


def no_time_for_a_way_back(stack: ExitStack) -> None:
    """A window is long enough for an Upgrade without the Rollback from it."""
    _set(stack, times, "_way_back", lambda action: None)


def all_clusters_selected(stack: ExitStack) -> None:
    """A policy holds clusters that it does not select."""
    for module in (policy, times):
        _set(stack, module, "selects_cluster", lambda selection, labels: True)
    _set(stack, PolicyLimits, "selects", lambda self, cluster: True)


def no_clusters_selected(stack: ExitStack) -> None:
    """A policy about some of the clusters is about none."""
    every = PolicyClusters()
    for module in (policy, times, policy_limits):
        _set(stack, module, "selects_cluster", lambda selection, labels: selection == every)


def topologies_ignored(stack: ExitStack) -> None:
    """Clusters with one value of a label take no place together."""
    places = PolicyLimits.places

    def others(self: PolicyLimits, cluster: Any) -> Any:
        return (each for each in places(self, cluster) if not each.label)

    _set(stack, PolicyLimits, "places", others)


def moves_not_recorded(stack: ExitStack) -> None:
    """Starts record nothing of the clusters in flight beside them."""
    _set(stack, CountedLabels, "unrecorded", lambda self: {})


def cluster_holds_ignored(stack: ExitStack) -> None:
    """Clusters start although somebody holds them."""
    gate = vars(in_force)["CLUSTER_HOLD"]
    _set(stack, in_force, "CLUSTER_HOLD", replace(gate, check=lambda candidate: None))


def policy_breaker_ignored(stack: ExitStack) -> None:
    """The circuit breaker of a policy never engages."""
    _set(stack, policy, "SeedBreaker", lambda *given, **more: None)


def jitter_begins_anew(stack: ExitStack) -> None:
    """Jitter counts from the last time at which a cluster could have started."""
    _set(stack, waiting, "_note_lost_place", lambda ctx, member, reason: None)


def canaries_not_replaced(stack: ExitStack) -> None:
    """The others start once a person has skipped the canaries."""
    _set(stack, PolicyCanaries, "_is_replaced", lambda self, member: False)


PATCHES: tuple[tuple[Patches, int], ...] = (
    (second_policy_ignored, 17),
    (approvals_ignored, 17),
    (author_approves, 31),
    (old_approvals_count, 31),
    (approvals_never_end, 2332),
    (glass_opens_all, 123),
    (glass_stays_broken, 143),
    (glass_opens_other_gates, 17),
    (youngest_go_first, 53),
    (silent_oldest_awaited, 123),
    (demanded_preflight_ignored, 133),
    (demanded_preflight_not_awaited, 62),
    (demanded_warnings_ignored, 37),
    (unfollowed_policies_ignored, 117),
    (clock_runs_on, 232),
    (policies_not_journaled, 422),
    (windows_ignored, 13),
    (zones_ignored, 194),
    (fit_ignored, 7),
    (no_time_for_a_way_back, 137),
    (all_clusters_selected, 7),
    (no_clusters_selected, 7),
    (topologies_ignored, 42),
    (moves_not_recorded, 103),
    (cluster_holds_ignored, 231),
    (policy_breaker_ignored, 257),
    (jitter_begins_anew, 23),
    (canaries_not_replaced, 214),
)
"""The patches, with the first seed of each."""
