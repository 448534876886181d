"""Declares the dependencies of the API, which the process assembles."""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from msgspec import Struct, field
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.api.http import concurrency
from ibgu.api.http.concurrency import (
    ConcurrencyLimit,
    FleetLists,
    RequestsInProgress,
    TurnLimit,
)
from ibgu.api.http.rates import Rates, UnknownTokens
from ibgu.db.reads import CountCache
from ibgu.hub.authorization.access import Access


def _no_problems() -> list[str]:
    return []


def _nothing() -> None:
    return None


class Probes(Struct, frozen=True):
    """Probes holds what `/healthz`, `/readyz` and `/metrics` ask."""

    journal: Callable[[], Coroutine[Any, Any, str | None]]
    """Why the journal can't be used; None: it can."""
    problems: Callable[[], list[str]] = _no_problems
    """Why the rest of the process does not do its work now."""
    measure: Callable[[], None] = _nothing
    """Updates the gauges."""
    metrics_apart: bool = False
    """Whether metrics have an address of their own, and so are not where the API is."""


class InspectionLimits(Struct, frozen=True):
    """InspectionLimits says whether clusters are read for preflight, and for how long that
    counts."""

    enabled: bool = False
    ttl: timedelta = timedelta(hours=1)


class Context(Struct, frozen=True):
    hub: str
    """Uid of the hub's namespace kube-system: only its rows are shown."""
    engine: AsyncEngine
    access: Access
    probes: Probes
    rates: Rates = field(default_factory=Rates)
    unknown_tokens: UnknownTokens = field(default_factory=UnknownTokens)
    streams: ConcurrencyLimit = field(default_factory=concurrency.streams)
    in_progress: RequestsInProgress = field(default_factory=RequestsInProgress)
    bodies: ConcurrencyLimit = field(default_factory=concurrency.bodies)
    fleet_lists: FleetLists = field(default_factory=FleetLists)
    preflights: TurnLimit = field(default_factory=concurrency.preflights)
    tallies: CountCache = field(default_factory=CountCache)
    starts_per_minute: int = 0
    """The controller's limit for the whole hub; 0: no limit."""
    upgrade_backups: bool = False
    """Whether annotations may ask for a backup before Upgrade."""
    tenancy: bool = False
    """Whether a namespace takes only the cluster sets that are bound to it, which previews
    respect."""
    inspections: InspectionLimits = InspectionLimits()
    behind_proxy: bool = False
    """Whether headers of a proxy name the page's address, and carry the user's token."""
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """The addresses of proxies whose X-Forwarded-For names the client."""
