"""What the API works with; made by whoever assembles the process."""

from collections.abc import Callable, Coroutine
from typing import Any

from msgspec import Struct, field
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.api import concurrency
from ibgu.api.concurrency import ConcurrencyLimit, FleetLists
from ibgu.api.rates import Rates, UnknownTokens
from ibgu.db.reads import Tallies
from ibgu.hub.access import Access


def _no_problems() -> list[str]:
    return []


def _nothing() -> None:
    return None


class Probes(Struct, frozen=True):
    """What `/healthz`, `/readyz` and `/metrics` ask."""

    journal: Callable[[], Coroutine[Any, Any, str | None]]
    """Why the journal can't be used; None: it can."""
    problems: Callable[[], list[str]] = _no_problems
    """Why the rest of the process does not do its work now."""
    measure: Callable[[], None] = _nothing
    """Brings the gauges up to date."""
    metrics_apart: bool = False
    """They are at an address of their own, and so not where the API is."""


class Context(Struct, frozen=True):
    hub: str
    """uid of the hub's namespace kube-system: only its rows are shown."""
    engine: AsyncEngine
    access: Access
    probes: Probes
    rates: Rates = field(default_factory=Rates)
    unknown_tokens: UnknownTokens = field(default_factory=UnknownTokens)
    streams: ConcurrencyLimit = field(default_factory=concurrency.streams)
    bodies: ConcurrencyLimit = field(default_factory=concurrency.bodies)
    fleet_lists: FleetLists = field(default_factory=FleetLists)
    tallies: Tallies = field(default_factory=Tallies)
    starts_per_minute: int = 0
    """What the controller is set to allow on the whole hub; 0: no limit."""
    tenancy: bool = False
    """A namespace takes only the cluster sets that are bound to it: previews say so, too."""
    behind_proxy: bool = False
    """Headers of a proxy say at which address the page is, and whose token it is."""
