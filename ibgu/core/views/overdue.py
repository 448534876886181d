"""Overdue reasons: one that lasts longer than usual needs a person.

Every reason for which ibgu or the cluster has to act is in one of two tables: after which time it
is overdue, and what to check then; or why it never is. Reasons that wait for a person do so from
the start. The time is p95, with a margin, of what the journal measures on this hub: from an
attempt's start until it is sent, until the cluster takes it, until it ends. Other reasons have a
fixed limit.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from ibgu.core.engine.driver import KindMeanings
from ibgu.core.engine.gates import GATE_REASONS
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import ActionName, Member, MemberState, Reason, ReasonKind, Run
from ibgu.core.model.meaning import (
    CHECK_WORK_AGENT,
    SHOW_WORK,
    STARTS_AFTER_ANOTHER,
    STARTS_AT_ITS_TIME,
    MeasuredSpan,
    OverdueRule,
)

_ANY_KIND = KindMeanings()
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)


class Attempt(Struct, frozen=True):
    """The attempt of a cluster in flight."""

    action: ActionName
    started: datetime
    sent: datetime | None
    """When the action was sent to the cluster; None: not yet."""


class Overdue(Struct, frozen=True):
    since: datetime
    """When the rule's limit had passed."""
    usual: float
    """Seconds: p95, or the rule's fixed limit."""
    check: str


_LEASE = (
    "check power and network of the site and, once it is up, the klusterlet there; "
    "on the hub `oc get lease managed-cluster-lease -n {cluster}` shows its last "
    "heartbeat"
)
_ACTION = "check on the cluster what its agent is doing"

RULES: dict[ReasonKind, OverdueRule] = {
    # waiting
    ReasonKind.CLAIM: OverdueRule(
        _HOUR,
        "check the rollout that the line above names: resume, skip or delete it if it is held",
    ),
    ReasonKind.PREEMPTING: OverdueRule(
        10 * _MINUTE, f"check why the older rollout's ManifestWork is not disarmed: {SHOW_WORK}"
    ),
    ReasonKind.UNREACHABLE: OverdueRule(15 * _MINUTE, _LEASE),
    ReasonKind.PROBING: OverdueRule(3 * _MINUTE, CHECK_WORK_AGENT),
    ReasonKind.NO_ANSWER: OverdueRule(2 * _MINUTE, CHECK_WORK_AGENT),
    ReasonKind.BUSY: OverdueRule(_HOUR, _ACTION),
    ReasonKind.TERMINATING: OverdueRule(10 * _MINUTE, CHECK_WORK_AGENT),
    # in flight
    ReasonKind.PREPARING: OverdueRule(5 * _MINUTE, CHECK_WORK_AGENT, MeasuredSpan.PREPARED),
    ReasonKind.ARMING: OverdueRule(3 * _MINUTE, CHECK_WORK_AGENT, MeasuredSpan.TAKEN),
    ReasonKind.APPLY_ERROR: OverdueRule(
        5 * _MINUTE,
        f"fix what the cluster's message names; the ManifestWork has it, too: {SHOW_WORK}",
        MeasuredSpan.TAKEN,
    ),
    ReasonKind.RUNNING: OverdueRule(
        2 * _HOUR,
        f"{_ACTION}. If its state has not changed, {CHECK_WORK_AGENT}",
        MeasuredSpan.ENDED,
    ),
    ReasonKind.REBOOTING: OverdueRule(
        45 * _MINUTE,
        "check the site's console (BMC): whether it boots, and which release",
        MeasuredSpan.ENDED,
    ),
    ReasonKind.DISARMING: OverdueRule(
        5 * _MINUTE,
        "check that the hub takes ibgu's writes (`ibgu doctor`), and the ManifestWork: "
        f"{SHOW_WORK}",
    ),
} | {kind: reason.overdue for kind, reason in GATE_REASONS.items() if reason.overdue is not None}

EXEMPT: dict[ReasonKind, str] = {
    ReasonKind.SLOT: STARTS_AFTER_ANOTHER,
    ReasonKind.READY: STARTS_AFTER_ANOTHER,
    ReasonKind.REOPENING: (
        "ibgu follows the cluster again when one in flight ends, and reports those that are overdue"
    ),
    ReasonKind.START_JITTER: STARTS_AT_ITS_TIME,
    ReasonKind.SOAKING: "It ends at the time shown with the reason",
} | {
    kind: reason.why_never_overdue
    for kind, reason in GATE_REASONS.items()
    if reason.why_never_overdue
}
"""Reasons that are never overdue, and why."""
FROM_THE_START = frozenset(ReasonKind) - RULES.keys() - EXEMPT.keys()
"""Reasons that wait for a person from their beginning, and say for what."""


def overdue(
    kind: ReasonKind,
    since: datetime,
    cluster: str,
    now: datetime,
    duration_stats: DurationsByAction,
    attempt: Attempt | None = None,
    own: KindMeanings = _ANY_KIND,
) -> Overdue | None:
    """Returns since when the reason is overdue; None: it is not.

    `since`: the reason's beginning; `attempt`: the one of a cluster in flight; `own`: the meanings
    of its kind of change.
    """
    rule = RULES.get(kind)
    if rule is None:
        return None
    due, usual = since + rule.after, rule.after.total_seconds()
    if attempt is not None and (measured := _measured(rule, attempt, duration_stats)) is not None:
        due, usual = measured
    check = own.checks.get(kind, rule.check).format(cluster=cluster)
    return Overdue(due, usual, check) if now > due else None


def _measured(
    rule: OverdueRule, attempt: Attempt, duration_stats: DurationsByAction
) -> tuple[datetime, float] | None:
    """Returns when the rule's limit has passed, and the p95 that it was made of."""
    stats = duration_stats.get(attempt.action)
    begin = attempt.started if rule.usual is MeasuredSpan.PREPARED else attempt.sent
    if rule.usual is None or stats is None or begin is None:
        return None
    measured = {
        MeasuredSpan.PREPARED: (stats.limits.prepared, stats.prepared),
        MeasuredSpan.TAKEN: (stats.limits.taken, stats.taken),
        MeasuredSpan.ENDED: (stats.limits.ended, stats.p95),
    }
    limit, p95 = measured[rule.usual]
    return None if limit is None or p95 is None else (begin + timedelta(seconds=limit), p95)


def overdue_of(
    member: Member,
    reason: Reason,
    now: datetime,
    duration_stats: DurationsByAction,
    own: KindMeanings,
) -> Overdue | None:
    """Returns since when the member's decisive reason is overdue."""
    attempt = _attempt(member.run) if member.state is MemberState.IN_FLIGHT else None
    return overdue(reason.kind, reason.since, member.cluster, now, duration_stats, attempt, own)


def _attempt(run: Run | None) -> Attempt | None:
    if run is None or not run.open:
        return None
    return Attempt(run.action, run.intended_at, run.arming_at)
