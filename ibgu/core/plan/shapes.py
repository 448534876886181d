"""The plans that TALM's CRD allows; everything else is refused."""

from collections.abc import Sequence

from ibgu.core.model import Action

Shape = tuple[tuple[Action, ...], ...]

# One plan a line, steps separated by "|".
_TABLE = """
Prep
Prep | Upgrade
Prep Upgrade
Prep | Upgrade | FinalizeUpgrade
Prep | Upgrade FinalizeUpgrade
Prep Upgrade | FinalizeUpgrade
Prep Upgrade FinalizeUpgrade
Rollback
Rollback | FinalizeRollback
Rollback FinalizeRollback
Upgrade
Upgrade | FinalizeUpgrade
Upgrade FinalizeUpgrade
FinalizeUpgrade
FinalizeRollback
Abort
AbortOnFailure
Prep | Abort
Prep | AbortOnFailure
Prep | AbortOnFailure | Upgrade
Prep | AbortOnFailure | Upgrade | AbortOnFailure
Prep | Upgrade | AbortOnFailure
Prep Upgrade | AbortOnFailure
Prep | AbortOnFailure | Upgrade | AbortOnFailure | FinalizeUpgrade
Prep | Upgrade | AbortOnFailure | FinalizeUpgrade
Prep Upgrade | AbortOnFailure | FinalizeUpgrade
"""


def _shape(line: str) -> Shape:
    return tuple(tuple(Action(word) for word in step.split()) for step in line.split("|"))


SHAPES: tuple[Shape, ...] = tuple(_shape(line) for line in _TABLE.strip().splitlines())
_ALLOWED = frozenset(SHAPES)


def allowed(plan: Sequence[Sequence[str]]) -> bool:
    """Whether the plan's actions, one sequence a step, are one of `SHAPES` (case counts)."""
    return tuple(tuple(step) for step in plan) in _ALLOWED
