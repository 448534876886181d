"""The journal with years of history: plans of all queries, history, inserts, retention."""

import asyncio
import os
import time
from argparse import ArgumentParser, Namespace

from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.db.reads import Reads
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.postgres import EmbeddedPostgres
from tests.benchmarks.history import History, history
from tests.benchmarks.journal import cold, timing
from tests.benchmarks.journal.asking import call_everything
from tests.benchmarks.journal.state import JournalState, journal_state, kept, prepare
from tests.benchmarks.journal.statements import LABELS, LARGE, Plan, Recorder, explain, generic
from tests.benchmarks.report import judge

MEMBERS_OF_TURN = 2
"""End, and as many start: 18 events."""
BATCHES = 20


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--clusters", type=int, default=10_000)
    parser.add_argument("--rollouts", type=int, default=400)
    parser.add_argument("--folder", default="", help="keep the database there, for another run")
    parser.add_argument("--slowest", type=int, default=10, help="how many queries are named")
    parser.add_argument("--asked", type=int, default=500, help="histories, of each kind")
    parser.add_argument("--turns", type=int, default=400, help="that are written")


def run(options: Namespace) -> bool:
    """Times durable work; what is filled in before need not be durable, and would take long."""
    with kept(options.folder) as folder, SandboxHub() as hub:
        with EmbeddedPostgres(folder, durable=False) as postgres:
            asyncio.run(_filled(options, postgres.url))
        os.sync()  # else the first commits wait for what was filled
        with EmbeddedPostgres(folder) as postgres:
            good = judge(asyncio.run(measure(options, postgres.url, hub)), "journal")
        cold.drop_cached(folder)
        with EmbeddedPostgres(folder) as postgres:
            found = asyncio.run(cold.measure(postgres.url, history_of(options), options.asked))
        print("\njournal, from the disk:")
        return judge(found, "cold") and good


async def _filled(options: Namespace, url: str) -> None:
    began = time.monotonic()
    await prepare(url, history_of(options))
    print(
        f"\njournal: {options.events:,} events, filled in {time.monotonic() - began:.0f} s",
        flush=True,
    )


def history_of(options: Namespace) -> History:
    return history(options.events, options.clusters, options.rollouts)


async def measure(options: Namespace, url: str, hub: SandboxHub) -> dict[str, float]:
    made = history_of(options)
    await prepare(url, made)
    async with journal_state(url, hub, made.hub) as stand:
        return await _figures(stand, made, options)


async def _figures(stand: JournalState, made: History, options: Namespace) -> dict[str, float]:
    reads = Reads(stand.engine, made.hub)
    plans = await _plans(stand, made)
    for plan in sorted(plans, key=lambda plan: -plan.milliseconds)[: options.slowest]:
        print(f"    {plan.milliseconds:8.1f} ms  {plan.doing[:90]}")
    for plan in plans:
        for table in plan.sequential(LARGE):
            print(f"    all of {table}: {plan.doing[:90]}: {' '.join(plan.sql.split())[:400]}")
    events = await timing.events_of_clusters(reads, made, options.asked)
    steps = await timing.steps_of_clusters(reads, made, options.asked)
    of_rollouts = await timing.of_rollouts(reads, made, options.asked)
    written = await timing.commits(stand.engine, made, options.turns, MEMBERS_OF_TURN)
    forgotten = await timing.forgotten(stand.engine, made, BATCHES)
    return {
        "cluster_events_p99_ms": events.p99,
        "cluster_steps_p99_ms": steps.p99,
        "rollout_events_p99_ms": of_rollouts.p99,
        "slowest_query_ms": max(plan.milliseconds for plan in plans),
        "slowest_labelled_ms": max(p.milliseconds for p in plans if p.reads(LABELS)),
        "sequential_scans": sum(len(plan.sequential(LARGE)) for plan in plans),
        "events_per_second": written.events_per_second,
        "commit_p99_ms": written.turns.p99,
        "forget_5000_p99_ms": forgotten.p99,
        "controller_load_s": (await timing.loaded(stand.engine, made)).p50 / 1000,
    }


async def _plans(stand: JournalState, made: History) -> list[Plan]:
    """Returns the plans of every statement with every set of parameters, and once for any
    parameters."""
    recorder = Recorder()
    with recorder.on(stand.engine):
        await call_everything(stand.app, stand.client, made, recorder)
    return [
        plan
        for statement in recorder.statements.values()
        for plan in await _explained(stand.engine, recorder, statement.sql)
    ]


async def _explained(engine: AsyncEngine, recorder: Recorder, sql: str) -> list[Plan]:
    statement = recorder.statements[sql]
    async with engine.connect() as db:
        return [*await explain(db, statement), await generic(db, statement)]
