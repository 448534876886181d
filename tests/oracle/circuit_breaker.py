"""Checks that the circuit breaker of a step has held it (R19): how its members have ended is
counted again."""

from bisect import bisect_right, insort
from datetime import datetime
from math import ceil

from tests.oracle.audit import MemberEventContext, StepEventContext
from tests.oracle.cases import BreakerEnd, RunCase, StepCase
from tests.oracle.rules import Rule

BREAKER = "CircuitBreaker"
BY_PERSON = frozenset({BREAKER, "SeedCircuitBreaker", "PayloadChanged"})
"""Holds of a step that only a person ends."""


def hold_changed(spot: StepEventContext, before: str) -> None:
    """Notes that a hold has ended for which a person must resume; the event of that comes next."""
    if before == spot.step.hold:
        return
    if before in BY_PERSON:
        spot.step.unresumed = before
    if before == BREAKER:
        spot.step.breaker_reset_at = spot.event.at


def succeeded(spot: MemberEventContext, run: RunCase) -> None:
    if run.action in spot.proofs.reboots:
        _put(spot, spot.event.at, "")


def completed_late(spot: MemberEventContext) -> None:
    """Takes the failure back, if there was one."""
    if spot.name in spot.step.breaker_ends:
        _put(spot, spot.event.at, "")


def failed(spot: MemberEventContext) -> None:
    """Counts a member that failed in what reboots its cluster: it was armed, and ended by itself or
    by its limit."""
    run = spot.member.run
    if run is None or run.action not in spot.proofs.reboots or run.ended_at is None:
        return
    if run.labelled and spot.text("failed_action") == run.action:
        _put(spot, run.ended_at, run.cause or "")


def _put(spot: MemberEventContext, at: datetime, cause: str) -> None:
    step, name = spot.step, spot.name
    before = step.breaker_ends.pop(name, None)
    if before is not None:
        step.breaker_order.remove(before)
    step.breaker_ends[name] = end = BreakerEnd(at, name, cause)
    insort(step.breaker_order, end)


def not_engaged(spot: MemberEventContext, action: str) -> None:
    """Checks that too many failures had not engaged it before the start. What a restore or a
    takeover has brought, and steps that resume what they have paused, are not judged."""
    step, rollout = spot.step, spot.rollout
    whole = step.whole and not rollout.restored
    if rollout.breaker_off or not whole or spot.proofs.resumes & {*step.actions}:
        return
    found = _found(step)
    words = f"{spot.name} starts {action} after {found}, and no circuit breaker held it"
    spot.require(Rule.ORDER, not found, words, step.opened)


def _found(step: StepCase) -> str:
    """Returns which failures have engaged the circuit breaker; empty: none have."""
    since, ends = step.breaker_reset_at, step.breaker_order
    first = bisect_right(ends, since, key=lambda end: end.at) if since is not None else 0
    needed = max(5, ceil(step.most / 10))
    if len(ends) - first < needed:
        return ""
    if all(end.cause for end in ends[first : first + needed]):
        return f"its first {needed} clusters have failed"
    last = {end.cause for end in ends[-needed:]}
    if len(last) == 1 and "" not in last:
        return f"{needed} clusters in a row have failed with {last.pop()}"
    return ""
