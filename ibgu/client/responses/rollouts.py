"""Declares rollouts and their steps."""

from datetime import datetime

from ibgu.client.responses.base import Response


class OverdueResponse(Response, frozen=True, kw_only=True):
    since: datetime
    usual: float
    """Seconds."""
    check: str = ""


class ReasonResponse(Response, frozen=True, kw_only=True):
    kind: str
    since: datetime
    until: datetime | None = None
    who: str = ""
    message: str = ""
    overdue: OverdueResponse | None = None


class CountsResponse(Response, frozen=True, kw_only=True):
    total: int = 0
    waiting: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    cancelled: int = 0

    @property
    def ended(self) -> int:
        """Finished, in whatever way."""
        return self.succeeded + self.failed + self.skipped + self.cancelled


class SeedResponse(Response, frozen=True, kw_only=True):
    image: str = ""
    version: str = ""


class PlanItemResponse(Response, frozen=True, kw_only=True):
    actions: tuple[str, ...]
    max_concurrency: int = 0
    timeout_minutes: int = 0


class EtaResponse(Response, frozen=True, kw_only=True):
    at: datetime
    earliest: datetime
    latest: datetime
    basis: str = ""
    stuck: int = 0
    limit: datetime | None = None


class CurrentStepResponse(Response, frozen=True, kw_only=True):
    step: int
    actions: tuple[str, ...] = ()
    counts: CountsResponse = CountsResponse()
    """Of this step's members."""


class RolloutResponse(Response, frozen=True, kw_only=True):
    namespace: str
    name: str
    uid: str = ""
    phase: str = ""
    state: str = ""
    hold: ReasonResponse | None = None
    seed: SeedResponse = SeedResponse()
    plan: tuple[PlanItemResponse, ...] = ()
    generation: int = 0
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    deleted_at: datetime | None = None
    counts: CountsResponse = CountsResponse()
    """Of the whole rollout."""
    current: CurrentStepResponse | None = None
    stalled: int = 0
    eta: EtaResponse | None = None
    created_by: str | None = None


class ReasonCountResponse(Response, frozen=True, kw_only=True):
    kind: str
    who: str = ""
    count: int = 0
    overdue: int = 0


class RunningActionResponse(Response, frozen=True, kw_only=True):
    action: str
    count: int = 0


class StepResponse(Response, frozen=True, kw_only=True):
    step: int
    actions: tuple[str, ...] = ()
    state: str = ""
    hold: ReasonResponse | None = None
    rate_limit: ReasonResponse | None = None
    max_concurrency: int = 0
    timeout_minutes: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    counts: CountsResponse = CountsResponse()
    stalled: int = 0
    eta: EtaResponse | None = None
    actions_running: tuple[RunningActionResponse, ...] = ()
    reasons: tuple[ReasonCountResponse, ...] = ()


class StepsResponse(Response, frozen=True, kw_only=True):
    items: tuple[StepResponse, ...]
