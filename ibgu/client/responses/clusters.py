"""Declares clusters as the journal knows them."""

from datetime import datetime

from msgspec import field

from ibgu.client.responses.base import Response
from ibgu.client.responses.members import RolloutName, Visit


class Claim(Response, frozen=True, kw_only=True):
    rollout: RolloutName
    step: int
    slot: int
    taken_at: datetime


class Cluster(Response, frozen=True, kw_only=True):
    name: str
    newest: Visit
    claim: Claim | None = None
    labels: dict[str, str] | None = None
    labels_pending: dict[str, str | None] = field(default_factory=dict)
    annotations_pending: dict[str, str | None] = field(default_factory=dict)
