"""Declares changes: what is requested, what is allowed, and the results."""

from ibgu.client.responses.base import Response


class Abort(Response, frozen=True, kw_only=True):
    """Abort takes None as in the plan's last step; `timeout` is in minutes."""

    everybody: bool = False
    """Whether it is Abort, which undoes what has succeeded too; else AbortOnFailure."""
    max_concurrency: int | None = None
    timeout: int | None = None


class NewStep(Response, frozen=True, kw_only=True):
    actions: tuple[str, ...]
    max_concurrency: int | None = None
    timeout: int | None = None


class Pause(Response, frozen=True, kw_only=True):
    why: str = ""


class Skip(Response, frozen=True, kw_only=True):
    """Skip takes all that wait if both are None."""

    clusters: tuple[str, ...] | None = None
    reason: str | None = None
    if_waiting: bool = False
    """Whether to leave out clusters that do not wait; else one of them refuses all."""


class Retry(Response, frozen=True, kw_only=True):
    """Retry takes all that have failed if both are None."""

    clusters: tuple[str, ...] | None = None
    cause: str | None = None


class Change(Response, frozen=True, kw_only=True):
    done: str
    kubectl: str = ""


class Permit(Response, frozen=True, kw_only=True):
    name: str
    allowed: bool = False
    why: str = ""
    plans: tuple[tuple[str, ...], ...] = ()
    danger: str = "reversible"
    lost: str = ""


class Risk(Response, frozen=True, kw_only=True):
    danger: str
    lost: str = ""


class Permits(Response, frozen=True, kw_only=True):
    items: tuple[Permit, ...]
    risks: dict[str, Risk] | None = None
