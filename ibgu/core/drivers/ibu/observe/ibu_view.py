"""The cluster's ImageBasedUpgrade as fed back; absent values are empty."""

from typing import Any

from msgspec import Struct

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import FeedbackView, WorkView


class IbuCondition(Struct, frozen=True, gc=False):
    status: str = ""
    reason: str = ""
    message: str = ""

    @property
    def true(self) -> bool:
        return self.status == "True"

    @property
    def false(self) -> bool:
        return self.status == "False"


MISSING = IbuCondition()


class IbuView(FeedbackView, frozen=True, gc=False, kw_only=True):
    """The cluster's ImageBasedUpgrade."""

    idle: IbuCondition = MISSING
    prep_in_progress: IbuCondition = MISSING
    prep_completed: IbuCondition = MISSING
    upgrade_in_progress: IbuCondition = MISSING
    upgrade_completed: IbuCondition = MISSING
    rollback_in_progress: IbuCondition = MISSING
    rollback_completed: IbuCondition = MISSING
    next_stages: frozenset[Stage] = frozenset()
    seed_image: str = ""
    seed_version: str = ""

    def recorded(self) -> dict[str, Any]:
        conditions = {
            name: _status_and_reason(getattr(self, field)) for name, field in _CONDITIONS.items()
        }
        return {
            **super().recorded(),
            "next": sorted(self.next_stages),
            "seed": [self.seed_image, self.seed_version] if self.seed_image else None,
            "conditions": {name: value for name, value in conditions.items() if value},
        }


_CONDITIONS = {
    "Idle": "idle",
    "PrepInProgress": "prep_in_progress",
    "PrepCompleted": "prep_completed",
    "UpgradeInProgress": "upgrade_in_progress",
    "UpgradeCompleted": "upgrade_completed",
    "RollbackInProgress": "rollback_in_progress",
    "RollbackCompleted": "rollback_completed",
}


def _status_and_reason(condition: IbuCondition) -> str:
    """Returns status and reason, such as "False Failed"."""
    return f"{condition.status} {condition.reason}".strip()


def ibu_of(work: WorkView) -> IbuView | None:
    """Returns the ImageBasedUpgrade that a stage work reports; None: nothing was fed back."""
    return None if work.feedback is None else as_ibu(work.feedback)


def as_ibu(feedback: FeedbackView) -> IbuView:
    assert isinstance(feedback, IbuView), feedback
    return feedback
