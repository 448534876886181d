"""Derives, from a member and its attempts, one row for each action on the cluster."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from ibgu.client.responses import MemberAttemptsResponse, MemberResponse, RunResponse
from ibgu.core.drivers import declared
from ibgu.core.model.actions import whole

_WITHDRAWN = "withdrawn"
"""The result of a run that never reached its cluster."""
_CONTINUED = "continued"
"""The result of a run after which its action went on with another one: no second try."""


class ReportedAction(Struct, frozen=True):
    """ReportedAction is one action of a step on one cluster, over all attempts."""

    action: str
    outcome: str
    """That of the cluster in the action; or that it runs, waits or was not started."""
    begin: datetime | None = None
    """When the first attempt went to the cluster; None: none did."""
    end: datetime | None = None
    attempts: int = 0
    cause: str = ""
    failure: str = ""
    message: str = ""
    note: str = ""

    @property
    def seconds(self) -> float | None:
        """Returns the seconds from the begin to the end; None: one of them is missing."""
        if self.begin is None or self.end is None:
            return None
        return max(0.0, (self.end - self.begin).total_seconds())


def reported_actions(
    found: MemberAttemptsResponse, planned: Sequence[str]
) -> Iterator[ReportedAction]:
    """Yields a row for each action of the step, in order; `planned`: the actions of the step."""
    for action in planned:
        runs = [
            run for run in found.runs if _whole(run.action) == action and run.result != _WITHDRAWN
        ]
        yield _row(found.member, action, runs)


def _whole(action: str) -> str:
    """Returns the action that a run is a part of; newer servers may know actions of their own."""
    return whole(action) if declared(action) else action


def _row(member: MemberResponse, action: str, runs: Sequence[RunResponse]) -> ReportedAction:
    begin = (runs[0].arming_at or runs[0].intended_at) if runs else None
    attempts = max(1, sum(run.result != _CONTINUED for run in runs)) if runs else 0
    done = next((each for each in member.completed if each.action == action), None)
    if done is not None:
        note = done.note or member.late or member.warning
        return ReportedAction(action, "succeeded", begin, done.at, attempts, note=note)
    ended = runs[-1].ended_at if runs else None
    if action == member.failed_action:
        return ReportedAction(
            action,
            member.outcome or member.state,
            begin,
            ended or (member.ended_at if runs else None),
            attempts,
            cause=member.cause or "",
            failure=member.failure or "",
            message=member.message,
            note=member.late,
        )
    if action == member.action and member.state == "in flight":
        return ReportedAction(action, "running", begin, None, attempts, message=_why(member))
    outcome, message = _untried(member, action)
    return ReportedAction(action, outcome, begin, ended, attempts, message=message)


def _untried(member: MemberResponse, action: str) -> tuple[str, str]:
    """Returns the outcome of an action that no run is open for, and the reason."""
    if member.outcome is None:
        return "waiting", _why(member) if action == member.action else ""
    if member.outcome in ("skipped", "cancelled") and not member.failed_action:
        return member.outcome, member.message
    return "not started", ""


def _why(member: MemberResponse) -> str:
    return member.reason.message if member.reason else ""
