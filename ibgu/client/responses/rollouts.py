"""Declares rollouts and their steps."""

from datetime import datetime

from ibgu.client.responses.base import Response


class Overdue(Response, frozen=True, kw_only=True):
    since: datetime
    usual: float
    """Seconds."""
    check: str = ""


class Reason(Response, frozen=True, kw_only=True):
    kind: str
    since: datetime
    until: datetime | None = None
    who: str = ""
    message: str = ""
    overdue: Overdue | None = None


class Counts(Response, frozen=True, kw_only=True):
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


class Seed(Response, frozen=True, kw_only=True):
    image: str = ""
    version: str = ""


class PlanItem(Response, frozen=True, kw_only=True):
    actions: tuple[str, ...]
    max_concurrency: int = 0
    timeout_minutes: int = 0


class Eta(Response, frozen=True, kw_only=True):
    at: datetime
    earliest: datetime
    latest: datetime
    basis: str = ""
    stuck: int = 0
    limit: datetime | None = None


class CurrentStep(Response, frozen=True, kw_only=True):
    step: int
    actions: tuple[str, ...] = ()
    counts: Counts = Counts()
    """Of this step's members."""


class Rollout(Response, frozen=True, kw_only=True):
    namespace: str
    name: str
    uid: str = ""
    phase: str = ""
    state: str = ""
    hold: Reason | None = None
    seed: Seed = Seed()
    plan: tuple[PlanItem, ...] = ()
    generation: int = 0
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    deleted_at: datetime | None = None
    counts: Counts = Counts()
    """Of the whole rollout."""
    current: CurrentStep | None = None
    stalled: int = 0
    eta: Eta | None = None
    created_by: str | None = None


class ReasonCount(Response, frozen=True, kw_only=True):
    kind: str
    who: str = ""
    count: int = 0
    overdue: int = 0


class RunningAction(Response, frozen=True, kw_only=True):
    action: str
    count: int = 0


class Step(Response, frozen=True, kw_only=True):
    step: int
    actions: tuple[str, ...] = ()
    state: str = ""
    hold: Reason | None = None
    rate_limit: Reason | None = None
    max_concurrency: int = 0
    timeout_minutes: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    counts: Counts = Counts()
    stalled: int = 0
    eta: Eta | None = None
    actions_running: tuple[RunningAction, ...] = ()
    reasons: tuple[ReasonCount, ...] = ()


class Steps(Response, frozen=True, kw_only=True):
    items: tuple[Step, ...]
