"""Declares what shadow mode saw of TALM."""

from datetime import datetime

from ibgu.client.responses.base import Response
from ibgu.client.responses.rollouts import SeedResponse


class ShadowRolloutResponse(Response, frozen=True, kw_only=True):
    namespace: str
    name: str
    shadow: bool = True
    uid: str = ""
    created_at: datetime
    watched_since: datetime
    seed: SeedResponse = SeedResponse()
    plan: tuple[tuple[str, ...], ...] = ()
    progress: str = ""
    complete: bool = False
    deleted: bool = False


class ToldResponse(Response, frozen=True, kw_only=True):
    verdict: str
    at: datetime
    cause: str | None = None
    message: str = ""


class NoteResponse(Response, frozen=True, kw_only=True):
    at: datetime
    text: str = ""


class ShadowClusterResponse(Response, frozen=True, kw_only=True):
    cluster: str
    shadow: bool = True
    step: int = 0
    action: str = ""
    batch: int = 0
    since: datetime
    reachable: bool = False
    words: str = ""
    ibgu: ToldResponse | None = None
    talm: ToldResponse | None = None
    ahead_seconds: float | None = None
    idle_seconds: float | None = None
    differ: bool = False
    explanation: str = ""
    failure: str | None = None
    means: str | None = None
    remedy: str | None = None
    history: tuple[NoteResponse, ...] = ()


class SlowBatchResponse(Response, frozen=True, kw_only=True):
    batch: int
    slowest: str = ""
    waited_seconds: float = 0.0
    idle_seconds: float = 0.0


class ShadowStepResponse(Response, frozen=True, kw_only=True):
    step: int
    actions: tuple[str, ...] = ()
    max_concurrency: int = 0
    timeout_minutes: int = 0
    clusters: int = 0
    batches: int = 0
    batch: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    took_seconds: float | None = None
    sliding_seconds: float | None = None
    saved_seconds: float = 0.0
    idle_seconds: float = 0.0
    slow: tuple[SlowBatchResponse, ...] = ()


class ShadowFailureResponse(Response, frozen=True, kw_only=True):
    step: int
    action: str = ""
    cause: str | None = None
    failure: str | None = None
    means: str | None = None
    remedy: str = ""
    message: str = ""
    count: int = 0
    clusters: tuple[str, ...] = ()
    ahead_seconds: float = 0.0


class ShadowReportResponse(Response, frozen=True, kw_only=True):
    rollout: ShadowRolloutResponse
    shadow: bool = True
    steps: tuple[ShadowStepResponse, ...] = ()
    failures: tuple[ShadowFailureResponse, ...] = ()
    ahead_seconds: float = 0.0
    saved_seconds: float = 0.0
