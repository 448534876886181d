"""Maps reports of preflight."""

from ibgu.api.preflight.schemas import PreflightBody, PreflightFindingBody, PreflightRuleBody
from ibgu.core.drivers.ibu.preflight import PreflightFinding, PreflightReport


def preflight_body(report: PreflightReport, *, inspectable: bool) -> PreflightBody:
    return PreflightBody(
        clusters=report.clusters,
        blocked=len(report.blocked),
        blocked_clusters=list(report.blocked),
        inspectable=inspectable and report.inspects,
        inspected=report.inspected,
        inspecting=report.inspecting,
        inspected_at=report.inspected_at,
        rules=[
            PreflightRuleBody(
                rule=each.rule.id,
                title=each.rule.title,
                outcome=each.outcome,
                source=each.rule.source,
                fact=each.rule.fact,
            )
            for each in report.results
        ],
        findings=[_finding(each, report.clusters) for each in report.findings],
    )


def _finding(found: PreflightFinding, clusters: int) -> PreflightFindingBody:
    return PreflightFindingBody(
        rule=found.rule.id,
        severity=found.severity,
        object=found.at.object,
        field=found.at.field,
        file=found.at.file,
        line=found.at.line,
        message=found.message,
        remedy=found.remedy,
        reference=found.rule.reference,
        count=len(found.clusters) or clusters,
        clusters=list(found.clusters),
    )
