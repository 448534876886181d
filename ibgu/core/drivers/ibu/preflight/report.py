"""The report of preflight: the answer of each rule that a kind of change has."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from ibgu.core.drivers.ibu.preflight.facts import PreflightFacts
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule, Severity


class RuleOutcome(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    UNKNOWN = "unknown"
    PASSED = "passed"
    NOT_APPLICABLE = "notApplicable"
    """The rule is about what this rollout does not have."""


_OUTCOMES = tuple(
    RuleOutcome(each) for each in (Severity.ERROR, Severity.WARNING, Severity.UNKNOWN)
)
"""The outcomes of findings, the worst first."""


class RuleResult(Struct, frozen=True):
    rule: PreflightRule
    outcome: RuleOutcome
    findings: tuple[PreflightFinding, ...] = ()


class PreflightReport(Struct, frozen=True):
    itself: str
    """The object that asks for the upgrade; empty: only clusters were asked for."""
    names: tuple[str, ...]
    """The clusters that were judged, in natural order."""
    results: tuple[RuleResult, ...]
    """The result of every rule, by number."""
    inspected: int = 0
    """Number of clusters that were read themselves."""
    inspecting: int = 0
    """Number of clusters that are being read now."""
    inspected_at: datetime | None = None
    """When the first of them was read; None: none was."""
    inspects: bool = True
    """Whether some of the rules are answered by an inspection of the clusters."""

    @property
    def clusters(self) -> int:
        return len(self.names)

    @property
    def findings(self) -> list[PreflightFinding]:
        """Errors first, then warnings, then what is not known; each by rule."""
        found = [each for result in self.results for each in result.findings]
        return sorted(found, key=lambda each: _OUTCOMES.index(RuleOutcome(each.severity)))

    @property
    def blocked(self) -> tuple[str, ...]:
        """The clusters with an error, in natural order."""
        errors = [each for each in self.findings if each.severity is Severity.ERROR]
        if any(not each.clusters for each in errors):
            return self.names
        named = {name for each in errors for name in each.clusters}
        return tuple(name for name in self.names if name in named)


Applies = Callable[[PreflightFacts], bool]


class Check(Struct, frozen=True):
    """Check finds what some rules are about, where they apply."""

    rules: tuple[PreflightRule, ...]
    applies: Applies
    find: Callable[[PreflightFacts], Iterable[PreflightFinding]]


def report_of(
    rules: Sequence[PreflightRule],
    checks: Iterable[Check],
    facts: PreflightFacts,
    *,
    inspects: bool = True,
) -> PreflightReport:
    """Returns the answer of each rule; those that no check applies to do not apply."""
    found: dict[str, list[PreflightFinding]] = {}
    for check in checks:
        if check.applies(facts):
            for rule in check.rules:
                found.setdefault(rule.id, [])
            for each in check.find(facts):
                found[each.rule.id].append(each)
    results = (_result(rule, found.get(rule.id)) for rule in rules)
    names = tuple(each.name for each in facts.clusters)
    read = [each.inspected.read_at for each in facts.clusters if each.inspected is not None]
    return PreflightReport(
        facts.itself.object,
        names,
        tuple(results),
        inspected=len(read),
        inspecting=sum(each.inspecting for each in facts.clusters),
        inspected_at=min(read, default=None),
        inspects=inspects,
    )


def _result(rule: PreflightRule, found: list[PreflightFinding] | None) -> RuleResult:
    if found is None:
        return RuleResult(rule, RuleOutcome.NOT_APPLICABLE)
    severities = {each.severity for each in found}
    outcomes = (each for each in _OUTCOMES if Severity(each) in severities)
    return RuleResult(rule, next(outcomes, RuleOutcome.PASSED), tuple(found))
