"""Preflight of a step of the rollout: its facts, and the findings that the journal keeps."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from ibgu.core.drivers.ibu.actions import action_named
from ibgu.core.drivers.ibu.preflight.clusters import P9, P33
from ibgu.core.drivers.ibu.preflight.facts import (
    ClusterFacts,
    PayloadFacts,
    PreflightFacts,
    StepFacts,
)
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, Severity
from ibgu.core.drivers.ibu.preflight.report import PreflightReport
from ibgu.core.engine.timing.rate_limits import rate_limits_of
from ibgu.core.model import Rollout, Step, traits
from ibgu.core.model.document import ObjectField
from ibgu.core.model.preflight import (
    FindingSeverity,
    PreflightRecord,
    PreflightResult,
    RecordedFinding,
    compacted,
)

_KEPT = {Severity.ERROR: FindingSeverity.ERROR, Severity.WARNING: FindingSeverity.WARNING}


class StepInputs(Struct, frozen=True, kw_only=True):
    """StepInputs is what hub and journal say of a step besides its records."""

    clusters: Sequence[ClusterFacts]
    """The clusters that have not started, in natural order. Before the step has its members, those
    from which it takes them."""
    members: int
    """How many clusters the step has, or takes when it starts."""
    annotations: Mapping[str, str]
    payload: PayloadFacts
    prepares: bool
    """Whether the step brings the payload to the clusters."""
    holders: Mapping[str, str]
    """The other rollout that works on a cluster, as users of the namespace may know it."""
    rollback: timedelta
    """How long a cluster that fails takes to be back by itself."""


def facts_of_step(rollout: Rollout, step: Step, given: StepInputs) -> PreflightFacts:
    """Returns the facts by which the step's clusters are judged."""
    seed = rollout.spec.ibu_spec.seed_image_ref if given.prepares else None
    number, rates = given.members, rate_limits_of(rollout.controls)
    waves = rates.waves(number, step.max_concurrency) if number else 0
    rolls_back = any(traits(action).rolls_back for action in step.actions)
    return PreflightFacts(
        clusters=tuple(given.clusters),
        itself=ObjectField(f"{rollout.kind} {rollout.full_name}"),
        steps=(
            StepFacts(
                step.index + 1,
                number,
                waves,
                step.timeout / max(1, waves),
                given.rollback if rolls_back else timedelta(),
            ),
        ),
        target=seed.version if seed else "",
        seed=seed,
        payload=given.payload,
        annotations=given.annotations,
        holders=given.holders,
        first=action_named(step.first),
        spec=rollout.spec,
    )


def result_of(
    report: PreflightReport, facts: PreflightFacts, at: datetime, *, enforced: bool
) -> PreflightResult:
    """Returns what the journal keeps of the report: errors and warnings, and which rules are
    unknown. `enforced`: whether it was made to be."""
    found = [
        RecordedFinding(each.rule.id, severity, _message(each, report), each.clusters)
        for each in report.findings
        if (severity := _severity(each, facts)) is not None
    ]
    unchecked = _unchecked(report)
    ids = unchecked.keys() - {each.rule for each in found}
    record = PreflightRecord(
        at,
        compacted(found),
        tuple(sorted(ids, key=lambda rule: int(rule[1:]))),
        enforced=enforced,
    )
    return PreflightResult(record, frozenset(report.names), unchecked)


def _unchecked(report: PreflightReport) -> dict[str, frozenset[str] | None]:
    found: dict[str, frozenset[str] | None] = {}
    for each in report.findings:
        if each.severity is not Severity.UNKNOWN or each.rule is P9:
            continue
        known = found.get(each.rule.id, frozenset())
        whole = known is None or not each.clusters
        found[each.rule.id] = None if whole or known is None else known.union(each.clusters)
    return found


def _severity(found: PreflightFinding, facts: PreflightFacts) -> FindingSeverity | None:
    """Returns the severity that is kept; None: the finding is not. Left to the engine are what a
    cluster's ImageBasedUpgrade is at, which an inspection says too late, and whether a cluster is
    reachable now."""
    if found.rule is P9 or (found.rule is P33 and found.severity is Severity.WARNING):
        return None
    return _KEPT.get(found.severity)


def _message(found: PreflightFinding, report: PreflightReport) -> str:
    at = found.at
    if found.clusters:
        return found.message
    object_ = "" if at.object == report.itself else at.object
    file = f"({at.file}:{at.line})" if at.file else ""
    where = " ".join(filter(None, (object_, at.field, file)))
    return f"{where}: {found.message}" if where else found.message
