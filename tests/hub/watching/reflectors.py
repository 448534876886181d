"""A reflector at work, for its tests."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol, TypedDict, Unpack

import pytest

from ibgu.core.model.kinds import ManifestWork
from ibgu.flowcontrol.backoff import Backoff
from ibgu.hub.client import HubClient, HubError
from ibgu.hub.decode import BadObject
from ibgu.hub.watching.reflector import Reflector, Timing, WatchedKind, whole
from ibgu.hub.watching.store import Store
from tests.hub.conftest import ScriptedHub

QUICK = Timing(backoff=Backoff(first=0.001, longest=0.01))


class Options(TypedDict, total=False):
    timing: Timing
    streaming: bool


class Cut(TypedDict, total=False):
    cut: int
    half: int


class Running:
    """A reflector at work, its store and what it complained of."""

    def __init__(
        self, client: HubClient, collection: str, selector: str = "", **options: Unpack[Options]
    ) -> None:
        options.setdefault("timing", QUICK)
        self.store: Store[ManifestWork] = Store()
        self.bad: list[BadObject] = []
        self.errors: list[HubError] = []
        self.reflector = Reflector(
            client,
            WatchedKind(collection, ManifestWork, whole, labels=selector),
            self.store,
            on_bad=self.bad.append,
            on_error=self.errors.append,
            rng=random.Random(1),
            **options,
        )

    def versions(self) -> dict[str, str]:
        return {obj.metadata.name: obj.metadata.resource_version for obj in self.store}


def on_hub(hub: ScriptedHub) -> dict[str, str]:
    return {name: obj["metadata"]["resourceVersion"] for (_, name), obj in hub.objects.items()}


class Reflect(Protocol):
    def __call__(
        self, selector: str = "", **options: Unpack[Options]
    ) -> AbstractAsyncContextManager[Running]: ...


@pytest.fixture
def reflect(client: HubClient, collection: str) -> Reflect:
    @asynccontextmanager
    async def start(selector: str = "", **options: Unpack[Options]) -> AsyncIterator[Running]:
        running = Running(client, collection, selector, **options)
        task = asyncio.create_task(running.reflector.run())
        try:
            yield running
        finally:
            task.cancel()
            await asyncio.wait({task})

    return start


@pytest.fixture(params=["streaming list", "pages"])
def both_lists(hub: ScriptedHub, request: pytest.FixtureRequest) -> str:
    hub.streaming_lists = request.param == "streaming list"
    return str(request.param)
