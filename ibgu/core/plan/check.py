"""Checks a plan, and says what is wrong with it (R1.2, R1.3).

The CRD refuses most invalid plans already; TALM's older CRD lets bad numbers and re-ordered steps
through.
"""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from ibgu.core.model.actions import ActionName, allowed
from ibgu.core.model.bounds import MAX_INT32
from ibgu.core.model.kinds import PlanItem

Started = tuple[tuple[ActionName, ...], int, int]
"""A step that has started: its actions, maxConcurrency, timeout in minutes."""


def problem(plan: Sequence[PlanItem], before: Sequence[Started]) -> str | None:
    """Returns why the plan is invalid; None: it is valid. `before`: the steps already started."""
    return next(_problems(plan, before), None)


def _problems(plan: Sequence[PlanItem], before: Sequence[Started]) -> Iterator[str]:
    if not allowed([item.actions for item in plan]):
        yield (
            f"spec.plan: invalid combinations of actions in the plan: {_drawn(plan)}; "
            "see the list of supported combinations in the documentation"
        )
    for index, item in enumerate(plan):
        yield from _bad_numbers(index, item)
    for index, (started, item) in enumerate(zip_longest(before, plan)):
        if started is not None and started != _as_started(item):
            yield _changed(index, started, item)


def _bad_numbers(index: int, item: PlanItem) -> Iterator[str]:
    strategy = item.rollout_strategy
    for field, value in (
        ("maxConcurrency", strategy.max_concurrency),
        ("timeout", strategy.timeout),
    ):
        wrong = "greater than or equal to 1" if value < 1 else f"less than or equal to {MAX_INT32}"
        if not 1 <= value <= MAX_INT32:
            yield (
                f"spec.plan[{index}].rolloutStrategy.{field}: Invalid value: {value}: "
                f"should be {wrong}"
            )


def _as_started(item: PlanItem | None) -> tuple[tuple[str, ...], int, int] | None:
    if item is None:
        return None
    strategy = item.rollout_strategy
    return (tuple(item.actions), strategy.max_concurrency, strategy.timeout)


def _changed(index: int, started: Started, item: PlanItem | None) -> str:
    actions, max_concurrency, timeout = started
    now = "removed" if item is None else f"changed to {_step(*_as_started(item) or ((), 0, 0))}"
    return (
        f"spec.plan: plan is append only: step {index} has started as "
        f"{_step(actions, max_concurrency, timeout)} and was {now}; put it back, "
        "and add new steps at the end"
    )


def _step(actions: Sequence[str], max_concurrency: int, timeout: int) -> str:
    return f"[{', '.join(actions)}] (maxConcurrency {max_concurrency}, timeout {timeout})"


def _drawn(plan: Sequence[PlanItem]) -> str:
    return "".join(f"[{', '.join(item.actions)}]" for item in plan) or "no steps"
