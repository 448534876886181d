"""Findings as sentences, for a preview."""

from collections.abc import Sequence

from msgspec import Struct

from ibgu.core.drivers.ibu.preflight.config_maps import P13, P14
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, Severity
from ibgu.core.drivers.ibu.preflight.report import PreflightReport
from ibgu.core.drivers.ibu.preflight.seed import P12

_NAMED = 5
_NAMED_BY_PLAN = (P12, P13, P14)
_MAX_NAMES = 30
"""Sentences that a preview shows."""


class FindingSentences(Struct, frozen=True):
    """FindingSentences are a report's findings by what they mean for the plan."""

    problems: list[str]
    """Errors of the rollout itself, which keep all clusters."""
    errors: list[str]
    """Errors of some clusters."""
    warnings: list[str]


def finding_sentences(report: PreflightReport) -> FindingSentences:
    """Returns the findings as sentences. Of what is not known only the objects count that the plan
    names."""
    problems: list[str] = []
    errors: list[str] = []
    warnings: list[str] = []
    for found in report.findings:
        if found.severity is Severity.UNKNOWN and found.rule not in _NAMED_BY_PLAN:
            continue
        of_clusters = errors if found.clusters else problems
        kind = of_clusters if found.severity is Severity.ERROR else warnings
        kind.append(sentence(found, report))
    return FindingSentences(_some(problems), _some(errors), _some(warnings))


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
