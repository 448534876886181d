"""Breaks how canaries go back that were well and break (R50.19): when, how often, and by what."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from msgspec.structs import replace

from ibgu.controller.effects import policy_follow_ups
from ibgu.controller.effects.policy_follow_ups import PolicyFollowUps
from ibgu.core.engine.decide.step import rollbacks, steps
from ibgu.core.engine.state.broken_canaries import BrokenCanaries, CanaryReport
from ibgu.core.engine.state.canaries import PolicyCanaries
from ibgu.core.model import ReasonKind
from ibgu.core.model.follow_ups import StepFollowUps
from ibgu.core.views.policy_follow_up import follow_up_body
from tests.simulation.breaking import Patches
from tests.simulation.breaking import replace_part as _set

_LONG = timedelta(days=1)


def unknown_goes_back(stack: ExitStack) -> None:
    """A canary of which nothing is known counts as broken."""
    report = PolicyCanaries._report

    def known(self: PolicyCanaries, *asked: Any) -> CanaryReport:
        found = report(self, *asked)
        return found if found.well or found.broken else replace(found, broken="nothing is known")

    _set(stack, PolicyCanaries, "_report", known)


def grace_ignored(stack: ExitStack) -> None:
    """A canary goes back as soon as it is reported as broken."""

    def at_once(self: BrokenCanaries, step: Any, report: CanaryReport, *times: datetime) -> Any:
        return _LONG if report.broken else None

    _set(stack, BrokenCanaries, "broken_for", at_once)


def breaks_add_up(stack: ExitStack) -> None:
    """A canary that is well again, or not known, goes on being broken once it breaks again."""
    broken_for = BrokenCanaries.broken_for

    def on(self: BrokenCanaries, step: Any, report: CanaryReport, *times: datetime) -> Any:
        return broken_for(self, step, report, *times) if report.broken else None

    _set(stack, BrokenCanaries, "broken_for", on)


def sick_goes_back(stack: ExitStack) -> None:
    """A canary that has succeeded counts as one that was well."""
    reports = PolicyCanaries.reports

    def well(self: PolicyCanaries, step: Any, now: datetime) -> Iterator[CanaryReport]:
        for each in reports(self, step, now):
            known = each.member.uid in step.step.follow_ups.well
            yield each if known else replace(each, well=True, broken="", as_of=None)

    _set(stack, PolicyCanaries, "reports", well)


def goes_back_again(stack: ExitStack) -> None:
    """A canary that stays broken goes back once more after a resume, and before."""
    _set(stack, StepFollowUps, "uids", property(lambda self: frozenset()))


def _whatever_holds(stack: ExitStack, passed: Any) -> None:
    """Lets canaries go back in spite of what holds the rollout, if `passed` says so of it."""
    decide = rollbacks.decide_rollbacks

    def decided(ctx: Any) -> None:
        step = ctx.tracked.current
        if step is None or not step.not_started or not passed(ctx):
            decide(ctx)
            return
        for canaries in ctx.snapshot.canaries:
            if canaries.rollback_after is not None and canaries.concern(step):
                rollbacks._look_after(ctx, step, canaries, canaries.rollback_after)

    _set(stack, steps, "decide_rollbacks", decided)


def pause_lets_go_back(stack: ExitStack) -> None:
    """Canaries of a paused rollout go back."""

    def passed(ctx: Any) -> bool:
        hold = ctx.rollout.hold
        return hold is not None and hold.kind not in (ReasonKind.RESTORED, ReasonKind.TALM)

    _whatever_holds(stack, passed)


def restore_lets_go_back(stack: ExitStack) -> None:
    """Canaries of a rollout that a restore holds go back."""

    def passed(ctx: Any) -> bool:
        hold = ctx.rollout.hold
        return hold is not None and hold.kind is ReasonKind.RESTORED

    _whatever_holds(stack, passed)


def talm_lets_go_back(stack: ExitStack) -> None:
    """Canaries go back although TALM is live."""
    _whatever_holds(stack, lambda ctx: bool(ctx.facts.talm_hold))


def unasked_goes_back(stack: ExitStack) -> None:
    """Canaries go back although the policy does not say so, after a minute."""

    def after(self: PolicyCanaries) -> timedelta:
        asks, minutes = self._canaries.rollback, self._canaries.rollback_after_minutes
        return timedelta(minutes=minutes if asks else 1)

    _set(stack, PolicyCanaries, "rollback_after", property(after))


def others_go_on(stack: ExitStack) -> None:
    """A step goes on although one of its canaries goes back."""
    _set(stack, PolicyCanaries, "_follow_ups", lambda self, step, since: iter(()))


def broken_stays(stack: ExitStack) -> None:
    """No canary goes back, however long it is broken."""
    _set(stack, BrokenCanaries, "broken_for", lambda self, *asked: None)


def never_made(stack: ExitStack) -> None:
    """The journal has new rollouts that nobody makes."""
    _set(stack, PolicyFollowUps, "reconcile", lambda self, tracked: None)


def made_by_another_name(stack: ExitStack) -> None:
    """Each creation of a new rollout has a name of its own."""
    body, numbers = follow_up_body, count(1)

    def named(rollout: Any, each: Any, shown: Any) -> Any:
        return body(rollout, replace(each, name=f"{each.name}-{next(numbers)}"), shown)

    _set(stack, policy_follow_ups, "follow_up_body", named)


def made_for_others(stack: ExitStack) -> None:
    """A new rollout takes a cluster that the journal does not have for it."""
    body = follow_up_body

    def wide(rollout: Any, each: Any, shown: Any) -> Any:
        return body(rollout, replace(each, clusters=(*each.clusters, "site-9")), shown)

    _set(stack, policy_follow_ups, "follow_up_body", wide)


PATCHES: tuple[tuple[Patches, int], ...] = (
    (unknown_goes_back, 236),
    (grace_ignored, 6),
    (breaks_add_up, 997),
    (sick_goes_back, 236),
    (goes_back_again, 29),
    (pause_lets_go_back, 696),
    (restore_lets_go_back, 298),
    (talm_lets_go_back, 9),
    (unasked_goes_back, 856),
    (others_go_on, 29),
    (broken_stays, 297),
    (never_made, 297),
    (made_by_another_name, 717),
    (made_for_others, 297),
)
"""The patches, with the first seed of each."""
