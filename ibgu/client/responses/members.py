"""Declares members of steps, and the steps that a cluster was in."""

from datetime import datetime

from ibgu.client.responses.base import Response
from ibgu.client.responses.rollouts import ReasonResponse


class RunResponse(Response, frozen=True, kw_only=True):
    id: str
    action: str
    attempt: int = 0
    state: str = ""
    intended_at: datetime
    arming_at: datetime | None = None
    armed_at: datetime | None = None
    accepted_at: datetime | None = None
    ended_at: datetime | None = None
    result: str | None = None
    cause: str | None = None
    message: str = ""


class CompletedActionResponse(Response, frozen=True, kw_only=True):
    action: str
    at: datetime
    note: str = ""


class StalledResponse(Response, frozen=True, kw_only=True):
    since: datetime
    usual: float
    """Seconds."""


class MemberResponse(Response, frozen=True, kw_only=True):
    cluster: str
    step: int
    position: int = 0
    state: str = ""
    action: str | None = None
    attempt: int = 0
    reason: ReasonResponse | None = None
    stalled: StalledResponse | None = None
    slot: int | None = None
    limit: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str | None = None
    cause: str | None = None
    message: str = ""
    failed_action: str | None = None
    failure: str | None = None
    means: str | None = None
    remedy: str | None = None
    completed: tuple[CompletedActionResponse, ...] = ()
    late: str = ""
    run: RunResponse | None = None


class RolloutNameResponse(Response, frozen=True, kw_only=True):
    """RolloutNameResponse has no name if the caller may not read its namespace."""

    namespace: str | None = None
    name: str | None = None
    uid: str = ""

    def __str__(self) -> str:
        if self.name is None:
            return "a rollout of another namespace"
        return f"{self.namespace}/{self.name}"


class VisitResponse(Response, frozen=True, kw_only=True):
    rollout: RolloutNameResponse
    member: MemberResponse
    runs: tuple[RunResponse, ...] = ()
