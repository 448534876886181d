"""No answer reads more of a long history than it shows: every route, every parameter, every plan.

The statements are those that the routes send, caught on their way: none can be forgotten.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

import ibgu.api
from ibgu.api.context import Context
from ibgu.core.model.preflight import FindingSeverity, PreflightRecord, RecordedFinding
from ibgu.db.reads import Reads
from ibgu.db.reads.base import reading_ahead
from ibgu.db.reads.duration_stats import NEWEST
from ibgu.sandbox.hub import SandboxHub
from tests.benchmarks.history import History, fill, history
from tests.benchmarks.journal.asking import call_everything
from tests.benchmarks.journal.statements import LARGE, Recorder, explain, generic

CLUSTERS = 500
EVENTS = 100_000
MEMBERS = 2 * 2 * CLUSTERS + 501
"""Those of the largest rollout's two steps, which one question compares with each other, and a page
of them."""
ELSEWHERE = 8 * CLUSTERS
"""Clusters of a page that are in a namespace are looked up one by one, past what each was in
elsewhere."""
STEPS_OF_ROLLOUT = 2
MAY_READ = {
    "events": MEMBERS,
    "members": MEMBERS + ELSEWHERE,
    "runs": MEMBERS + 2 * NEWEST,
    "cluster_labels": CLUSTERS,
    "pending_patches": CLUSTERS,
}
"""Rows that a statement may look at. The first three have 100,000, 9,000 and 9,000 of them;
`make bench` looks at the same plans in a history that is two hundred times as long. The last two
have one for each cluster, and nobody looks at it twice."""


@pytest.fixture
async def long_history(context: Context, database_url: str) -> History:
    made = history(EVENTS, CLUSTERS, rollouts=40, hub=context.hub)
    await fill(database_url, made)
    return made


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the reads that were asked."""
    found: set[str] = set()

    def noting(name: str, read: Callable[..., Any]) -> Callable[..., Any]:
        async def noted(*given: Any, **named: Any) -> Any:
            found.add(name)
            return await read(*given, **named)

        return noted

    for name in used_by_the_api():
        monkeypatch.setattr(Reads, name, noting(name, getattr(Reads, name)))
    return found


def used_by_the_api() -> set[str]:
    """Returns the reads that the API uses, also those that only changes ask for."""
    sources = Path(ibgu.api.__path__[0]).rglob("*.py")
    used = {name for path in sources for name in re.findall(r"reads\.(\w+)\(", path.read_text())}
    return {name for name in used if hasattr(Reads, name)}


async def judge_all_steps(engine: AsyncEngine) -> None:
    """Gives all steps a record of preflight with one cluster at fault."""
    found = RecordedFinding("P31", FindingSeverity.ERROR, "have a full disk", ("site-00001",))
    record = PreflightRecord(datetime(2026, 1, 1, tzinfo=UTC), (found,))
    statement = text("UPDATE steps SET preflight = CAST(:record AS jsonb)")
    async with engine.begin() as db:
        await db.execute(statement, {"record": msgspec.json.encode(record).decode()})


async def test_no_route_reads_more_of_a_table_than_it_shows(
    app: FastAPI,
    client: httpx.AsyncClient,
    engine: AsyncEngine,
    long_history: History,
    sandbox_hub: SandboxHub,
    called: set[str],
) -> None:
    client.headers["Authorization"] = f"Bearer {sandbox_hub.token('olga')}"
    await judge_all_steps(engine)
    # Steps that are over are counted once in a process's life.
    await client.get("/api/v1/rollouts", params={"limit": 500})
    # So are the clusters of a seed image, until something happens in a rollout that uses it.
    await client.get("/api/v1/seed-images")
    recorder = Recorder(kept=6)
    with recorder.on(engine):
        await call_everything(app, client, long_history, recorder)
        client.headers["Authorization"] = f"Bearer {sandbox_hub.token('bob')}"
        for path in ("rollouts", "rollouts?needsPerson=true", "clusters", "durations"):
            recorder.doing = f"{path}, for who may read one namespace"
            assert (await client.get(f"/api/v1/{path}")).status_code == 200
        recorder.doing = "failures, for a preview under a budget of the hub"
        await Reads(engine, long_history.hub).failures()
    assert called == used_by_the_api()
    assert len(recorder.statements) > 40
    async with engine.connect() as db:
        # This history fits into memory: without this Postgres would rightly read small tables
        # from end to end. Where it still does, there is no index that helps.
        await db.execute(text("SET enable_seqscan = off"))
        for statement in recorder.statements.values():
            for plan in (*await explain(db, statement), await generic(db, statement)):
                assert not plan.sequential(LARGE), f"{plan.doing}: {plan.sql}"
                for table, most in MAY_READ.items():
                    assert plan.read(table) <= most, f"{plan.doing}: {plan.scans} {plan.sql}"


async def test_a_page_of_a_clusters_steps_reads_the_runs_of_their_rollouts_alone(
    engine: AsyncEngine, long_history: History
) -> None:
    reads = Reads(engine, long_history.hub)
    recorder = Recorder()
    with recorder.on(engine):
        recorder.doing = "a page of steps"
        shown = (await reads.visits(long_history.cluster(7), limit=4)).items
    their_rollouts = {visit.member.member.rollout for visit in shown}
    most = len(their_rollouts) * STEPS_OF_ROLLOUT
    every = (await reads.visits(long_history.cluster(7), limit=100)).items
    assert sum(len(visit.runs) for visit in every) > 2 * most
    async with engine.connect() as db:
        # This history fits into memory, where Postgres also likes the index of members, which has
        # the runs of one cluster each on a page of its own.
        await db.execute(text("DROP INDEX runs_member_idx"))
        await db.execute(text("SET enable_seqscan = off"))
        await reading_ahead(db)
        statements = [each for each in recorder.statements.values() if "FROM runs" in each.sql]
        plans = [plan for each in statements for plan in await explain(db, each)]
    assert [0 < plan.read("runs") <= most for plan in plans] == [True]
