"""The values of the IBU that the work agent feeds back.

Only what the engine reads: the hub's API server pays for every value with each report of each
cluster (decision 9). Scalars only, and paths that the agent evaluates without an error whatever the
IBU looks like: a missing field gives no value, but an index past a list's end fails, so each of
validNextStages has a filter of its own.
"""

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.names import VALIDATION_WARNING
from ibgu.core.model.names import RUN

STAGE = "stage"
GENERATION = "generation"
OBSERVED_GENERATION = "observedGeneration"
RUN_ECHO = "run"
SEED_IMAGE = "seedImage"
SEED_VERSION = "seedVersion"
WARNING = "warning"
ROLLBACK_UNTIL = "rollbackUntil"

_WHOLE = ("status", "reason", "message")
CONDITIONS: dict[str, tuple[str, ...]] = {
    "Idle": _WHOLE,
    "PrepInProgress": _WHOLE,
    "PrepCompleted": ("status",),
    "UpgradeInProgress": _WHOLE,
    "UpgradeCompleted": ("status", "message"),
    "RollbackInProgress": _WHOLE,
    "RollbackCompleted": ("status",),
}
"""Condition -> its useful parts: a Completed only repeats its own name, except for the "Rollback
requested" of UpgradeCompleted; its InProgress says why a stage failed."""

NEXT_STAGES: dict[str, Stage] = {f"next{stage}": stage for stage in Stage}


def condition_value(condition: str, part: str) -> str:
    """Returns the value's name: ("PrepCompleted", "status") -> "prepCompletedStatus"."""
    return f"{condition[0].lower()}{condition[1:]}{part.capitalize()}"


def _annotation(key: str) -> str:
    escaped = key.replace(".", r"\.")
    return f".metadata.annotations.{escaped}"


def _condition(condition: str, field: str) -> str:
    return f'.status.conditions[?(@.type=="{condition}")].{field}'


PATHS: dict[str, str] = {
    STAGE: ".spec.stage",
    GENERATION: ".metadata.generation",
    OBSERVED_GENERATION: ".status.observedGeneration",
    RUN_ECHO: _annotation(RUN),
    **{
        condition_value(condition, part): _condition(condition, part)
        for condition, parts in CONDITIONS.items()
        for part in parts
    },
    **{name: f'.status.validNextStages[?(@=="{stage}")]' for name, stage in NEXT_STAGES.items()},
    SEED_IMAGE: ".spec.seedImageRef.image",
    SEED_VERSION: ".spec.seedImageRef.version",
    WARNING: _annotation(VALIDATION_WARNING),
    ROLLBACK_UNTIL: ".status.rollbackAvailabilityExpiration",
}
"""Name of the value -> JSONPath."""
