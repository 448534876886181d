"""Declares members of steps, and the steps that a cluster was in."""

from datetime import datetime

from ibgu.client.responses.base import Response
from ibgu.client.responses.rollouts import Reason


class Run(Response, frozen=True, kw_only=True):
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


class CompletedAction(Response, frozen=True, kw_only=True):
    action: str
    at: datetime
    note: str = ""


class Stalled(Response, frozen=True, kw_only=True):
    since: datetime
    usual: float
    """Seconds."""


class Member(Response, frozen=True, kw_only=True):
    cluster: str
    step: int
    position: int = 0
    state: str = ""
    action: str | None = None
    attempt: int = 0
    reason: Reason | None = None
    stalled: Stalled | None = None
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
    completed: tuple[CompletedAction, ...] = ()
    late: str = ""
    run: Run | None = None


class RolloutName(Response, frozen=True, kw_only=True):
    """RolloutName has no name if the caller may not read its namespace."""

    namespace: str | None = None
    name: str | None = None
    uid: str = ""

    def __str__(self) -> str:
        if self.name is None:
            return "a rollout of another namespace"
        return f"{self.namespace}/{self.name}"


class Visit(Response, frozen=True, kw_only=True):
    rollout: RolloutName
    member: Member
    runs: tuple[Run, ...] = ()
