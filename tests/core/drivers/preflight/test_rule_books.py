"""The rules of each kind of change: declared once, and numbered without gaps."""

from ibgu.core.drivers import DRIVERS
from ibgu.core.drivers.cluster_version.failures import KNOWN_UPDATE_FAILURES
from ibgu.core.drivers.ibu.preflight import FactSource
from ibgu.core.drivers.ibu.preflight.registry import RULES
from ibgu.core.drivers.preflight import ALL_RULES, RULE_BOOKS
from ibgu.core.drivers.preflight.updates import CHECKS, UPDATE_RULES
from ibgu.core.model.names import FLEET_UPDATE


def test_each_kind_of_change_has_rules() -> None:
    assert set(RULE_BOOKS) == set(DRIVERS)
    assert {rule for book in RULE_BOOKS.values() for rule in book.rules} == set(ALL_RULES)


def test_no_two_rules_have_one_name() -> None:
    assert len({rule.id for rule in ALL_RULES}) == len(ALL_RULES)
    assert len({rule.title for rule in ALL_RULES}) == len(ALL_RULES)


def test_rules_of_fleet_updates_are_numbered_without_gaps() -> None:
    assert [rule.id for rule in UPDATE_RULES] == [f"U{n}" for n in range(1, len(CHECKS) + 1)]
    assert [rule for check in CHECKS for rule in check.rules] == [*UPDATE_RULES]


def test_rules_of_every_kind_are_those_of_clusters_and_plans() -> None:
    both = set(RULES).intersection(RULE_BOOKS[FLEET_UPDATE].rules)
    assert {rule.id for rule in both} == {"P33", "P34", "P35"}


def test_a_rule_names_its_fact_if_the_hub_does_not_have_it() -> None:
    for rule in UPDATE_RULES:
        assert bool(rule.fact) is (rule.source is FactSource.CLUSTER)
        assert rule.remedy.endswith(".")
        assert not rule.title.endswith(".")


def test_failures_of_updates_name_rules_that_are_there() -> None:
    named = {rule for row in KNOWN_UPDATE_FAILURES for rule in row.rules}
    assert named <= {rule.id for rule in UPDATE_RULES}
    assert len(named) > 5
