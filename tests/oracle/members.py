"""Checks events of members (R2, R4, R5): joined, already done, waiting again, finished."""

import re
from collections.abc import Callable

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
from tests.oracle.audit import MemberEventContext, StepEventContext
from tests.oracle.cases import MemberCase
from tests.oracle.rules import Rule

_NUMBERS = re.compile(r"(\d+)")
_AT_ANY_TIME = frozenset({"NeverStarted", "ClusterGone", "ClusterRecreated"})
"""Causes for which a cluster that has not begun fails even while its step is held (R8.10)."""


def joined(spot: StepEventContext) -> None:
    step, event = spot.step, spot.event
    name, uid = event.cluster or "", event.cluster_uid or ""
    twice = step.members.get(name)
    words = f"{name} joins {spot.title} twice"
    spot.require(Rule.MEMBERS, twice is None, words, twice.joined if twice else 0)
    spot.require(
        Rule.ORDER,
        event.data.get("position") == len(step.members) and _natural(step.last) < _natural(name),
        f"{name} joins {spot.title} after {step.last or 'no cluster'}, out of the order of names",
    )
    words = f"{name} joins {spot.title} after its start, or beyond its {step.total} clusters"
    in_time = step.state == "running" and len(step.members) < step.total
    spot.require(Rule.MEMBERS, in_time, words, step.opened)
    member = step.members[name] = MemberCase(cluster=name, uid=uid, joined=event.seq)
    step.waiting += 1
    step.last = name
    here = MemberEventContext(spot.audit, event, spot.rollout, step, member)
    claims.not_cancelled(here, "taken into a step")
    claims.register(here)


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """Returns the sort key of a name, with numbers by value (R4.1)."""
    parts = _NUMBERS.split(name)
    return ([(int(part), "") if i % 2 else (-1, part) for i, part in enumerate(parts)], name)


def _already_done(spot: MemberEventContext) -> None:
    """Checks an action that the cluster has reached already (R8.1), and goes to the next one."""
    member, action = spot.member, spot.text("action")
    _before_next(spot, f"{action} is passed over")
    words = f"{spot.name} passes over {action}, {spot.action or 'nothing'} is due"
    spot.require(Rule.ORDER, action == spot.action, words, member.joined)
    evidence.already_there(spot, action)
    member.index += 1
    labels.due_after_success(spot, action)
    follow_ups.note_success(spot, action, own=False)


def _accepted(spot: MemberEventContext) -> None:
    """Checks that a warning is accepted of a member that has not ended."""
    _before_next(spot, "its warning is accepted")
    spot.member.accepted_warning = spot.event.data.get("accepted")


def _before_next(spot: MemberEventContext, what: str) -> None:
    """Checks that the member is between two actions, or before the first."""
    member, run = spot.member, spot.member.run
    free = member.state == "waiting" or (run is not None and run.over)
    words = f"{spot.name}: {what} while it is {member.state} with a run that is not over"
    spot.require(Rule.ORDER, free and member.state != "finished", words, run.seq if run else 0)


def _returned(spot: MemberEventContext) -> None:
    """Releases slot and claim of a withdrawn run, or of a member past its limit between two
    actions."""
    member, run = spot.member, spot.member.run
    result = run.result if run is not None and member.state == "in flight" else ""
    words = f"{spot.name} waits again though its run was not withdrawn"
    may = result in ("withdrawn", "succeeded")
    spot.require(Rule.ORDER, may, words, run.seq if run else 0)
    if result == "succeeded":
        limits.check_return(spot)
    _wait_again(spot)


def _repeated(spot: MemberEventContext) -> None:
    """Checks that a member takes only what has become too old for its next action once more
    (R47.6), and that this is what it has completed last."""
    _before_next(spot, "its last action is repeated")
    member = spot.member
    last = spot.step.actions[member.index - 1] if member.index else ""
    words = f"{spot.name} repeats {last or 'nothing'} though {spot.action or 'nothing'} is due"
    needs = bool(last) and spot.proofs.backups.get(spot.action) == last
    if spot.require(Rule.ORDER, needs, words, member.joined):
        backups.check_outdated(spot, spot.action)
        member.index -= 1
        member.carried_out -= 1
    if member.state == "in flight":
        _wait_again(spot)


def _wait_again(spot: MemberEventContext) -> None:
    claims.free(spot)
    member = spot.member
    member.state, member.limit, member.first_hop = "waiting", None, None
    spot.step.waiting += 1


