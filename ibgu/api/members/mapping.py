"""Maps members, with the effective reason and what is known about their messages."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from ibgu.api.failures.mapping import known_failure
from ibgu.api.members.schemas import (
    CompletedActionBody,
    MemberAttemptsBody,
    MemberBody,
    RunBody,
    StalledBody,
    VisitBody,
)
from ibgu.api.requests.readable import Readable
from ibgu.api.rollouts.mapping import reason_body
from ibgu.core.drivers import KIND_TEXTS
from ibgu.core.engine.driver import FailureText
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import ActionName, Member, Reason, Run, as_displayed
from ibgu.core.model.claims import run_without_names, without_names
from ibgu.core.text.commands import named_commands
from ibgu.core.views.display import reason_of
from ibgu.core.views.explain.past import numbered
from ibgu.core.views.forecast import stalled
from ibgu.core.views.overdue import Overdue, overdue_of
from ibgu.db.views import MemberRow, VisitRow

_FROM_MEMBER = (
    *("cluster", "position", "state", "slot", "limit", "started_at", "ended_at"),
    *("outcome", "cause", "message", "failed_action", "late"),
    *("warning", "rollback_until", "paused_since"),
)


def member_body(row: MemberRow, duration_stats: DurationsByAction) -> MemberBody:
    member = as_displayed(row.member)
    reason = reason_of(member, row.hold)
    known = _known(member, row.action, reason)
    return MemberBody(
        **{name: getattr(member, name) for name in _FROM_MEMBER},
        step=member.step + 1,
        action=row.action,
        attempt=member.run.attempt if member.run else 0,
        reason=reason_body(reason, _late(row, reason, duration_stats)) if reason else None,
        stalled=_stalled(row, duration_stats),
        failure=known.name if known else None,
        means=known.means if known else None,
        fix=_copyable(row, known.fix) if known else None,
        remedy=_copyable(row, known.remedy) if known else None,
        completed=_completed(member),
        run=_run(member.run) if member.run else None,
    )


def _late(row: MemberRow, reason: Reason, duration_stats: DurationsByAction) -> Overdue | None:
    own = KIND_TEXTS.meanings(row.action)
    return overdue_of(row.member, reason, row.now, duration_stats, own)


def _stalled(row: MemberRow, duration_stats: DurationsByAction) -> StalledBody | None:
    found = stalled(row.action, row.began, row.now, duration_stats)
    return StalledBody.model_validate(found, from_attributes=True) if found else None


def _known(member: Member, action: ActionName | None, reason: Reason | None) -> FailureText | None:
    """Returns the known failure in a failed member's last message, or in an unfinished one's
    present message."""
    if reason is not None:
        return known_failure(action, reason.message)
    return known_failure(member.failed_action, member.message)


def _copyable(row: MemberRow, text: str) -> str:
    return named_commands(text, row.namespace, row.name, row.member.cluster)


def _completed(member: Member) -> list[CompletedActionBody]:
    return [
        CompletedActionBody.model_validate(done, from_attributes=True) for done in member.completed
    ]


def _run(run: Run) -> RunBody:
    return RunBody.model_validate(run, from_attributes=True)


def _runs(runs: Sequence[Run]) -> list[RunBody]:
    """Returns all runs of a member, each with the number of its action's attempt: in the records
    they are numbered over all actions of the step."""
    return [_run(run).model_copy(update={"attempt": number}) for run, number, _ in numbered(runs)]


def attempts_body(
    row: VisitRow, duration_stats: DurationsByAction, labels: Mapping[str, str]
) -> MemberAttemptsBody:
    return MemberAttemptsBody(
        member=member_body(row.member, duration_stats),
        runs=_runs(row.runs),
        labels=dict(labels),
    )


def visit_body(row: VisitRow, duration_stats: DurationsByAction, readable: Readable) -> VisitBody:
    found = row.member
    visit = visit_for(row, readable)
    return VisitBody(
        rollout=readable.reference(found.namespace, found.name, found.member.rollout),
        member=member_body(visit.member, duration_stats),
        runs=_runs(visit.runs),
    )


def visit_for(row: VisitRow, readable: Readable) -> VisitRow:
    """Returns the visit as the caller may read it."""
    if readable.includes(row.member.namespace):
        return row
    hold = row.member.hold
    if hold is not None:
        # It may name clusters, rollouts and policies, and quote commands.
        hold = replace(hold, message="", gate="", rule="")
    nameless = without_names(row.member.member)
    member = replace(row.member, member=nameless, namespace="", name="", hold=hold)
    return VisitRow(member, tuple(map(run_without_names, row.runs)))
