"""The fleet's state in memory, with aggregates that make a cycle cost only what changed."""

from ibgu.core.engine.state.action_ends import ActionEnd
from ibgu.core.engine.state.claims import CancellingStep, Holder, UnreadableRollout
from ibgu.core.engine.state.fleet import Apply, FleetState, Undo
from ibgu.core.engine.state.rollout import TrackedRollout
from ibgu.core.engine.state.seed_ends import SeedEnds, SeedTally
from ibgu.core.engine.state.starts import Starts
from ibgu.core.engine.state.step import QUEUED, TrackedStep, is_late

__all__ = [
    "QUEUED",
    "ActionEnd",
    "Apply",
    "CancellingStep",
    "FleetState",
    "Holder",
    "SeedEnds",
    "SeedTally",
    "Starts",
    "TrackedRollout",
    "TrackedStep",
    "Undo",
    "UnreadableRollout",
    "is_late",
]