def _finished(spot: MemberEventContext) -> None:
    member, step = spot.member, spot.step
    words = f"{spot.name} finishes {spot.title} a second time"
    spot.require(Rule.MEMBERS, member.state != "finished", words, member.ended)
    outcome = spot.text("outcome")
    _check_outcome(spot, outcome)
    rate_limits.ended(spot, outcome)
    labels.applied_so_far(spot)
    step.waiting -= member.state == "waiting"
    step.finished += member.state != "finished"
    claims.free(spot)
    member.state, member.ended = "finished", spot.event.seq
    member.cause = spot.event.cause or ""


def _check_outcome(spot: MemberEventContext, outcome: str) -> None:
    done = spot.member.index >= len(spot.step.actions)
    words = f"{spot.name} {outcome} with {spot.action or 'nothing'} still to be done"
    spot.require(Rule.ORDER, done == (outcome == "succeeded"), words, spot.member.joined)
    if outcome == "succeeded":
        return
    circuit_breaker.failed(spot)
    if outcome == "skipped":
        spot.rollout.skipped = spot.event
    if outcome == "cancelled":
        claims.was_cancelled(spot, "was cancelled")
    failed = spot.text("failed_action")
    words = f"{spot.name} failed {failed}, but {spot.action} was due"
    spot.require(Rule.ORDER, failed in ("", spot.action), words)
    waits = spot.member.state == "waiting"
    words = f"{spot.name} was skipped in the middle of its run"
    spot.require(Rule.ORDER, outcome != "skipped" or waits, words, spot.member.since)
    if outcome == "failed" and waits and spot.event.cause not in _AT_ANY_TIME:
        hold = spot.rollout.hold or spot.step.hold
        words = f"{spot.name} ended with {spot.event.cause} before its action, while held: {hold}"
        spot.require(Rule.ORDER, not hold, words, spot.member.joined)
    evidence.of_failure(spot)
    if spot.event.cause == "NeverStarted":
        limits.check_deadline(spot)


def _late(spot: MemberEventContext) -> None:
    """Checks a late completion (R15.2); only our own failed label can be reversed. A member with
    another action to come stays failed (R28.2)."""
    _afterwards(spot)
    late, run = spot.text("late"), spot.member.run
    left = next(iter(spot.step.actions[spot.member.index + 1 :]), "")
    words = f"{spot.name} completed {spot.title} late with {left} still to be done"
    spot.require(Rule.ORDER, not (late and left), words, spot.member.ended)
    evidence.speaks_for_run(spot)
    circuit_breaker.completed_late(spot)
    by_itself = spot.text("outcome") == "failed" and spot.member.cause != "TakenOver"
    words = f"{spot.name} completed {spot.title} late, which counts as {late or 'a failure'}"
    spot.require(Rule.ORDER, left != "" or bool(late) == by_itself, words, spot.member.ended)
    if run is None or not by_itself:  # else another one had the cluster, or a person skipped it
        return
    backups.note_change(spot, run, spot.event.at)
    failed, cause = spot.text("failed_action"), spot.event.cause or ""
    words = f"{spot.name} completed {run.action} late, and failed {failed or 'nothing'}: {cause}"
    expected = (left, "NeverStarted" if left else "")
    spot.require(Rule.ORDER, (failed, cause) == expected, words, spot.member.ended)
    if run.labelled and spot.event.data.get("relabels"):
        labels.due_after_success(spot, spot.text("action"))


def _resumed(spot: MemberEventContext) -> None:
    _afterwards(spot)
    evidence.resumed(spot)


def _afterwards(spot: MemberEventContext) -> None:
    words = f"{spot.name}: {spot.event.kind} though it is {spot.member.state}"
    spot.require(Rule.ORDER, spot.member.state == "finished", words, spot.member.joined)


OF_MEMBER: dict[str, Callable[[MemberEventContext], None]] = {
    "ActionAlreadyDone": _already_done,
    "WarningAccepted": _accepted,
    "MemberReturned": _returned,
    "ActionRepeated": _repeated,
    "MemberFinished": _finished,
    "FailureDetailed": _afterwards,
    "CompletedLate": _late,
    "AutoImportStaysOff": _afterwards,
    "WatchEnded": _afterwards,
    "RollbackDeadlineChanged": _afterwards,
    "PausedAgain": _afterwards,
    "ResumeDue": _afterwards,
    "Resumed": _resumed,
}
