"""All rules about what the hub says, and the answer of each."""

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from ibgu.core.drivers.ibu.preflight import (
    backup_storage,
    catalogue,
    clusters,
    config_maps,
    hardware,
    operators,
    plan,
    releases,
    seed,
)
from ibgu.core.drivers.ibu.preflight.facts import Lookup, PreflightFacts
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule, Severity
from ibgu.core.drivers.ibu.preflight.registry import RULES


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


class _Check(Struct, frozen=True):
    rules: tuple[PreflightRule, ...]
    applies: Applies
    find: Callable[[PreflightFacts], Iterable[PreflightFinding]]


def _clusters(facts: PreflightFacts) -> bool:
    return bool(facts.clusters)


def _planned(facts: PreflightFacts) -> bool:
    return facts.planned and bool(facts.clusters)


def _prepared(facts: PreflightFacts) -> bool:
    return facts.seed is not None


def _targeted(facts: PreflightFacts) -> bool:
    return bool(facts.clusters) and releases.parsed(facts.target) is not None


def _oadp(facts: PreflightFacts) -> bool:
    return bool(facts.oadp)


def _manifests(facts: PreflightFacts) -> bool:
    return bool(facts.manifests)


_CHECKS = (
    _Check((releases.P1,), _clusters, releases.supported),
    _Check((releases.P2,), _targeted, releases.upward),
    _Check((releases.P3,), _targeted, releases.within_reach),
    _Check(
        (releases.P4,),
        lambda facts: _targeted(facts) and facts.payload.hub.lookup is not Lookup.MISSING,
        releases.hub_behind,
    ),
    _Check(
        (releases.P5,),
        lambda facts: _targeted(facts) and facts.payload.acm.lookup is not Lookup.MISSING,
        releases.acm_behind,
    ),
    _Check((operators.P6,), _clusters, operators.agent_runs),
    _Check(
        (operators.P7,),
        lambda facts: _clusters(facts) and _oadp(facts),
        operators.oadp_installed,
    ),
    _Check((operators.P8,), _clusters, operators.storage_operators),
    _Check((clusters.P9,), _planned, clusters.can_continue),
    _Check((clusters.P10,), _clusters, clusters.single_node),
    _Check((seed.P11,), _prepared, seed.seed_unnamed),
    _Check((seed.P12,), lambda facts: facts.payload.pull_secret is not None, seed.pull_secret),
    _Check((config_maps.P13,), _oadp, config_maps.oadp_maps),
    _Check((config_maps.P14,), _manifests, config_maps.manifest_maps),
    _Check(config_maps.OADP_RULES, _oadp, config_maps.oadp_content),
    _Check(config_maps.MANIFEST_RULES, _manifests, config_maps.manifest_content),
    _Check((plan.P29,), lambda facts: plan.MANIFEST_COUNT in facts.annotations,
           plan.counted_manifests),
    _Check(
        (backup_storage.P30,),
        lambda facts: _clusters(facts) and _oadp(facts),
        backup_storage.backups_possible,
    ),
    _Check((backup_storage.P31,), _clusters, backup_storage.container_storage),
    _Check(
        (hardware.P32,),
        lambda facts: _clusters(facts) and _prepared(facts) and not catalogue.profiled(facts),
        hardware.alike,
    ),
    _Check((clusters.P33,), _clusters, clusters.available),
    _Check((clusters.P34,), _clusters, clusters.free),
    _Check((plan.P35,), lambda facts: facts.planned, plan.possible),
    _Check((clusters.P36,), lambda facts: bool(facts.rollback_until or facts.rollback_over),
           clusters.in_time),
    _Check((clusters.P37,), lambda facts: any(step.rollback for step in facts.steps),
           lambda _: ()),
    _Check((plan.P38,), lambda facts: any(step.rollback for step in facts.steps),
           plan.rollback_fits),
    _Check(
        (config_maps.P39,),
        lambda facts: bool(facts.payload.config_maps),
        config_maps.too_large,
    ),
    _Check((plan.P40,), lambda facts: facts.planned, plan.readable_annotations),
    _Check((hardware.P32,), catalogue.profiled, catalogue.like_the_seed),
    _Check(
        (catalogue.P41,),
        lambda facts: _prepared(facts) and facts.payload.seed_image is not None,
        catalogue.is_the_entry,
    ),
)  # fmt: skip


def judge(facts: PreflightFacts) -> PreflightReport:
    """Returns the answer of every rule."""
    found: dict[str, list[PreflightFinding]] = {}
    for check in _CHECKS:
        if check.applies(facts):
            for rule in check.rules:
                found.setdefault(rule.id, [])
            for each in check.find(facts):
                found[each.rule.id].append(each)
    results = (_result(rule, found.get(rule.id)) for rule in RULES)
    names = tuple(each.name for each in facts.clusters)
    read = [each.inspected.read_at for each in facts.clusters if each.inspected is not None]
    return PreflightReport(
        facts.itself.object,
        names,
        tuple(results),
        inspected=len(read),
        inspecting=sum(each.inspecting for each in facts.clusters),
        inspected_at=min(read, default=None),
    )


def _result(rule: PreflightRule, found: list[PreflightFinding] | None) -> RuleResult:
    if found is None:
        return RuleResult(rule, RuleOutcome.NOT_APPLICABLE)
    severities = {each.severity for each in found}
    outcomes = (each for each in _OUTCOMES if Severity(each) in severities)
    return RuleResult(rule, next(outcomes, RuleOutcome.PASSED), tuple(found))
