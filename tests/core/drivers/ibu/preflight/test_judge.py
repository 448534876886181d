"""The answer of every rule, on a hub where all is well and on others."""

from msgspec.structs import replace

from ibgu.core.drivers.ibu.preflight import FactSource, RuleOutcome, Severity, judge
from ibgu.core.drivers.ibu.preflight.facts import PayloadFacts, PreflightFacts
from ibgu.core.drivers.ibu.preflight.registry import RULES
from tests.core.drivers.ibu.preflight.hub import WELL, cluster, config_map

UNSEEN = {"P6", "P7", "P8", "P9", "P30", "P31", "P32"}


def by_outcome(facts: PreflightFacts) -> dict[RuleOutcome, set[str]]:
    found: dict[RuleOutcome, set[str]] = {each: set() for each in RuleOutcome}
    for each in judge(facts).results:
        found[each.outcome].add(each.rule.id)
    return found


def test_a_correct_hub_has_no_findings() -> None:
    found = by_outcome(WELL)
    assert found[RuleOutcome.ERROR] == found[RuleOutcome.WARNING] == set()
    assert found[RuleOutcome.NOT_APPLICABLE] == {"P29", "P36", "P41"}
    assert found[RuleOutcome.UNKNOWN] == UNSEEN
    assert len(found[RuleOutcome.PASSED]) == len(RULES) - 3 - len(UNSEEN)


def test_rules_on_facts_of_the_cluster_are_unknown() -> None:
    of_clusters = [each for each in RULES if each.source is FactSource.CLUSTER]
    assert {each.id for each in of_clusters} == UNSEEN
    for each in judge(WELL).results:
        if each.rule in of_clusters:
            (only,) = each.findings
            assert (only.severity, only.at.object) == (Severity.UNKNOWN, each.rule.fact)


def test_rules_that_ibgu_ensures_are_passed() -> None:
    (own,) = (each for each in RULES if each.source is FactSource.IBGU)
    (answer,) = (each for each in judge(WELL).results if each.rule is own)
    assert (own.id, answer.outcome, answer.findings) == ("P37", RuleOutcome.PASSED, ())


def test_without_a_payload_and_without_clusters_rules_do_not_apply() -> None:
    bare = PreflightFacts(clusters=(cluster(),), planned=False)
    found = by_outcome(bare)
    assert found[RuleOutcome.PASSED] == {"P1", "P10", "P33", "P34"}
    assert found[RuleOutcome.UNKNOWN] == {"P6", "P8", "P31"}
    assert by_outcome(replace(bare, clusters=()))[RuleOutcome.NOT_APPLICABLE] == {
        r.id for r in RULES
    }


def test_findings_come_by_their_weight() -> None:
    old = (cluster("site-1", version="4.12.1"), cluster("site-2", Available="Unknown"))
    report = judge(replace(WELL, clusters=old))
    severities = [each.severity for each in report.findings]
    weights = [Severity.ERROR, Severity.WARNING, Severity.UNKNOWN]
    assert severities == sorted(severities, key=weights.index)
    assert (report.clusters, report.blocked) == (2, ("site-1",))


def test_an_error_of_the_rollout_blocks_every_cluster() -> None:
    wrong = config_map("1-agent.yaml", "2-lvms.yaml", "4-app-on-lvms.yaml")
    assert judge(replace(WELL, payload=PayloadFacts((wrong,)))).blocked == ()
    assert judge(replace(WELL, problems=("spec.plan: no",))).blocked == ("site-1", "site-2")
