"""Stragglers: what is left of a rollout, why, and which plan may take it further now."""

from ibgu.core.views.stragglers.groups import StragglerGroup, grouped
from ibgu.core.views.stragglers.left import Left, PlanProgress, Straggler, StragglerState, judge
from ibgu.core.views.stragglers.retry import Retry, append_patch, manifest

__all__ = [
    "Left",
    "PlanProgress",
    "Retry",
    "Straggler",
    "StragglerGroup",
    "StragglerState",
    "append_patch",
    "grouped",
    "judge",
    "manifest",
]
