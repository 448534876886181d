"""The changes that a person may make to a rollout: which object on the hub becomes what, or why
not.

Pure functions: the REST API and `ibgu --direct` read the object, call them, and send the result.
"""

from ibgu.core.views.change.allowed import Permit, RolloutSituation, denied, permits, risk_of_resume
from ibgu.core.views.change.controls import adopt, pause, resume, skip, skip_named
from ibgu.core.views.change.danger import ADOPT, RISKS, SKIP, Danger, Risk, risk_of
from ibgu.core.views.change.model import ChangeRefused, ChangeTarget, RequestedChange
from ibgu.core.views.change.plan import (
    NewStep,
    abort,
    abort_of,
    append,
    appendable,
    appended,
    instead,
    no_abort,
)
from ibgu.core.views.change.retry import FailedCluster, failure, retry, why_no_retry

__all__ = [
    "ADOPT",
    "RISKS",
    "SKIP",
    "ChangeRefused",
    "ChangeTarget",
    "Danger",
    "FailedCluster",
    "NewStep",
    "Permit",
    "RequestedChange",
    "Risk",
    "RolloutSituation",
    "abort",
    "abort_of",
    "adopt",
    "append",
    "appendable",
    "appended",
    "denied",
    "failure",
    "instead",
    "no_abort",
    "pause",
    "permits",
    "resume",
    "retry",
    "risk_of",
    "risk_of_resume",
    "skip",
    "skip_named",
    "why_no_retry",
]
