"""Maps what preflight had found before a step, beside what came."""

from collections.abc import Collection, Iterable

from ibgu.api.failures.mapping import known_failure
from ibgu.api.preflight.schemas import (
    RecalledFailureBody,
    RecordedFindingBody,
    StepPreflightBody,
)
from ibgu.core.drivers.ibu.preflight.recall import FailedClusters, Recall, recall
from ibgu.core.drivers.preflight import ALL_RULES
from ibgu.core.model import Step
from ibgu.core.model.preflight import RecordedFinding
from ibgu.db.reads import NAMED
from ibgu.db.views import FailedRow

_REMEDIES = {rule.id: rule.remedy for rule in ALL_RULES}


def step_preflight_body(
    step: Step, failed: Iterable[FailedRow], succeeded: Collection[str]
) -> StepPreflightBody:
    record = step.preflight
    assert record is not None
    found = recall(record, map(_failed, failed), succeeded)
    return StepPreflightBody(
        step=step.index + 1,
        actions=list(step.actions),
        at=record.at,
        findings=[_finding(each) for each in record.findings],
        unknown=list(record.unknown),
        failed=found.total(),
        found=sum(each.found for each in found.failures if each.rules),
        not_checked=sum(each.unknown for each in found.failures if each.rules),
        missed=sum(each.missed for each in found.failures if each.rules),
        unforeseeable=found.total(foreseeable=False),
        succeeded_in_spite=found.unfounded,
        failures=list(_failures(found)),
    )


def _failed(row: FailedRow) -> FailedClusters:
    return FailedClusters(row.action, known_failure(row.action, row.message), row.clusters)


def _finding(found: RecordedFinding) -> RecordedFindingBody:
    return RecordedFindingBody(
        rule=found.rule,
        severity=found.severity,
        message=found.message,
        remedy=_REMEDIES.get(found.rule, ""),
        count=len(found.clusters),
        clusters=list(found.clusters[:NAMED]),
    )


def _failures(found: Recall) -> Iterable[RecalledFailureBody]:
    for each in found.failures:
        yield RecalledFailureBody(
            action=each.action,
            failure=each.failure.name if each.failure is not None else None,
            rules=list(each.rules),
            count=each.count,
            found=each.found,
            not_checked=each.unknown,
            missed=each.missed,
        )
