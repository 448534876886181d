"""Stragglers: what is left of a rollout, why, and which plan may take it further now."""

from ibgu.core.views.stragglers.groups import StragglerGroup, grouped
from ibgu.core.views.stragglers.left import (
    Left,
    PlanProgress,
    Straggler,
    StragglerState,
    Way,
    judge,
)
from ibgu.core.views.stragglers.retry import NAME_LABEL, RETRY_LABEL, manifest

__all__ = [
    "NAME_LABEL",
    "RETRY_LABEL",
    "Left",
    "PlanProgress",
    "Straggler",
    "StragglerGroup",
    "StragglerState",
    "Way",
    "grouped",
    "judge",
    "manifest",
]
