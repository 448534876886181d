"""What a plan may be, and which clusters a step takes."""

from ibgu.core.plan.check import Started, problem
from ibgu.core.plan.membership import left_out, select, why_nobody, with_debts
from ibgu.core.plan.natural import natural_key
from ibgu.core.plan.selector_text import parse_selector
from ibgu.core.plan.selectors import matcher, matches, problem_of
from ibgu.core.plan.shapes import SHAPES, allowed

__all__ = [
    "SHAPES",
    "Started",
    "allowed",
    "left_out",
    "matcher",
    "matches",
    "natural_key",
    "parse_selector",
    "problem",
    "problem_of",
    "select",
    "why_nobody",
    "with_debts",
]
