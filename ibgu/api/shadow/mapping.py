"""Maps records of shadow mode to bodies of answers."""

from datetime import datetime, timedelta

from ibgu.api.rollouts.schemas import ReleaseBody
from ibgu.api.shadow.schemas import (
    NoteBody,
    OutcomeBody,
    ShadowClusterBody,
    ShadowFailureBody,
    ShadowPolicyBody,
    ShadowReportBody,
    ShadowRolloutBody,
    ShadowStepBody,
    SlowBatchBody,
)
from ibgu.core.assurance.shadow import (
    Report,
    Row,
    ShadowFailureGroup,
    ShadowOutcome,
    ShadowPolicyGroup,
    ShadowRollout,
    ShadowVerdict,
    StepReport,
    explanation,
    remedy_of,
)
from ibgu.core.drivers.ibu.failures import explain

_FROM_ROLLOUT = (
    *("namespace", "name", "uid", "created_at", "watched_since", "progress", "complete"),
    "deleted",
)
_FROM_RUN = ("cluster", "action", "batch", "since", "reachable", "words")


def shadow_rollout_body(rollout: ShadowRollout) -> ShadowRolloutBody:
    return ShadowRolloutBody(
        **{name: getattr(rollout, name) for name in _FROM_ROLLOUT},
        release=ReleaseBody(image=rollout.seed_image, version=rollout.seed_version),
        plan=[list(step) for step in rollout.plan],
    )


def report_body(report: Report) -> ShadowReportBody:
    return ShadowReportBody(
        rollout=shadow_rollout_body(report.rollout),
        steps=[_step(step) for step in report.steps],
        failures=[_failure(group) for group in report.failures],
        policies=[_policy(group) for group in report.policies],
        ahead_seconds=report.ahead.total_seconds(),
        saved_seconds=report.saved.total_seconds(),
    )


def cluster_body(row: Row, now: datetime) -> ShadowClusterBody:
    run = row.run
    failed = run.ibgu is not None and run.ibgu.verdict is ShadowVerdict.FAILED
    known = explain(run.action, run.ibgu.message) if run.ibgu is not None and failed else None
    return ShadowClusterBody(
        **{name: getattr(run, name) for name in _FROM_RUN},
        step=run.step + 1,
        ibgu=_outcome_body(run.ibgu),
        talm=_outcome_body(run.talm),
        ahead_seconds=_seconds(row.ahead),
        idle_seconds=_seconds(row.idle),
        differ=row.differ,
        explanation=explanation(run, now),
        failure=known.name if known else None,
        means=known.means if known else None,
        remedy=remedy_of(run, run.ibgu) if run.ibgu is not None and failed else None,
        history=[NoteBody(at=note.at, text=note.text) for note in run.notes],
    )


def _outcome_body(outcome: ShadowOutcome | None) -> OutcomeBody | None:
    return (
        OutcomeBody.model_validate(outcome, from_attributes=True) if outcome is not None else None
    )


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


def _step(report: StepReport) -> ShadowStepBody:
    step = report.step
    return ShadowStepBody(
        step=step.index + 1,
        actions=list(step.actions),
        max_concurrency=step.max_concurrency,
        timeout_minutes=step.timeout_minutes,
        clusters=step.total,
        batches=len(step.batches),
        batch=step.batch,
        started_at=step.started_at,
        finished_at=step.finished_at,
        took_seconds=_seconds(report.took),
        sliding_seconds=_seconds(report.sliding),
        saved_seconds=report.saved.total_seconds(),
        idle_seconds=report.idle.total_seconds(),
        slow=[
            SlowBatchBody(
                batch=slow.batch,
                slowest=slow.slowest,
                waited_seconds=slow.waited.total_seconds(),
                idle_seconds=slow.idle.total_seconds(),
            )
            for slow in report.slow
        ],
    )


def _failure(group: ShadowFailureGroup) -> ShadowFailureBody:
    return ShadowFailureBody(
        step=group.step + 1,
        action=group.action,
        cause=group.cause,
        failure=group.failure or None,
        means=group.means or None,
        remedy=group.remedy,
        message=group.message,
        count=group.count,
        clusters=list(group.clusters),
        ahead_seconds=group.ahead.total_seconds(),
    )


def _policy(group: ShadowPolicyGroup) -> ShadowPolicyBody:
    return ShadowPolicyBody(
        gate=group.gate,
        count=group.count,
        clusters=list(group.clusters),
        message=group.message,
    )
