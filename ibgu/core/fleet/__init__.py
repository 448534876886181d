"""The fleet's state in memory, with aggregates that make a cycle cost only what changed."""

from ibgu.core.fleet.starts import Starts
from ibgu.core.fleet.state import (
    Apply,
    Canceller,
    FleetState,
    Holder,
    TrackedRollout,
    Undo,
    UnreadableRollout,
)
from ibgu.core.fleet.step import QUEUED, End, TrackedStep

__all__ = [
    "QUEUED",
    "Apply",
    "Canceller",
    "End",
    "FleetState",
    "Holder",
    "Starts",
    "TrackedRollout",
    "TrackedStep",
    "Undo",
    "UnreadableRollout",
]
