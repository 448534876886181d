"""Declares what ibgu's ManifestWorks ask of a cluster, and what its agent reports."""

from datetime import datetime

from ibgu.client.responses.base import Response


class ConditionResponse(Response, frozen=True, kw_only=True):
    type: str
    status: str
    reason: str = ""
    message: str = ""
    observed_generation: int = 0
    last_transition_time: datetime | None = None


class ManifestResponse(Response, frozen=True, kw_only=True):
    kind: str
    namespace: str
    name: str
    conditions: tuple[ConditionResponse, ...]
    feedback: dict[str, str]


class WorkRunResponse(Response, frozen=True, kw_only=True):
    id: str
    action: str
    attempt: int
    started_at: datetime | None = None
    limit: datetime | None = None
    result: str | None = None


class IbuResponse(Response, frozen=True, kw_only=True):
    state: str
    stage: str
    generation: int
    observed_generation: int
    available: str
    next_stages: tuple[str, ...]
    seed: str
    run: str


class WorkResponse(Response, frozen=True, kw_only=True):
    name: str
    part: str
    rollout: str
    rollout_uid: str
    asks: str
    agent: str
    stands: str
    generation: int
    created_at: datetime | None = None
    terminating: bool
    edited: bool
    armed: bool
    run: WorkRunResponse | None = None
    applied: bool
    apply_error: str
    ibu: IbuResponse | None = None
    conditions: tuple[ConditionResponse, ...]
    manifests: tuple[ManifestResponse, ...]


class WorksResponse(Response, frozen=True, kw_only=True):
    cluster: str
    read_at: datetime
    items: tuple[WorkResponse, ...]
