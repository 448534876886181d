"""Checks events of runs: intended, arming, armed, accepted, ended, disarmed (R23.4)."""

from collections.abc import Callable, Container

from tests.oracle import (
    backups,
    circuit_breaker,
    claims,
    evidence,
    follow_ups,
    labels,
    limits,
    rate_limits,
)
from tests.oracle.audit import MemberEventContext
from tests.oracle.cases import RunCase
from tests.oracle.evidence import unaccepted_warning
from tests.oracle.rules import Rule

_RESULTS = {
    "intended": {"refused", "limit", "preempted", "withdrawn", "gone", "deleted"},
    "arming": {"refused", "limit", "preempted", "withdrawn", "gone", "deleted"},
    "armed": {"refused", "limit", "preempted", "taken over", "withdrawn", "gone", "deleted"},
    "accepted": {
        *("succeeded", "continued", "failed", "limit"),
        *("preempted", "taken over", "gone", "deleted"),
    },
}
"""State of a run -> its possible results."""
_BREAKERS = frozenset({"CircuitBreaker", "SeedCircuitBreaker", "FailureBudgetSpent"})
"""Holds of a step that keep who is in a chain from its Upgrade, too."""
_LASTING = _BREAKERS | circuit_breaker.BY_PERSON
"""Holds of a step that stay until they are ended."""
_RESTORED = frozenset({"Restored"})
"""Holds of a rollout in which nothing begins, also on clusters in flight."""
_UNSENT = _RESTORED | {"TalmIsLive"}
"""Those in which nothing is sent."""


def _intended(spot: MemberEventContext) -> None:
    member, event = spot.member, spot.event
    action = spot.text("action")
    _may_begin(spot, action)
    _not_twice(spot, action)
    evidence.startable(spot, "starts", action)
    _not_against_preflight(spot, action)
    _not_against_warning(spot, action)
    first = member.state == "waiting"
    limits.in_time(spot, f"starts {action}")
    _not_released(spot, action)
    if first or action in spot.proofs.reboots:
        circuit_breaker.not_engaged(spot, action)
    if first:
        _start(spot)
    else:
        _not_stopped(spot, action)
        limits.keep_limit(spot)
        claims.not_cancelled(spot, "taken further")
    member.attempts += 1
    member.run = RunCase(id=event.run or "", action=action, seq=event.seq, intended_at=event.at)
    member.run.first = first and not member.carried_out
    member.run.backup = backups.needed(spot, action)
    member.run.between = backups.between(spot)
    if member.run.backup:
        backups.recent(spot, action, "starts")
    spot.audit.runs[member.run.id] = event.seq


def _start(spot: MemberEventContext) -> None:
    rollout, step = spot.rollout, spot.step
    held = rollout.hold or step.hold
    spot.require(Rule.ORDER, not held, f"{spot.name} was started while held: {held}")
    limits.take_limit(spot)
    claims.take(spot)
    rate_limits.started(spot)


def _not_released(spot: MemberEventContext, action: str) -> None:
    """Checks that a person has ended the last hold of the step that only a person ends."""
    words = f"{spot.name} starts {action} behind a hold that nobody has ended: "
    spot.require(Rule.ORDER, not spot.step.unresumed, f"{words}{spot.step.unresumed}")


def _not_stopped(spot: MemberEventContext, action: str) -> None:
    hold = spot.step.hold
    stopped = hold in _BREAKERS and action in spot.proofs.reboots
    spot.require(Rule.ORDER, not stopped, f"{spot.name} starts {action} while held: {hold}")
    _not_held_by(spot, _RESTORED, f"starts {action}")


def _not_sent_while_held(spot: MemberEventContext, run: RunCase) -> None:
    """Checks that nothing keeps the start or, inside a chain, the action when it is sent (R8.8): a
    hold may have come since."""
    if not run.first:
        _not_held_by(spot, _UNSENT, f"is asked for {run.action}")
        _not_stopped(spot, run.action)
        return
    limits.in_time(spot, f"is asked for {run.action}")
    hold = spot.rollout.hold or (spot.step.hold if spot.step.hold in _LASTING else "")
    words = f"{spot.name} is asked for {run.action} while held: {hold}"
    spot.require(Rule.ORDER, not hold, words, run.seq)


