"""Declares changes: what is requested, what is allowed, and the results."""

from ibgu.client.responses.base import Response


class AbortRequest(Response, frozen=True, kw_only=True):
    """AbortRequest takes None as in the plan's last step; `timeout` is in minutes."""

    everybody: bool = False
    """Whether it is Abort, which undoes what has succeeded too; else AbortOnFailure."""
    max_concurrency: int | None = None
    timeout: int | None = None


class NewStepRequest(Response, frozen=True, kw_only=True):
    actions: tuple[str, ...]
    max_concurrency: int | None = None
    timeout: int | None = None


class PauseRequest(Response, frozen=True, kw_only=True):
    why: str = ""


class SkipRequest(Response, frozen=True, kw_only=True):
    """SkipRequest takes all that wait if both are None."""

    clusters: tuple[str, ...] | None = None
    reason: str | None = None
    if_waiting: bool = False
    """Whether to leave out clusters that do not wait; else one of them refuses all."""


class RetryRequest(Response, frozen=True, kw_only=True):
    """RetryRequest takes all that have failed if both are None."""

    clusters: tuple[str, ...] | None = None
    cause: str | None = None


class ChangeResponse(Response, frozen=True, kw_only=True):
    done: str
    kubectl: str = ""


class PermitResponse(Response, frozen=True, kw_only=True):
    name: str
    allowed: bool = False
    why: str = ""
    plans: tuple[tuple[str, ...], ...] = ()
    danger: str = "reversible"
    lost: str = ""


class RiskResponse(Response, frozen=True, kw_only=True):
    danger: str
    lost: str = ""


class PermitsResponse(Response, frozen=True, kw_only=True):
    items: tuple[PermitResponse, ...]
    risks: dict[str, RiskResponse] | None = None
