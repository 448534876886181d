"""The rules of preflight by the kind of the object that asks for a rollout."""

from collections.abc import Callable, Mapping
from functools import partial

from msgspec import Struct

from ibgu.core.drivers.ibu.preflight import PreflightFacts, PreflightReport, PreflightRule
from ibgu.core.drivers.ibu.preflight import judge as judge_upgrade
from ibgu.core.drivers.ibu.preflight.judge import ANY_KIND
from ibgu.core.drivers.ibu.preflight.registry import RULES
from ibgu.core.drivers.ibu.preflight.report import report_of
from ibgu.core.drivers.preflight.updates import CHECKS, UPDATE_RULES
from ibgu.core.model.names import FLEET_UPDATE, IBGU


class RuleBook(Struct, frozen=True):
    """RuleBook has the rules of one kind of change."""

    rules: tuple[PreflightRule, ...]
    """Those of this kind alone by number, and then those of every kind."""
    judge: Callable[[PreflightFacts], PreflightReport]
    inspects: bool
    """Whether an inspection of the clusters answers some of the rules."""


_ANY_KIND = tuple(rule for check in ANY_KIND for rule in check.rules)
_UPDATES = (*UPDATE_RULES, *_ANY_KIND)

RULE_BOOKS: Mapping[str, RuleBook] = {
    IBGU: RuleBook(RULES, judge_upgrade, inspects=True),
    FLEET_UPDATE: RuleBook(
        _UPDATES, partial(report_of, _UPDATES, (*CHECKS, *ANY_KIND), inspects=False), inspects=False
    ),
}
ALL_RULES = (*RULES, *UPDATE_RULES)
"""The rules of all kinds, each once."""


def judge(kind: str, facts: PreflightFacts) -> PreflightReport:
    """Returns the answer of every rule of the kind."""
    return RULE_BOOKS[kind].judge(facts)
