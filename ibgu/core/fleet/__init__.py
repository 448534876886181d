"""The world in memory, with the aggregates that make a turn cost what changed."""

from ibgu.core.fleet.starts import Starts
from ibgu.core.fleet.state import Canceller, FleetState, Holder, Take, TrackedRollout, Undo
from ibgu.core.fleet.step import QUEUED, End, TrackedStep

__all__ = [
    "QUEUED",
    "Canceller",
    "End",
    "FleetState",
    "Holder",
    "Starts",
    "Take",
    "TrackedRollout",
    "TrackedStep",
    "Undo",
]
