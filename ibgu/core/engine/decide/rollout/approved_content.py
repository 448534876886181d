"""The content of a step that people approve: once it has changed, approvals no longer count
(R50.13)."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from msgspec import Struct, json
from msgspec.structs import replace

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.model import StepState, carry_payload, names, traits
from ibgu.core.model.actions import every_action
from ibgu.core.model.grants import Approval, ApprovedContent
from ibgu.core.model.kinds import LabelSelector, PlanItem
from ibgu.core.model.records import UNKNOWN_PAYLOAD
from ibgu.core.text.cut import cut


def in_plan(ctx: DecisionContext, approval: Approval) -> bool:
    return 0 <= approval.step < len(ctx.rollout.spec.plan)


class StepContent(Struct, frozen=True):
    """StepContent is what one approves now who approves a step of the plan."""

    approved: ApprovedContent | None
    """None: that is not known before the plan is valid."""
    unread: bool = False
    """Whether the hub's ConfigMaps and Secrets have to be read first: who approves has seen what is
    on the hub now."""
    obstacle: str = ""
    """Why nobody can approve the step by what is on the hub; empty: one can."""


def step_content(ctx: DecisionContext, index: int) -> StepContent:
    """Returns what the plan's step with that index brings to the clusters, and all before it."""
    spec = ctx.rollout.spec
    steps = spec.plan[: index + 1]
    if not {action for step in steps for action in step.actions} <= set(every_action()):
        return StepContent(None)
    annotations = dict(ctx.rollout.annotations)
    if any(traits(action).upgrades for action in steps[-1].actions):
        controls = ctx.rollout.controls
        annotations |= {key: controls[key] for key in names.BACKUP_ANNOTATIONS if key in controls}
    content = ApprovedContent(
        plan=_digest([_selectors(spec.cluster_label_selectors), _steps(steps)]),
        annotations=_digest(annotations),
        payload="",
    )
    carrying = _carrying(steps)
    if carrying is None:
        return StepContent(content)
    carried, shown = _carried(ctx, carrying), _on_hub(ctx)
    return StepContent(
        replace(content, payload=carried or shown),
        unread=not ctx.snapshot.payload.fresh,
        obstacle=_obstacle(ctx, carrying, carried, shown),
    )


def changes(then: ApprovedContent | None, now: ApprovedContent | None) -> str:
    """Returns why an approval of what the step was then does not count now; empty: nothing has
    changed, as far as is known."""
    if then is None:
        return "ibgu does not know what it approved"
    if now is None:
        return ""
    if now.payload not in (None, then.payload):
        return "the ConfigMaps and Secrets that go to the clusters have changed since"
    if then.annotations != now.annotations:
        return (
            "annotations of the rollout that decide what happens on its clusters have changed since"
        )
    return "" if then.plan == now.plan else "the rollout's plan or selectors have changed since"


def _obstacle(ctx: DecisionContext, carrying: int, carried: str, shown: str | None) -> str:
    if shown is None:
        why = cut(ctx.snapshot.payload.problem)
        return f"what the rollout brings to its clusters is not known: {why}"
    if carried in ("", shown):
        return ""
    return (
        "the ConfigMaps and Secrets on the hub are not those that the clusters have got by step "
        f"{carrying + 1}: put those back, or resume the rollout if it waits for that"
    )


def _carrying(steps: list[PlanItem]) -> int | None:
    """Returns the index of the last step that carries a payload."""
    found = [index for index, step in enumerate(steps) if carry_payload(step.actions)]
    return found[-1] if found else None


def _carried(ctx: DecisionContext, index: int) -> str:
    """Returns the digest of what ibgu brings to the clusters in a step that has started; empty: the
    step has not, TALM has brought it, or the journal has lost it."""
    opened = ctx.tracked.steps
    if index >= len(opened) or opened[index].step.state is StepState.OPENING:
        return ""
    carried = opened[index].step.payload_digest
    return "" if carried == UNKNOWN_PAYLOAD else carried


def _on_hub(ctx: DecisionContext) -> str | None:
    """Returns the digest of what is on the hub, as last read; None: that is not known."""
    payload = ctx.snapshot.payload
    return payload.digest if payload.read and not payload.problem else None


def _selectors(selectors: Iterable[LabelSelector]) -> list[Any]:
    """Returns what selects, in a form that stays when the class gets more fields."""
    return [
        [
            each.match_labels,
            [[rule.key, rule.operator, rule.values] for rule in each.match_expressions],
        ]
        for each in selectors
    ]


def _steps(steps: Iterable[PlanItem]) -> list[Any]:
    return [
        [each.actions, each.rollout_strategy.max_concurrency, each.rollout_strategy.timeout]
        for each in steps
    ]


def _digest(content: Any) -> str:
    return sha256(json.encode(content, order="deterministic")).hexdigest()
