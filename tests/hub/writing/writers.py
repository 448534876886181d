"""A writer at work, for its tests."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import pytest

from ibgu.flowcontrol.backoff import Backoff
from ibgu.hub.client import HubClient
from ibgu.hub.paths import MERGE_PATCH, work, works
from ibgu.hub.writing.writer import Write, WriteLimits, Writer, WriteResult
from tests.hub.conftest import Json

QUICK = WriteLimits(rate=1e6, backoff=Backoff(first=0.001, longest=0.01))

Done = Callable[[WriteResult], None]


def patch(name: str, text: str = "", *, version: str | None = None, owner: str = "r1") -> Write:
    body: Json = {"spec": {"text": text}}
    if version is not None:
        body["metadata"] = {"resourceVersion": version}
    return Write(
        key=("work", "spoke", name),
        method="PATCH",
        path=work("spoke", name),
        body=json.dumps(body).encode(),
        content_type=MERGE_PATCH,
        owner=owner,
        token=text,
    )


def create(name: str) -> Write:
    body = {"metadata": {"name": name, "namespace": "spoke"}}
    return Write(("work", "spoke", name), "POST", works("spoke"), json.dumps(body).encode())


class Results(list[WriteResult]):
    def by_token(self) -> dict[str, WriteResult]:
        return {result.write.token: result for result in self}


@pytest.fixture
def results() -> Results:
    return Results()


class StartWriter(Protocol):
    def __call__(
        self, limits: WriteLimits = ..., done: Done = ...
    ) -> AbstractAsyncContextManager[Writer]: ...


@pytest.fixture
def write(client: HubClient, results: Results) -> StartWriter:
    @asynccontextmanager
    async def start(
        limits: WriteLimits = QUICK, done: Done = results.append
    ) -> AsyncIterator[Writer]:
        writer = Writer(client, done=done, limits=limits, rng=random.Random(1))
        task = asyncio.create_task(writer.run())
        try:
            yield writer
        finally:
            task.cancel()
            await asyncio.wait({task})

    return start
