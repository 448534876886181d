"""The preflight of each kind of change: its rules, and the judgement by them.

`rule_books.py` lists them by kind; `updates.py` and `signatures.py` have the rules of FleetUpdates.
Those of image-based upgrades, and the facts and reports of all, are in `drivers.ibu.preflight`.
"""

from ibgu.core.drivers.preflight.rule_books import ALL_RULES, RULE_BOOKS, RuleBook, judge

__all__ = ["ALL_RULES", "RULE_BOOKS", "RuleBook", "judge"]
