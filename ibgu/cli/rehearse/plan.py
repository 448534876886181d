"""Makes what is rehearsed of a manifest, the clusters of the hub, and its policies."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ibgu.cli.content.files import documents_of, files_of
from ibgu.client import RestError
from ibgu.core.drivers import DRIVERS
from ibgu.core.engine.gates.policies import faults
from ibgu.core.engine.timing.durations import DurationStats
from ibgu.core.engine.timing.rate_limits import UNLIMITED, rate_limits_of
from ibgu.core.model import ActionName, ClusterView, names, traits
from ibgu.core.model.kinds import RolloutObject
from ibgu.core.model.rollout_policy import PolicyState, RolloutPolicy
from ibgu.core.plan.policies import selects_rollout
from ibgu.core.rehearsal.model import PlannedStep, RehearsedPlan


def rehearsed(
    manifest: Mapping[str, Any],
    clusters: Sequence[ClusterView],
    policies: Sequence[RolloutPolicy],
    durations: Mapping[ActionName, DurationStats],
    begin: datetime,
) -> RehearsedPlan:
    """Returns the plan of a manifest that the preview has found valid. Raises RestError."""
    try:
        found = msgspec.convert(manifest, RolloutObject)
    except msgspec.ValidationError as error:
        raise RestError(f"can't read the manifest: {error}") from error
    spec, meta = found.spec, found.metadata
    limits = rate_limits_of(meta.annotations)
    steps = (
        PlannedStep(
            tuple(item.actions),
            item.rollout_strategy.max_concurrency,
            timedelta(minutes=item.rollout_strategy.timeout),
            limits if traits(item.actions[0]).rate_limited else UNLIMITED,
        )
        for item in spec.plan
    )
    holding = (
        each
        for each in policies
        if selects_rollout(each.spec.rollouts, meta.namespace, meta.labels)
    )
    off = meta.annotations.get(names.CIRCUIT_BREAKER) == names.CIRCUIT_BREAKER_OFF
    return RehearsedPlan(
        steps=tuple(steps),
        selectors=spec.cluster_label_selectors,
        clusters=clusters,
        begin=begin,
        policies=sorted(holding, key=lambda each: each.metadata.name),
        durations=durations,
        rollback_time=DRIVERS[str(manifest["kind"])].rollback_time(spec),
        breaker=not off,
    )


def of_hub(state: PolicyState) -> list[RolloutPolicy]:
    """Returns the policies of the hub. Raises RestError for one that can't be followed: it holds
    the rollout, and there is nothing to rehearse."""
    for name, why in state.unreadable:
        raise RestError(f"RolloutPolicy {name} can't be read, so nothing would start: {why}")
    return [_followed(each) for each in state.policies]


def of_files(paths: Sequence[Any]) -> list[RolloutPolicy]:
    """Returns the policies in these files or directories. Raises RestError."""
    found = []
    for each in documents_of(files_of(list(paths))):
        if each.problem:
            raise RestError(f"{each.file}, line {each.line}: {each.problem}")
        if each.kind == "RolloutPolicy":
            try:
                found.append(_followed(msgspec.convert(each.body, RolloutPolicy)))
            except msgspec.ValidationError as error:
                raise RestError(f"{each.file}, line {each.line}: {error}") from error
    return found


def _followed(policy: RolloutPolicy) -> RolloutPolicy:
    problem = next(faults(policy.spec), "")
    if problem:
        raise RestError(f"RolloutPolicy {policy.metadata.name} can't be followed: {problem}")
    return policy
