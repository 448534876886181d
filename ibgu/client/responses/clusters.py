"""Declares clusters as the journal knows them."""

from datetime import datetime

from msgspec import field

from ibgu.client.responses.base import Response
from ibgu.client.responses.members import RolloutNameResponse, VisitResponse


class ClaimResponse(Response, frozen=True, kw_only=True):
    rollout: RolloutNameResponse
    step: int
    slot: int
    taken_at: datetime


class ClusterResponse(Response, frozen=True, kw_only=True):
    name: str
    newest: VisitResponse
    claim: ClaimResponse | None = None
    labels: dict[str, str] | None = None
    labels_pending: dict[str, str | None] = field(default_factory=dict)
    annotations_pending: dict[str, str | None] = field(default_factory=dict)
