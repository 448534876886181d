"""Recovery after a restore: proving it, rebuilding a lost journal, holding rollouts."""

from ibgu.core.recover.behind import behind
from ibgu.core.recover.found import FoundIbgu, find
from ibgu.core.recover.holding import hold_all
from ibgu.core.recover.labels import lost
from ibgu.core.recover.proof import generation_back, returned, runs_back, versions_back
from ibgu.core.recover.rebuild import rebuild
from ibgu.core.recover.versions import Versions, versions_of

__all__ = [
    "FoundIbgu",
    "Versions",
    "behind",
    "find",
    "generation_back",
    "hold_all",
    "lost",
    "rebuild",
    "returned",
    "runs_back",
    "versions_back",
    "versions_of",
]
