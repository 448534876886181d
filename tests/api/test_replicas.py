"""Several `ibgu api` processes on one Postgres: they answer the same, and follow the same."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.model import Kind, OnRollout
from ibgu.db import Changeset, Journal
from ibgu.sandbox.hub import SandboxHub
from tests.benchmarks.history import History, fill, history, records
from tests.benchmarks.journal.state import hub_uid
from tests.benchmarks.process import Process, served
from tests.benchmarks.ready import running


@pytest.fixture
async def made(engine: AsyncEngine, database_url: str, sandbox_hub: SandboxHub) -> History:
    made = history(2000, 40, rollouts=4, hub=await hub_uid(sandbox_hub))
    await fill(database_url, made)
    return made


@asynccontextmanager
async def replica(
    hub: SandboxHub, database_url: str, folder: Path
) -> AsyncIterator[tuple[httpx.AsyncClient, Process]]:
    headers = {"Authorization": f"Bearer {hub.token('alice')}"}
    async with (
        running(served, hub, database_url, folder) as api,
        httpx.AsyncClient(
            base_url=f"http://{api.listen}/api/v1", headers=headers, trust_env=False, timeout=60
        ) as client,
    ):
        yield client, api.process


class Stream:
    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()

    async def number(self) -> int:
        """Returns the number of the next event."""
        while not (line := await anext(self._lines)).startswith("id: "):
            pass
        return int(line[4:])


@asynccontextmanager
async def following(client: httpx.AsyncClient, after: int) -> AsyncIterator[Stream]:
    async with client.stream("GET", "/stream", headers={"Last-Event-ID": str(after)}) as answer:
        assert answer.status_code == 200
        yield Stream(answer)


async def test_two_replicas_answer_and_follow_as_one(
    made: History,
    engine: AsyncEngine,
    sandbox_hub: SandboxHub,
    database_url: str,
    tmp_path: Path,
) -> None:
    live = made.courses[-1]
    rollout = f"/rollouts/{live.namespace}/{live.name}"
    async with (
        replica(sandbox_hub, database_url, tmp_path) as (one, first),
        replica(sandbox_hub, database_url, tmp_path) as (two, _),
    ):
        for path in ("/grid", "/members?step=1", "/events", "/failures", "/timeline?step=1"):
            mine, other = await one.get(rollout + path), await two.get(rollout + path)
            assert mine.status_code == 200, mine.text
            assert mine.content == other.content, path
            assert mine.headers["ETag"] == other.headers["ETag"]
        journal = Journal(engine, made.hub)
        await journal.lead("test")
        newest = int((await one.get(f"{rollout}/grid")).json()["seq"])
        async with following(one, newest) as here, following(two, newest) as there:
            await change(journal, made)
            assert [await here.number(), await there.number()] == [newest + 1] * 2
            await change(journal, made)
            assert [await here.number(), await there.number()] == [newest + 2] * 2
            first.end()
        # A client that followed the one that ended continues at the other, and misses nothing.
        await change(journal, made)
        async with following(two, newest + 1) as again:
            assert [await again.number() for _ in range(2)] == [newest + 2, newest + 3]


async def change(journal: Journal, made: History) -> None:
    found = records.rollout(made.courses[-1])
    told = OnRollout(Kind.ROLLOUT_HELD, found, "it is tested")
    await journal.commit(Changeset(decisions=(told,), at=datetime.now(UTC)))
