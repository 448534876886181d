"""Stragglers: what is left of a rollout, why, and which plan may take it further now."""

from ibgu.core.views.stragglers.groups import StragglerGroup, grouped
from ibgu.core.views.stragglers.members import (
    PlanProgress,
    RecoveryWay,
    Straggler,
    StragglerMember,
    StragglerState,
    judge,
)
from ibgu.core.views.stragglers.retry import NAME_LABEL, RETRY_LABEL, manifest

__all__ = [
    "NAME_LABEL",
    "RETRY_LABEL",
    "PlanProgress",
    "RecoveryWay",
    "Straggler",
    "StragglerGroup",
    "StragglerMember",
    "StragglerState",
    "grouped",
    "judge",
    "manifest",
]
