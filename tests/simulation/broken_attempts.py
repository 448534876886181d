"""Breaks how clusters are tried again whose Prep has failed (R50.20): which, when, how often."""

from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from ibgu.controller.effects import policy_follow_ups
from ibgu.core.engine import decide
from ibgu.core.engine.decide.step import retries
from ibgu.core.engine.decide.step.follow_ups import note_follow_up
from ibgu.core.engine.state.retries import AskedRetry
from ibgu.core.model import Cause, Finished, RolloutState
from ibgu.core.views.policy_follow_up import follow_up_body
from tests.simulation.breaking import Patches
from tests.simulation.breaking import replace_part as _set


def tried_again_at_once(stack: ExitStack) -> None:
    """No attempt waits."""
    _set(stack, AskedRetry, "wait", lambda self, attempt: timedelta())


def anything_is_tried_again(stack: ExitStack) -> None:
    """Every Prep that has failed is tried again, whatever the cluster says."""

    def failed(ctx: Any, member: Finished) -> bool:
        return member.cause is Cause.PREP_FAILED

    _set(stack, retries, "_transient", failed)


def tried_again_for_ever(stack: ExitStack) -> None:
    """Each rollout counts as the first one."""
    _set(stack, retries, "_earlier_attempts", lambda ctx: 0)


def tried_again_while_paused(stack: ExitStack) -> None:
    """An attempt that is due begins, whatever holds the rollout."""

    def begun(ctx: Any, tracked: Any, planned: Any, due: datetime) -> None:
        if ctx.now < due:
            ctx.requeue_at("", due)
            return
        old = planned
        for new in retries._judged(ctx, tracked, planned, late=False):
            note_follow_up(ctx, ctx.tracked.steps[tracked.step.index], new, instead_of=old)
            old = None

    _set(stack, retries, "_begin", begun)


def tried_again_beside(stack: ExitStack) -> None:
    """An attempt that is due begins while the first rollout still runs."""
    begin = retries._begin

    def begun(ctx: Any, tracked: Any, planned: Any, due: datetime) -> None:
        real = ctx.tracked.rollout
        over = replace(real, state=RolloutState.COMPLETE, completed_at=ctx.now)
        ctx.tracked.rollout = over
        try:
            begin(ctx, tracked, planned, due)
        finally:
            ctx.tracked.rollout = real

    _set(stack, retries, "_begin", begun)


def tried_again_unasked(stack: ExitStack) -> None:
    """An attempt that is planned begins though the policy is gone."""
    _set(stack, retries, "_problem", lambda *asked: "")


def never_tried_again(stack: ExitStack) -> None:
    """Clusters stay as they are, whatever a policy asks for after an abort."""
    _set(stack, decide, "plan_retries", lambda ctx: None)


def tried_again_with_another_plan(stack: ExitStack) -> None:
    """The further rollout has the first step of the plan alone."""

    def short(rollout: Any, each: Any, shown: Any) -> Any:
        body = follow_up_body(rollout, each, shown)
        return {**body, "spec": {**body["spec"], "plan": body["spec"]["plan"][:1]}}

    _set(stack, policy_follow_ups, "follow_up_body", short)


def tried_again_out_of_sight(stack: ExitStack) -> None:
    """The further rollout has no label by which policies select."""

    def bare(rollout: Any, each: Any, shown: Any) -> Any:
        return follow_up_body(rollout, each, replace(shown, labels={}))

    _set(stack, policy_follow_ups, "follow_up_body", bare)


PATCHES: tuple[tuple[Patches, int], ...] = (
    (tried_again_at_once, 27),
    (anything_is_tried_again, 47),
    (tried_again_for_ever, 142),
    (tried_again_while_paused, 519),
    (tried_again_beside, 789),
    (tried_again_unasked, 439),
    (never_tried_again, 27),
    (tried_again_with_another_plan, 27),
    (tried_again_out_of_sight, 27),
)
"""The patches, with the first seed of each."""
