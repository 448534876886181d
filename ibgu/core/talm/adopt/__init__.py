"""Adopting a rollout from TALM (R20): what TALM has left, what follows from it, what is removed."""

from ibgu.core.talm.adopt.removal import (
    Removal,
    harmless,
    left_to_talm,
    may_remove,
    works_to_remove,
)
from ibgu.core.talm.adopt.steps import AdoptedStep, adopted_steps
from ibgu.core.talm.adopt.traces import NO_TRACES, DeletedGroup, Traces

__all__ = [
    "NO_TRACES",
    "AdoptedStep",
    "DeletedGroup",
    "Removal",
    "Traces",
    "adopted_steps",
    "harmless",
    "left_to_talm",
    "may_remove",
    "works_to_remove",
]
