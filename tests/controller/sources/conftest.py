"""Sources that are really there, and what is observed of one canary by them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from ibgu.controller.lookups.canary_health import CanaryHealth
from ibgu.controller.sources import HealthSources, questions
from ibgu.core.engine.state.health_observations import Canary, HealthFinding, MetricQuestion
from ibgu.core.model import Rollout
from ibgu.core.notify import parse_sources
from tests.controller.notify.receiving import Site, site
from tests.core.drivers.canary_health.test_metrics import SITE
from tests.core.engine.state.records import rollout

ROLLOUT = rollout()


class Observed:
    """Observed is what is known of one canary."""

    def __init__(self, *asked: MetricQuestion) -> None:
        self.asked = asked
        self.health = CanaryHealth()
        self._changed = asyncio.Event()
        self.health.begin(_now, self._to_observe, lambda uid: self._changed.set())

    def finding(self, question: MetricQuestion) -> HealthFinding:
        return self.health.finding(question, SITE, _now())

    async def until(self, question: MetricQuestion, words: str) -> None:
        """Waits until this is the problem of the canary; empty: it is well."""
        async with asyncio.timeout(60):
            while not self._is(question, words):
                self._changed.clear()
                await self._changed.wait()

    def _is(self, question: MetricQuestion, words: str) -> bool:
        problem = self.finding(question).problem
        return words in problem if words else not problem

    def _to_observe(self, now: datetime) -> list[Canary]:
        return [Canary("uid-a", SITE, frozenset(), self.asked)]


Asking = Callable[..., AbstractAsyncContextManager[Observed]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "INTERVAL", 0.05)
    monkeypatch.setattr(questions, "_TURN", 0.02)


@pytest.fixture
async def there() -> AsyncIterator[Site]:
    async with site() as found:
        yield found


@pytest.fixture
def asking() -> Asking:
    """Asks sources these questions. `known`: what was observed before."""

    @asynccontextmanager
    async def run(
        sources: list[dict[str, Any]], *asked: MetricQuestion, known: Observed | None = None
    ) -> AsyncIterator[Observed]:
        observed = known or Observed(*asked)
        found: dict[str, Rollout] = {"uid-a": ROLLOUT}
        running = HealthSources(parse_sources({"sources": sources}), observed.health, found.get)
        task = asyncio.create_task(running.run())
        try:
            yield observed
        finally:
            task.cancel()
            await asyncio.wait({task})

    return run


def _now() -> datetime:
    return datetime.now(UTC)
