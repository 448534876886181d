"""Makes what is rehearsed of a rollout, the clusters of the hub, and its policies."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from ibgu.core.engine.driver import Driver
from ibgu.core.engine.gates.policies import faults
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.engine.timing.rate_limits import step_limits
from ibgu.core.model import ClusterView, names
from ibgu.core.model.kinds import RolloutSpec
from ibgu.core.model.rollout_policy import PolicyState, RolloutPolicy
from ibgu.core.plan import EVERYWHERE, Scope
from ibgu.core.plan.policies import selects_rollout
from ibgu.core.rehearsal.model import PlannedStep, RehearsedPlan

LEFT_OUT = "other rollouts, and clusters that can't be reached at the beginning"
"""What is not rehearsed."""


class NotRehearsable(Exception):
    """NotRehearsable: nothing of the rollout would start; the text says why."""


class RehearsedRollout(Struct, frozen=True, kw_only=True):
    """RehearsedRollout is the object that asks for the rollout, with a plan that can be carried
    out."""

    driver: Driver
    spec: RolloutSpec
    namespace: str
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    begun: int = 0
    """The steps that have ended already: the first ones of the plan."""
    scope: Scope = EVERYWHERE


def planned(
    rollout: RehearsedRollout,
    clusters: Sequence[ClusterView],
    policies: Iterable[RolloutPolicy],
    durations: DurationsByAction,
    begin: datetime,
) -> RehearsedPlan:
    """Returns the steps to come with all that decides how they go; `clusters`, `policies`: those of
    the whole hub. Raises NotRehearsable."""
    spec = rollout.spec
    steps = tuple(_steps(rollout))
    if not steps:
        raise NotRehearsable("no step of the plan is left to rehearse: append one")
    holding = (
        each
        for each in policies
        if selects_rollout(each.spec.rollouts, rollout.namespace, rollout.labels)
    )
    off = rollout.annotations.get(names.CIRCUIT_BREAKER) == names.CIRCUIT_BREAKER_OFF
    return RehearsedPlan(
        steps=steps,
        selectors=spec.cluster_label_selectors,
        clusters=clusters,
        begin=begin,
        policies=sorted(holding, key=lambda each: each.metadata.name),
        durations=durations,
        rollback_time=rollout.driver.rollback_time(spec),
        breaker=not off,
        lacks_backup=_lacks_backup(rollout),
        scope=rollout.scope,
    )


def _lacks_backup(rollout: RehearsedRollout) -> str:
    """Returns why the rollout makes no backup; empty: it makes one, or needs none."""
    actions = (action for item in rollout.spec.plan for action in item.actions)
    lacks = rollout.driver.lacks_backup
    words = (lacks(action, rollout.spec, rollout.annotations) for action in actions)
    return next(filter(None, words), "")


def _steps(rollout: RehearsedRollout) -> Iterable[PlannedStep]:
    for item in rollout.spec.plan[rollout.begun :]:
        yield PlannedStep(
            tuple(item.actions),
            item.rollout_strategy.max_concurrency,
            timedelta(minutes=item.rollout_strategy.timeout),
            step_limits(rollout.annotations, item.actions),
        )


def readable(state: PolicyState) -> list[RolloutPolicy]:
    """Returns the policies of the hub. Raises NotRehearsable for one that can't be followed: it
    holds rollouts, so there is nothing to rehearse."""
    for name, why in state.unreadable:
        raise NotRehearsable(f"RolloutPolicy {name} can't be read, so nothing would start: {why}")
    return [followed(each) for each in state.policies]


def followed(policy: RolloutPolicy) -> RolloutPolicy:
    """Returns the policy. Raises NotRehearsable if it can't be followed."""
    problem = next(faults(policy.spec), "")
    if problem:
        name = policy.metadata.name
        raise NotRehearsable(f"RolloutPolicy {name} can't be followed: {problem}")
    return policy
