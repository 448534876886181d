"""The changes that a person may make to a rollout: which object on the hub becomes what, or why
not.

Pure functions: the REST API and `ibgu --direct` read the object, call them, and send the result.
"""

from ibgu.core.views.change.allowed import (
    Permit,
    RolloutSituation,
    approvals_ahead,
    denied,
    permits,
    require_on_hub,
)
from ibgu.core.views.change.controls import adopt, pause, resume, skip, skip_named
from ibgu.core.views.change.fitness import (
    UPGRADE_LABELS,
    CancelScope,
    RolloutCluster,
)
from ibgu.core.views.change.follow_up import (
    FollowUp,
    FollowUpRequest,
    cancel,
    confirm_cleanup,
    finalize,
    roll_back,
)
from ibgu.core.views.change.grants import approve, break_glass
from ibgu.core.views.change.model import ChangeRefused, ChangeTarget, RequestedChange
from ibgu.core.views.change.plan import NewStep, append, appendable, appended, instead
from ibgu.core.views.change.retry import FailedCluster, failure, retry, why_no_retry
from ibgu.core.views.change.retry_follow_up import retry_failed

__all__ = [
    "UPGRADE_LABELS",
    "CancelScope",
    "ChangeRefused",
    "ChangeTarget",
    "FailedCluster",
    "FollowUp",
    "FollowUpRequest",
    "NewStep",
    "Permit",
    "RequestedChange",
    "RolloutCluster",
    "RolloutSituation",
    "adopt",
    "append",
    "appendable",
    "appended",
    "approvals_ahead",
    "approve",
    "break_glass",
    "cancel",
    "confirm_cleanup",
    "denied",
    "failure",
    "finalize",
    "instead",
    "pause",
    "permits",
    "require_on_hub",
    "resume",
    "retry",
    "retry_failed",
    "roll_back",
    "skip",
    "skip_named",
    "why_no_retry",
]
