"""The faults of a policy that the hub's schema lets pass."""

import re
from collections.abc import Callable, Iterator

from ibgu.core.engine.gates.policies.health_faults import health_faults
from ibgu.core.engine.timing.windows import cron_problem, freeze_problem, zone_problem
from ibgu.core.model.actions import declared, traits
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.model.rollout_policy import ApprovalMoment, BudgetScope, Canaries, RolloutPolicySpec
from ibgu.core.plan.policies import action_faults, selection_faults
from ibgu.core.plan.selectors import selector_faults

_WEEK = 7 * 24 * 60
"""Minutes for which a window may be open."""
_DAY = 24 * 60
_MAX_ATTEMPTS = 5
_BUDGET = re.compile(r"(100|[1-9]?[0-9])%")
_SHARE = re.compile(r"(100|[1-9][0-9]?)%")


def faults(spec: RolloutPolicySpec, is_action: Callable[[str], bool] = declared) -> Iterator[str]:
    """Yields why the policy can't be followed; each begins with the field's path."""
    yield from selection_faults(spec)
    yield from action_faults(spec, is_action)
    if not _is_limit(spec.in_flight):
        yield f'spec.inFlight: "{spec.in_flight}" is neither a number from 1 on nor "1%" to "100%"'
    for index, limit in enumerate(spec.per_topology):
        if limit.maximum < 1:
            yield f"spec.perTopology[{index}].maximum: is less than 1"
    for index, window in enumerate(spec.windows):
        if problem := cron_problem(window.cron):
            yield f"spec.windows[{index}].cron: {problem}"
        if not 1 <= window.duration_minutes <= _WEEK:
            yield f"spec.windows[{index}].durationMinutes: is not from 1 to {_WEEK}"
        if window.time_zone and (problem := zone_problem(window.time_zone)):
            yield f"spec.windows[{index}].timeZone: {problem}"
    for index, freeze in enumerate(spec.freezes):
        if problem := freeze_problem(freeze):
            yield f"spec.freezes[{index}]: {problem}"

    yield from _demand_faults(spec)
    yield from _canary_faults(spec)
    yield from _budget_faults(spec)
    yield from _approval_faults(spec)
    yield from _retry_faults(spec)
    if (breaker := spec.breaker) is not None:
        if not 0 <= breaker.percent <= 100 or breaker.same_cause < 0:
            yield "spec.breaker: percent is not from 0 to 100, or sameCause is less than 0"
        if not (breaker.percent or breaker.same_cause):
            yield "spec.breaker: has neither sameCause nor percent"
        if not 1 <= breaker.window_minutes <= _WEEK:
            yield f"spec.breaker.windowMinutes: is not from 1 to {_WEEK}"


def _demand_faults(spec: RolloutPolicySpec) -> Iterator[str]:
    """Yields what is demanded of actions that are none of the policy's. Other faults say which of
    these do not exist."""
    named = [traits(name) for name in spec.actions if declared(name)]
    if not spec.actions or len(named) < len(spec.actions):
        return
    if spec.preflight is not None and not any(each.preflight for each in named):
        yield "spec.preflight: has no rules for any of spec.actions"
    for path, demanded in (("warnings", spec.warnings), ("backup", spec.backup)):
        if demanded is not None and not any(each.upgrades for each in named):
            yield f"spec.{path}: needs Upgrade or Update in spec.actions"


def _canary_faults(spec: RolloutPolicySpec) -> Iterator[str]:
    canaries, path = spec.canaries, "spec.canaries"
    if canaries is None:
        return
    if (canaries.selector is None) == (canaries.count == 0) or canaries.count < 0:
        yield f"{path}: needs either a count from 1 on, or a selector"
    if canaries.selector == LabelSelector():
        yield f"{path}.selector: chooses every cluster"
    elif canaries.selector is not None:
        yield from (f"{path}.selector{fault}" for fault in selector_faults(canaries.selector))
    if not 0 <= canaries.soak_minutes <= _WEEK:
        yield f"{path}.soakMinutes: is not from 0 to {_WEEK}"
    if canaries.health is not None:
        yield from (f"{path}.health{fault}" for fault in health_faults(canaries.health))
    yield from _rollback_faults(spec, canaries)


def _rollback_faults(spec: RolloutPolicySpec, canaries: Canaries) -> Iterator[str]:
    path = "spec.canaries.rollback"
    if not 1 <= canaries.rollback_after_minutes <= _DAY:
        yield f"{path}AfterMinutes: is not from 1 to {_DAY}"
    if not canaries.rollback:
        return
    if canaries.health is None:
        yield f"{path}: needs spec.canaries.health, which says that a canary is not well"
    if spec.actions and not any(declared(each) and traits(each).upgrades for each in spec.actions):
        yield f"{path}: needs Upgrade in spec.actions"


def _budget_faults(spec: RolloutPolicySpec) -> Iterator[str]:
    budget = spec.failure_budget
    if budget is None:
        return
    maximum, path = budget.maximum, "spec.failureBudget"
    number = maximum >= 0 if isinstance(maximum, int) else _BUDGET.fullmatch(maximum) is not None
    if not number:
        yield f'{path}.maximum: "{maximum}" is neither a number from 0 on nor "0%" to "100%"'
    if not 0 <= budget.within_minutes <= _WEEK:
        yield f"{path}.withinMinutes: is not from 0 to {_WEEK}"
    if budget.per is BudgetScope.HUB and not (budget.within_minutes and isinstance(maximum, int)):
        yield f"{path}: what counts on the whole hub needs withinMinutes, and a number"


def _approval_faults(spec: RolloutPolicySpec) -> Iterator[str]:
    approval, path = spec.approval, "spec.approval"
    if approval is None:
        return
    if approval.approvers < 1:
        yield f"{path}.approvers: is less than 1"
    if approval.before is ApprovalMoment.ACTION and not spec.actions:
        yield f"{path}.before: Action needs spec.actions, the actions to approve"
    if approval.before is ApprovalMoment.REST and spec.canaries is None:
        yield f"{path}.before: Rest needs spec.canaries, behind which the rest comes"


def _retry_faults(spec: RolloutPolicySpec) -> Iterator[str]:
    retry, path = spec.retry, "spec.retry"
    if retry is None:
        return
    if not 1 <= retry.attempts <= _MAX_ATTEMPTS:
        yield f"{path}.attempts: is not from 1 to {_MAX_ATTEMPTS}"
    if not 1 <= retry.backoff_minutes <= _DAY:
        yield f"{path}.backoffMinutes: is not from 1 to {_DAY}"
    if spec.actions and not any(declared(each) and traits(each).begins for each in spec.actions):
        yield f"{path}: needs Prep in spec.actions"


def _is_limit(in_flight: int | str) -> bool:
    """Whether the limit is a number or a share; none is one, too."""
    if isinstance(in_flight, int):
        return in_flight >= 1
    return not in_flight or _SHARE.fullmatch(in_flight) is not None