def _not_held_by(spot: MemberEventContext, holds: Container[str], what: str) -> None:
    """Checks that the rollout has none of the holds: it was restored (R31.3), or a TALM lives
    (R20.1)."""
    hold = spot.rollout.hold
    words = f"{spot.name} {what} while its rollout is held: {hold}"
    spot.require(Rule.ORDER, hold not in holds, words)


def _not_against_preflight(spot: MemberEventContext, action: str) -> None:
    """Checks that nothing starts against an error while preflight is enforced (R46.9)."""
    step = spot.step
    if not spot.rollout.enforces_preflight or action not in spot.proofs.preflight:
        return
    rule = step.errors.get(spot.name) or step.plan_error
    words = f"{spot.name} starts {action} in spite of an error of preflight: {rule}"
    spot.require(Rule.ORDER, not rule, words, step.judged)
    words = f"{spot.name} starts {action} before preflight has judged {spot.title}"
    spot.require(Rule.ORDER, step.judged > 0, words)


def _not_against_warning(spot: MemberEventContext, action: str) -> None:
    """Checks that a person has accepted what the cluster warns of, where the rollout holds such
    clusters (R18.8)."""
    if spot.rollout.holds_on_warning:
        warning = unaccepted_warning(spot.proofs, spot.event, spot.member, action)
        words = f"{spot.name} starts {action} although nobody has accepted its warning: {warning}"
        spot.require(Rule.ORDER, not warning, words)


def _may_begin(spot: MemberEventContext, action: str) -> None:
    rollout, step, member, run = spot.rollout, spot.step, spot.member, spot.member.run
    words = f"{spot.name} starts {action} after the rollout was deleted"
    spot.require(Rule.ORDER, not rollout.deleted, words, rollout.deleted)
    words = f"{spot.name} starts {action} while {spot.title} is {step.state}"
    spot.require(Rule.ORDER, step.state == "running", words, step.opened)
    words = f"{spot.name} starts {action} after it had finished {spot.title}"
    spot.require(Rule.ONCE, member.state != "finished", words, member.ended)
    words = f"{spot.name} starts {action}, {spot.action or 'nothing'} is due"
    due = spot.proofs.parts.get(action, action) == spot.action
    spot.require(Rule.ORDER, due, words, member.joined)
    words = f"{spot.name} starts {action} before its run {run.action if run else ''} is over"
    spot.require(Rule.ORDER, run is None or run.over, words, run.seq if run else 0)


def _not_twice(spot: MemberEventContext, action: str) -> None:
    """Checks that an action repeats only after a withdrawal or a part of it, and that the next one
    follows success only (R5.1)."""
    member, run, event = spot.member, spot.member.run, spot.event
    known = spot.audit.runs.get(event.run or "", 0)
    spot.require(Rule.ONCE, not known, f"the run {event.run} begins a second time", known)
    number = event.data.get("attempt")
    words = f"attempt {number} of {spot.name} comes after {member.attempts} attempts"
    spot.require(Rule.ONCE, number == member.attempts + 1, words)
    wanted = {"succeeded", "withdrawn" if member.state == "waiting" else "continued"}
    result = run.result if run else ""
    spot.require(
        Rule.ONCE,
        run is None or result in wanted,
        f"{spot.name} starts {action} after its run of {run.action if run else ''}: {result}",
        run.seq if run else 0,
    )


