"""The rules that bind the members of each step, prepared once for all runs: places and calendars of
policies, the circuit breaker, the time that must be left."""

from collections.abc import Sequence
from datetime import timedelta
from math import ceil

from msgspec import Struct

from ibgu.core.engine.gates.policies.times import time_needed
from ibgu.core.engine.state.policy_limits import Place, PolicyLimits
from ibgu.core.engine.timing.rate_limits import RateLimits
from ibgu.core.engine.timing.windows import zone_of
from ibgu.core.model import ActionName, ClusterView, names, traits
from ibgu.core.model.actions import table_of
from ibgu.core.model.rollout_policy import RolloutPolicy
from ibgu.core.plan.policies import selects_cluster
from ibgu.core.rehearsal.approvals import PersonRule, person_rules
from ibgu.core.rehearsal.calendar import Calendar
from ibgu.core.rehearsal.canaries import CanaryRule
from ibgu.core.rehearsal.model import PlannedStep, RehearsedPlan
from ibgu.core.rehearsal.policy_rules import canary_rules, holds

NOT_BROKEN = 10**9
"""The failures that open a circuit breaker which is off."""
Held = tuple[int, Calendar]
"""The place of a policy in the plan, and when it lets a cluster start."""


class PolicyPlaces(Struct, frozen=True):
    """PolicyPlaces have what the limits of all policies count (R50.3)."""

    of: Sequence[tuple[int, ...]]
    """The places of each cluster."""
    room: Sequence[int]
    policy: Sequence[int]
    """Whose limit each place is."""


class StepRules(Struct, frozen=True):
    """StepRules are what a run of a step needs besides its members; times are in seconds."""

    number: int
    """The place of the step in the plan."""
    actions: tuple[ActionName, ...]
    slots: int
    timeout: float
    rates: RateLimits
    places: PolicyPlaces
    calendars: tuple[Sequence[tuple[Held, ...]], ...]
    """Those of each cluster, by action."""
    windows: bool
    """Whether one of them has windows."""
    first: tuple[Calendar, ...]
    """Those of the first action, each once."""
    reboots: tuple[bool, ...]
    failure_counts: tuple[bool, ...]
    """Whether a failure of the action counts for the circuit breaker (R19.1)."""
    success_counts: tuple[bool, ...]
    """Whether its success does: no later action of the step counts."""
    pulls: tuple[bool, ...]
    """Whether the action loads the registry."""
    leads_on: bool
    """Whether failures say something of the next cluster, so that canaries count (R50.11)."""
    spends: bool
    """Whether budgets count them, too: what was paused is resumed whatever has failed (R50.9)."""
    upgrades: tuple[bool, ...]
    """Whether the action takes clusters to the image, for circuit breakers of policies."""
    canaries: tuple[CanaryRule, ...]
    people: tuple[PersonRule, ...]
    failures: int
    """How many failures open the circuit breaker (R19.1)."""
    rollback_time: float


def rules_of(plan: RehearsedPlan, clusters: Sequence[ClusterView]) -> tuple[StepRules, ...]:
    """Returns the rules of each step. Labels of clusters count as they are at the beginning."""
    known: dict[tuple[int, str, timedelta], Calendar] = {}
    return tuple(
        _rules(plan, number, step, clusters, known) for number, step in enumerate(plan.steps)
    )


def _rules(
    plan: RehearsedPlan,
    number: int,
    step: PlannedStep,
    clusters: Sequence[ClusterView],
    known: dict[tuple[int, str, timedelta], Calendar],
) -> StepRules:
    slots = step.max_concurrency
    first = traits(step.actions[0])
    counting = [traits(action).reboots_nodes for action in step.actions]
    calendars = tuple(
        [_calendars(plan, action, each, known) for each in clusters] for action in step.actions
    )
    return StepRules(
        number=number,
        actions=step.actions,
        slots=slots,
        timeout=step.timeout.total_seconds(),
        rates=step.rate_limits,
        places=_places(plan, step, clusters),
        calendars=calendars,
        windows=any(held.has_windows for of in calendars for each in of for _, held in each),
        first=tuple({id(held): held for each in calendars[0] for _, held in each}.values()),
        reboots=tuple(traits(action).reboots for action in step.actions),
        failure_counts=tuple(counting),
        success_counts=tuple(
            own and not any(counting[at + 1 :]) for at, own in enumerate(counting)
        ),
        pulls=tuple(map(pulls, step.actions)),
        leads_on=not first.leads_back,
        spends=not first.resumes,
        upgrades=tuple(traits(action).upgrades for action in step.actions),
        canaries=canary_rules(plan, step, clusters),
        people=person_rules(plan, step, clusters),
        failures=max(5, ceil(slots / 10)) if plan.breaker else NOT_BROKEN,
        rollback_time=plan.rollback_time.total_seconds(),
    )


def pulls(action: ActionName) -> bool:
    """Whether clusters pull an image in the action: the one that brings the payload, else the one
    that takes them to the other release."""
    brings = table_of(action).first(lambda each: each.carries_payload)
    return action == brings if brings is not None else traits(action).upgrades


def _places(
    plan: RehearsedPlan, step: PlannedStep, clusters: Sequence[ClusterView]
) -> PolicyPlaces:
    found: dict[Place, int] = {}
    room: list[int] = []
    policies: list[int] = []
    of: list[list[int]] = [[] for _ in clusters]
    for number, policy in enumerate(plan.policies):
        limits = _limits(policy, plan.clusters)
        if not limits.any or not any(holds(policy.spec, each) for each in step.actions):
            continue
        for cluster, places in zip(clusters, of, strict=True):
            for place in limits.places(cluster):
                if place not in found:
                    found[place] = len(room)
                    room.append(limits.room(place))
                    policies.append(number)
                places.append(found[place])
    return PolicyPlaces([tuple(each) for each in of], room, policies)


def _limits(policy: RolloutPolicy, fleet: Sequence[ClusterView]) -> PolicyLimits:
    limits = PolicyLimits(policy.metadata.name, policy.spec)
    if limits.by_share:
        limits.count(sum(map(limits.selects, fleet)))
    return limits


def _calendars(
    plan: RehearsedPlan,
    action: ActionName,
    cluster: ClusterView,
    known: dict[tuple[int, str, timedelta], Calendar],
) -> tuple[Held, ...]:
    found: list[Held] = []
    for number, policy in enumerate(plan.policies):
        spec = policy.spec
        if not (spec.windows or spec.freezes) or not holds(spec, action):
            continue
        if not selects_cluster(spec.clusters, cluster.labels):
            continue
        needed = time_needed(action, plan.durations) if spec.fit else timedelta()
        key = (number, _zone_name(cluster), needed)
        if key not in known:
            known[key] = Calendar(spec, zone_of(key[1]) if key[1] else None, needed, plan.begin)
        found.append((number, known[key]))
    return tuple(found)


def _zone_name(cluster: ClusterView) -> str:
    """Returns the name of the cluster's time zone; empty: it has none (R50.4)."""
    label = cluster.labels.get(names.TIME_ZONE, "").replace(".", "/")
    return cluster.annotations.get(names.TIME_ZONE) or label
