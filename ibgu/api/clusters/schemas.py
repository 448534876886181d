"""Clusters as the journal knows them."""

from datetime import datetime

from pydantic import Field

from ibgu.api.bodies import Body, NewestEvent, RolloutNameBody
from ibgu.api.members.schemas import VisitBody


class ClaimBody(Body):
    """The right of one rollout to work on the cluster."""

    rollout: RolloutNameBody
    step: int = Field(description="From 1.")
    slot: int
    taken_at: datetime


class ClusterBody(Body):
    name: str
    newest: VisitBody = Field(description="The newest step of the cluster.")
    claim: ClaimBody | None = Field(
        description="The rollout that owns the cluster now; null: none."
    )
    labels: dict[str, str] | None = Field(
        description="Labels of the ManagedCluster, as the controller last saw them; null: unknown."
    )
    labels_pending: dict[str, str | None] = Field(
        description="Labels that ibgu is about to write on the ManagedCluster; null: to remove."
    )
    annotations_pending: dict[str, str | None]
    newest_event: NewestEvent
