"""The meaning of a reason or a cause to a person, and when a reason is overdue."""

from datetime import timedelta
from enum import Enum

from msgspec import Struct

NOTHING = "nothing: ibgu continues automatically"
RESUME = "then annotate the rollout with ibgu.dev/resume"
STARTS_AFTER_ANOTHER = (
    "The cluster starts when one in flight ends; ibgu reports those that are overdue"
)
STARTS_AT_ITS_TIME = "The cluster starts at the time shown with the reason"
SHOW_WORK = "`oc get manifestwork -n {cluster} -o yaml`"
CHECK_WORK_AGENT = (
    "check on the cluster that the pods of klusterlet-work-agent in "
    "open-cluster-management-agent run and reach the hub, and on the hub the conditions and "
    f"feedback of its ManifestWork: {SHOW_WORK}"
)


class Meaning(Struct, frozen=True):
    means: str
    """The situation, in a sentence."""
    ends: str = ""
    """What ends the reason; empty: nothing, it is over."""
    do: str = NOTHING


class MeasuredSpan(Enum):
    """The measured part of an attempt on this hub."""

    PREPARED = "from its start until it was sent to the cluster"
    TAKEN = "from then until the cluster took it"
    ENDED = "from then until it succeeded"


class OverdueRule(Struct, frozen=True):
    after: timedelta
    """Counts from the reason's beginning; where `usual` was measured, its limit replaces it."""
    check: str
    """What a person checks; {cluster} is the cluster's name."""
    usual: MeasuredSpan | None = None
