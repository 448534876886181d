"""Recovery after a restore: proving it, rebuilding a lost journal, holding rollouts."""

from ibgu.core.recover.found import FoundRollout, find
from ibgu.core.recover.holding import hold_all
from ibgu.core.recover.import_left_off import left_off, turn_on
from ibgu.core.recover.labels import lost
from ibgu.core.recover.outdated import behind
from ibgu.core.recover.pauses import paused_again
from ibgu.core.recover.proof import generation_back, returned, runs_back, versions_back
from ibgu.core.recover.rebuild import rebuild
from ibgu.core.recover.versions import Versions, versions_of

__all__ = [
    "FoundRollout",
    "Versions",
    "behind",
    "find",
    "generation_back",
    "hold_all",
    "left_off",
    "lost",
    "paused_again",
    "rebuild",
    "returned",
    "runs_back",
    "turn_on",
    "versions_back",
    "versions_of",
]
