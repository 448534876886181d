"""Adopting a rollout from TALM (R20): what TALM has left, what follows from it, what is removed."""

from ibgu.core.talm.adopt.removal import Removal, harmless, may_remove, works_to_remove
from ibgu.core.talm.adopt.steps import Adopted, adopted_steps
from ibgu.core.talm.adopt.traces import NO_TRACES, Traces

__all__ = [
    "NO_TRACES",
    "Adopted",
    "Removal",
    "Traces",
    "adopted_steps",
    "harmless",
    "may_remove",
    "works_to_remove",
]
