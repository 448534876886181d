"""Findings as sentences, for a preview."""

from collections.abc import Sequence

from ibgu.core.drivers.ibu.preflight.config_maps import P13, P14
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, Severity
from ibgu.core.drivers.ibu.preflight.report import PreflightReport
from ibgu.core.drivers.ibu.preflight.seed import P12

ERROR = "error: "
"""The beginning of an error of some clusters, which stands among the warnings."""
_NAMED = 5
_NAMED_BY_PLAN = (P12, P13, P14)
_MAX_NAMES = 30
"""Sentences that a preview shows."""


def problems_and_warnings(report: PreflightReport) -> tuple[list[str], list[str]]:
    """Returns errors of the rollout itself, which keep all clusters, and everything else that was
    found, where an error of some clusters says so. Of what is not known only the objects count that
    the plan names."""
    problems: list[str] = []
    warnings: list[str] = []
    for found in report.findings:
        if found.severity is Severity.UNKNOWN and found.rule not in _NAMED_BY_PLAN:
            continue
        words, error = sentence(found, report), found.severity is Severity.ERROR
        if error and not found.clusters:
            problems.append(words)
        else:
            warnings.append(f"{ERROR}{words}" if error else words)
    return _some(problems), _some(warnings)


def _some(sentences: Sequence[str]) -> list[str]:
    if len(sentences) <= _MAX_NAMES:
        return list(sentences)
    more = f"{len(sentences) - _MAX_NAMES} more findings: `ibgu preflight` lists them"
    return [*sentences[:_MAX_NAMES], more]


def sentence(found: PreflightFinding, report: PreflightReport) -> str:
    """Returns the finding with its rule's number."""
    return f"{_words(found, report)} [{found.rule.id}]"


def _words(found: PreflightFinding, report: PreflightReport) -> str:
    if names := found.clusters:
        some = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
        return f"{len(names)} of {report.clusters} clusters {found.message} ({some})"
    at = found.at
    object_ = "" if at.object == report.itself else at.object
    file = f"({at.file}:{at.line})" if at.file else ""
    where = " ".join(filter(None, (object_, at.field, file)))
    return f"{where}: {found.message}" if where else found.message