def _go(spot: MemberEventContext, to: str, *fro: str) -> RunCase | None:
    """Returns the run in its next state, if it is the member's newest and may go there."""
    run, event = spot.member.run, spot.event
    same = run is not None and run.id == event.run
    words = f"{spot.name}: {event.kind} of a run that is not its newest"
    if not spot.require(Rule.ORDER, same, words, run.seq if run else 0) or run is None:
        return None
    words = f"{spot.name}: {event.kind} of a run that is {run.state}"
    spot.require(Rule.ORDER, run.state in fro, words, run.seq)
    run.state = to
    return run


def _arming(spot: MemberEventContext) -> None:
    if run := _go(spot, "arming", "intended"):
        run.arming, run.disarmed, run.arming_at = True, False, spot.event.at
        _not_sent_while_held(spot, run)
        if "seen" in spot.event.data:  # It was sent later than it was begun.
            evidence.startable(spot, "is asked for", run.action)
        if run.backup or backups.part_due(spot, run.action):
            backups.recent(spot, run.action, "is asked for")
        backups.note_change(spot, run, spot.event.at)


def _armed(spot: MemberEventContext) -> None:
    if run := _go(spot, "armed", "arming"):
        run.shown = True


def _accepted(spot: MemberEventContext) -> None:
    if run := _go(spot, "accepted", "arming", "armed"):
        run.shown = True
        evidence.taken(spot)


def _ended(spot: MemberEventContext) -> None:
    before = spot.member.run.state if spot.member.run else ""
    run = _go(spot, "ended", *_RESULTS)
    if run is None:
        return
    run.result, run.cause = spot.text("result"), spot.event.cause
    run.ended, run.ended_at = spot.event.seq, spot.event.at
    undone = run.result == "withdrawn" and before == "accepted" and evidence.is_undone(spot, run)
    allowed = undone or run.result in _RESULTS.get(before, ())
    words = f"{spot.name}: {run.action} {run.result}, but the run was {before}"
    spot.require(Rule.ORDER, allowed, words, run.seq)
    evidence.of_end(spot, run)
    if run.result in ("withdrawn", "refused"):
        backups.note_change(spot, run, None)
    if run.result == "succeeded":
        backups.note_change(spot, run, spot.event.at)
        spot.member.index += 1
        spot.member.carried_out += 1
        circuit_breaker.succeeded(spot, run)
        labels.due_after_success(spot, run.action)
        follow_ups.note_success(spot, run.action, own=True)
        backups.taken(spot, run)
    elif run.result == "continued" and run.action in spot.proofs.parts:
        backups.taken(spot, run)
    elif run.result == "continued":
        backups.note_hop(spot, run)
    elif run.result == "limit":
        limits.check_expiry(spot)
    elif run.result == "preempted":
        claims.was_cancelled(spot, f"was preempted in {run.action}")
    if run.labelled:
        labels.due_after_failure(spot, spot.proofs.parts.get(run.action, run.action))


def _disarmed(spot: MemberEventContext) -> None:
    if run := _go(spot, "ended", "ended"):
        words = f"{spot.name}: a work that was not armed is disarmed"
        spot.require(Rule.ORDER, not run.disarmed, words, run.seq)
        run.disarmed = True


def _reopened(spot: MemberEventContext) -> None:
    """Checks that the cluster took a withdrawn run after all (R9.5)."""
    run = _go(spot, "accepted", "ended")
    waits = spot.member.state == "waiting" and run is not None
    words = f"{spot.name} is reopened though its run was not withdrawn"
    if run is None or not spot.require(
        Rule.ORDER, waits and run.result == "withdrawn" and run.arming, words, run.seq
    ):
        return
    limits.take_limit(spot)
    claims.take(spot)
    run.result, run.cause, run.shown, run.ended = "", None, True, 0
    backups.note_change(spot, run, run.arming_at)
    evidence.came_back(spot)


OF_RUN: dict[str, Callable[[MemberEventContext], None]] = {
    "RunIntended": _intended,
    "RunArming": _arming,
    "RunArmed": _armed,
    "RunAccepted": _accepted,
    "RunEnded": _ended,
    "RunDisarmed": _disarmed,
    "RunReopened": _reopened,
}
