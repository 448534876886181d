"""Valid plans, and the clusters that a step takes."""

from ibgu.core.plan.check import Started, problem
from ibgu.core.plan.membership import (
    left_out,
    outside,
    select,
    why_nobody,
    with_pending_patches,
    within_reach,
)
from ibgu.core.plan.selector_text import parse_selector
from ibgu.core.plan.selectors import matcher, matches, problem_of
from ibgu.core.plan.tenancy import EVERYWHERE, Scope, Tenancy, tenancy_of

__all__ = [
    "EVERYWHERE",
    "Scope",
    "Started",
    "Tenancy",
    "left_out",
    "matcher",
    "matches",
    "outside",
    "parse_selector",
    "problem",
    "problem_of",
    "select",
    "tenancy_of",
    "why_nobody",
    "with_pending_patches",
    "within_reach",
]
