"""Sources that are really there, and what is observed of one canary by them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ibgu.controller.lookups.canary_health import CanaryHealth
from ibgu.controller.sources import HealthSources, questions
from ibgu.core.engine.state.health_observations import (
    Canary,
    HealthFinding,
    SourceQuestion,
    WebhookQuestion,
)
from ibgu.core.model import Rollout
from ibgu.core.notify import parse_sources
from tests.controller.notify.receiving import Site, site
from tests.core.drivers.canary_health.test_metrics import SITE
from tests.core.engine.state.records import rollout

KEY = "whsec_c2VjcmV0LWtleQ=="
NOC = WebhookQuestion("noc", "careful", "uid-a", 1)
ROLLOUT = rollout()


class Observed:
    """Observed is what is known of one canary."""

    def __init__(self, *asked: SourceQuestion) -> None:
        self.asked = asked
        self.health = CanaryHealth()
        self._changed = asyncio.Event()
        self.health.begin(_now, self._to_observe, lambda uid: self._changed.set())

    def finding(self, question: SourceQuestion) -> HealthFinding:
        return self.health.finding(question, SITE, _now())

    async def until(self, question: SourceQuestion, words: str) -> None:
        """Waits until this is the problem of the canary; empty: it is well."""
        async with asyncio.timeout(60):
            while not self._is(question, words):
                self._changed.clear()
                await self._changed.wait()

    def _is(self, question: SourceQuestion, words: str) -> bool:
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
def key(tmp_path: Path) -> Path:
    """The file with the key that signs requests."""
    path = tmp_path / "key"
    path.write_text(KEY)
    return path


@pytest.fixture
async def there() -> AsyncIterator[Site]:
    async with site() as found:
        yield found


@pytest.fixture
def asking(key: Path) -> Asking:
    """Asks sources these questions; a webhook has its key. `known`: what was observed before."""

    @asynccontextmanager
    async def run(
        sources: list[dict[str, Any]], *asked: SourceQuestion, known: Observed | None = None
    ) -> AsyncIterator[Observed]:
        given = [
            {"secretFile": str(key), **each} if each["kind"] == "webhook" else each
            for each in sources
        ]
        observed = known or Observed(*asked)
        found: dict[str, Rollout] = {"uid-a": ROLLOUT}
        running = HealthSources(parse_sources({"sources": given}), observed.health, found.get)
        task = asyncio.create_task(running.run())
        try:
            yield observed
        finally:
            task.cancel()
            await asyncio.wait({task})

    return run


def _now() -> datetime:
    return datetime.now(UTC)
