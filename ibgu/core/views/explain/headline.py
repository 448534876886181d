"""Formats a member's state and its duration in one line."""

from datetime import timedelta

from ibgu.core.model import Ended, Finished, Member, Outcome, Reason, Run, Waiting
from ibgu.core.model.actions import whole
from ibgu.core.text.spans import duration
from ibgu.core.views.display import DisplayState
from ibgu.core.views.explain.case import ExplainCase
from ibgu.core.views.explain.past import attempt_of
from ibgu.core.views.forecast import stalled
from ibgu.core.views.overdue import Overdue

_VERBS = {DisplayState.TAKEN_OVER: "changed by hand"}


def headline(
    case: ExplainCase, state: DisplayState, reason: Reason | None, late: Overdue | None
) -> str:
    member = case.member
    if reason is None or isinstance(member, Finished):
        return _finished(case, member)
    since = duration(case.now - reason.since)
    if isinstance(member, Waiting):
        return f"waits with {case.action} for {since}: {reason.gate or reason.kind}{_usually(late)}"
    slow = _stalled(case) or _usually(late)
    parts = (_doing(case, state, since), _attempt(case, member.run), slow)
    return "".join(parts)


def _usually(late: Overdue | None) -> str:
    return f", overdue: usually {duration(timedelta(seconds=late.usual))} at most" if late else ""


def _finished(case: ExplainCase, member: Member) -> str:
    ago = f"{duration(case.now - member.ended_at)} ago" if member.ended_at else ""
    words = (_ended_with(member), member.outcome, "late" if member.late else ago)
    run = member.run if member.run and whole(member.run.action) == _ended_with(member) else None
    return " ".join(filter(None, words)) + _attempt(case, run)


def _ended_with(member: Member) -> str:
    """Returns the action of the outcome: a success, too, may be that of an abort."""
    if member.failed_action is not None:
        return member.failed_action
    if member.late and member.run:
        return member.run.action
    succeeded = member.outcome is Outcome.SUCCEEDED and member.completed
    return member.completed[-1].action if succeeded else ""


def _doing(case: ExplainCase, state: DisplayState, since: str) -> str:
    """Returns what the member does. An action runs once it was sent to the cluster."""
    verb = _VERBS.get(state, state.value)
    run = case.member.run
    if isinstance(run, Ended) and not run.disarmed:
        return f"{run.action} {run.result}, its work is being disarmed for {since}"
    if run is None or not run.open or run.arming_at is None:
        return f"{case.action} {'held' if state is DisplayState.HELD else 'starts,'} for {since}"
    if state is DisplayState.RUNNING:
        return f"{case.action} running for {duration(case.now - run.arming_at)}"
    return f"{case.action} for {duration(case.now - run.arming_at)}, {verb} for {since}"


def _attempt(case: ExplainCase, run: Run | None) -> str:
    if run is None:
        return ""
    ran = f", ran {duration(span)}" if (span := span_of(run)) is not None else ""
    return f" (attempt {attempt_of(run, case.past)}{ran})"


def span_of(run: Run) -> timedelta | None:
    """Returns the time from sending the run to the cluster until its end."""
    return run.ended_at - run.arming_at if run.ended_at and run.arming_at else None


def _stalled(case: ExplainCase) -> str:
    run = case.member.run
    began = run.arming_at if run and run.open else None
    found = stalled(case.action, began, case.now, case.duration_stats)
    if found is None:
        return ""
    return f", stalled: 95 of 100 take at most {duration(timedelta(seconds=found.usual))}"
