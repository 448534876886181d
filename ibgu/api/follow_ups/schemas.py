"""Bodies of the changes that take clusters of a rollout back, or end its upgrade."""

from pydantic import ConfigDict, Field, JsonValue

from ibgu.api.bodies import Body
from ibgu.api.changes.schemas import ChangeBody, Clusters, Minutes, Slots
from ibgu.api.preview.schemas import PREVIEW, PreviewBody
from ibgu.api.problems.rules import CAUSE, LINE
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.views.change import CancelScope

_FOLLOW_UP: JsonValue = {
    "done": "Abort for 12 clusters of ran-417, by the new rollout ran-417-cancel-5f0c2a91, which "
    "starts at once",
    "kubectl": "kubectl create -f - <<'EOF'\n{…}\nEOF",
    "rollout": "ran-417-cancel-5f0c2a91",
    "clusters": 12,
    "danger": "destructive",
    "lost": "The prepared release is deleted from each cluster, …",
    "uid": "6a1f9d8e-5f63-4a52-9b0e-2d6c1f1f4a17",
    "preview": PREVIEW,
    "again": False,
}


class ChosenBody(Body):
    """Clusters of the rollout; without names and labels all of them."""

    clusters: Clusters = None
    label: str = Field(
        default="",
        max_length=4096,
        description="Label selector, as for `kubectl -l`.",
    )


class OfClustersBody(ChosenBody):
    max_concurrency: Slots = None
    timeout: Minutes = None


class CancelBody(OfClustersBody):
    which: CancelScope = Field(
        default=CancelScope.ALL,
        description="All clusters that are not upgraded, waiting clusters, or failed clusters.",
    )


class RollBackBody(OfClustersBody):
    finalize: bool = Field(
        default=False,
        description="Finalize each cluster as soon as it is rolled back, without "
        "a check in between.",
    )
    failed: bool = Field(
        default=False,
        description="Roll back clusters whose Upgrade failed on the new release, "
        "instead of upgraded ones.",
    )


class ConfirmCleanupBody(OfClustersBody):
    reason: str = Field(
        min_length=1,
        max_length=200,
        pattern=LINE,
        description="What you cleaned up; recorded with the caller's name and the time.",
    )
    action: Action | None = Field(
        default=None,
        description="Only clusters that run this action again; null: all, if it is the same one.",
    )


class RetryBody(OfClustersBody):
    cause: str | None = Field(
        default=None,
        pattern=CAUSE,
        description="Only clusters that failed for this cause or known failure.",
    )
    abort_first: bool = Field(
        default=False,
        description="Abort clusters that must be aborted first; repeat the "
        "request when the abort is over.",
    )


class FollowUpBody(ChangeBody):
    model_config = ConfigDict(json_schema_extra={"examples": [_FOLLOW_UP]})

    rollout: str = Field(description="The rollout that carries it out: this one, or a new one.")
    clusters: int
    preview: PreviewBody
    again: bool = Field(
        description="Repeat the request when `rollout` is over: there is more to do."
    )
