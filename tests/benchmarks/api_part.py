"""REST under load: lists and members of 10,000 clusters, and hundreds that follow the stream."""

import asyncio
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from asyncio.subprocess import PIPE
from asyncio.subprocess import Process as Subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu import db
from ibgu.db.reads import Reads
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.postgres import EmbeddedPostgres
from tests.benchmarks.api.asker import Asked, Order
from tests.benchmarks.api.changes import OF_A_MEMBER, change
from tests.benchmarks.api.listener import READY, ReceivedEvents, Watch
from tests.benchmarks.bound import percentile
from tests.benchmarks.history import History, RunningMembers, history
from tests.benchmarks.journal.state import hub_uid, kept, prepare
from tests.benchmarks.process import Process, served
from tests.benchmarks.ready import running
from tests.benchmarks.report import judge

GRID = 5000
"""Members of the step whose grid is asked for."""
PREFIX = "/api/v1"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clusters", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=600_000)
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second")
    parser.add_argument("--clients", type=int, default=500, help="that follow the stream")
    parser.add_argument("--changes", type=float, default=200.0, help="events a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each measurement is")


def run(options: Namespace) -> bool:
    with kept() as folder, EmbeddedPostgres(folder) as postgres, SandboxHub() as hub:
        print(f"\napi: {options.clusters:,} clusters, {options.rate:g} requests/s; "
              f"{options.clients} followers, {options.changes:g} changes/s")  # fmt: skip
        return judge(asyncio.run(measure(options, postgres.url, hub)), "api")


class Bench(Struct, frozen=True):
    options: Namespace
    made: History
    base: str
    tokens: list[str]
    engine: AsyncEngine
    going: RunningMembers
    process: Process


async def measure(options: Namespace, url: str, hub: SandboxHub) -> dict[str, float]:
    made = _fleet(options, await hub_uid(hub))
    await prepare(url, made)
    async with _bench(options, url, hub, made) as bench:
        return {
            **await _asked(bench, _everyday(bench)),
            **await _asked(bench, await _finding(bench)),
            **await _heavy(bench),
            **await _followed(bench),
            **await _beside(bench),
            "peak_rss_mib": bench.process.usage().peak / 2**20,
        }


def _fleet(options: Namespace, uid: str) -> History:
    made = history(options.events, options.clusters, rollouts=20, hub=uid)
    size = min(GRID, options.clusters)
    courses = [replace(course, size=size) if course.number == 3 else course
               for course in made.courses]  # fmt: skip
    return replace(made, courses=tuple(courses))


@asynccontextmanager
async def _bench(
    options: Namespace, url: str, hub: SandboxHub, made: History
) -> AsyncIterator[Bench]:
    streams = {"IBGU_API_STREAMS": "1000", "IBGU_API_STREAMS_PER_USER": "1000"}
    tokens = [hub.token(user) for user in ("alice", "olga")]
    engine = db.engine(url)
    with tempfile.TemporaryDirectory() as folder:
        async with running(served, hub, url, Path(folder), **streams) as api:
            base, members = f"http://{api.listen}", RunningMembers(made)
            yield Bench(options, made, base, tokens, engine, members, api.process)
    await engine.dispose()


async def _process(module: str, order: Any) -> Subprocess:
    found = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"tests.benchmarks.api.{module}", stdin=PIPE, stdout=PIPE,
        limit=2**26,
    )  # fmt: skip
    assert found.stdin
    found.stdin.write(msgspec.json.encode(order) + b"\n")
    await found.stdin.drain()
    return found


async def _answer(process: Subprocess, kind: Any) -> Any:
    assert process.stdout
    return msgspec.json.decode(await process.stdout.read(), type=kind)


async def _ask(bench: Bench, paths: list[str], rate: float, seconds: float) -> Asked:
    order = Order(bench.base, bench.tokens, paths, rate, seconds)
    asked: Asked = await _answer(await _process("asker", order), Asked)
    assert not asked.failed, asked.failed
    return asked


def _rollout(bench: Bench) -> str:
    live = bench.made.courses[-1]
    return f"{PREFIX}/rollouts/{live.namespace}/{live.name}"


def _everyday(bench: Bench) -> dict[str, str]:
    rollout = _rollout(bench)
    return {
        "list": f"{PREFIX}/rollouts",
        "members": f"{rollout}/members?limit=100",
        "steps": f"{rollout}/steps",
    }


async def _finding(bench: Bench) -> dict[str, str]:
    """Returns what people look for clusters with, where no index has the order."""
    members = f"{_rollout(bench)}/members?limit=100"
    return {
        "clusters": f"{PREFIX}/clusters?limit=100",
        "clusters_by_label": f"{PREFIX}/clusters?limit=100&label=region%3Dr1",
        "members_by_label": f"{members}&step=2&label=region%3Dr1",
        "members_by_reason": f"{members}&step=2&reason=WaitingForSlot",
        "members_by_outcome": f"{members}&state=finished&outcome=failed",
        "members_later": f"{members}&cursor={await _cursor(bench, members)}",
        "members_sorted": f"{members}&step=2&sort=duration",
    }


async def _cursor(bench: Bench, path: str) -> str:
    """Returns a cursor behind some ten pages."""
    headers = {"Authorization": f"Bearer {bench.tokens[0]}"}
    cursor = ""
    async with aiohttp.ClientSession(bench.base, headers=headers) as session:
        for _ in range(10):
            async with session.get(f"{path}&cursor={cursor}" if cursor else path) as answer:
                answer.raise_for_status()
                cursor = quote((await answer.json())["nextCursor"] or "") or cursor
    return cursor


async def _asked(bench: Bench, paths: dict[str, str]) -> dict[str, float]:
    await _ask(bench, list(paths.values()), 10, bench.options.seconds / 10)
    asked = await _ask(bench, list(paths.values()), bench.options.rate, bench.options.seconds)
    return _p99(asked, paths)


def _p99(asked: Asked, paths: dict[str, str], suffix: str = "") -> dict[str, float]:
    return {
        f"{name}{suffix}_p99_ms": percentile(asked.milliseconds[path], 0.99)
        for name, path in paths.items()
    }


async def _heavy(bench: Bench) -> dict[str, float]:
    """Measures what a page asks for once, at a rate at which nobody waits for anybody."""
    made = bench.made
    whole, half = made.courses[-1], made.courses[3]
    paths = {
        "grid_of_5000": _of(half, "grid?step=2"),
        "grid_of_10000": _of(whole, "grid?step=2"),
        "timeline": _of(whole, "timeline?step=1"),
        "durations": f"{PREFIX}/durations",
    }
    asked = await _ask(bench, list(paths.values()), 4, bench.options.seconds)
    return _p99(asked, paths)


def _of(course: Any, what: str) -> str:
    return f"{PREFIX}/rollouts/{course.namespace}/{course.name}/{what}"


async def _followed(bench: Bench) -> dict[str, float]:
    """Measures without, then with clients that take nothing: the others must not notice."""
    alone = await _follow(bench, slow=0)
    beside = await _follow(bench, slow=10)
    return {
        "stream_p50_ms": percentile(alone.milliseconds, 0.50),
        "stream_p99_ms": percentile(alone.milliseconds, 0.99),
        "stream_beside_slow_p99_ms": percentile(beside.milliseconds, 0.99),
        "followers_left_behind": alone.behind + beside.behind,
        "followers_with_gaps": alone.wrong + beside.wrong,
    }


async def _follow(
    bench: Bench, slow: int, all_follow: asyncio.Event | None = None
) -> ReceivedEvents:
    """Sets `all_follow` once every client follows, right before the changes begin."""
    options = bench.options
    turns_a_second = options.changes / OF_A_MEMBER
    turns = [bench.going.turn(1) for _ in range(round(options.seconds * turns_a_second))]
    newest = await Reads(bench.engine, bench.made.hub).last_seq()
    host, port = bench.base.removeprefix("http://").split(":")
    watch = Watch(
        host=host,
        port=int(port),
        path=f"{PREFIX}/stream",
        token=bench.tokens[0],
        clients=options.clients,
        slow=slow,
        first=newest + 1,
        last=newest + sum(len(turn.decisions) for turn in turns),
        every=25,
        patience=options.seconds + 30,
    )
    process = await _process("listener", watch)
    assert process.stdout
    assert await process.stdout.readline() == READY
    if all_follow is not None:
        all_follow.set()
    await change(bench.engine, bench.made.hub, turns, turns_a_second)
    heard: ReceivedEvents = await _answer(process, ReceivedEvents)
    return heard


async def _beside(bench: Bench) -> dict[str, float]:
    """All at once: who follows, who changes, who asks."""
    paths = _everyday(bench)
    options = bench.options
    all_follow = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        post_commit = tasks.create_task(_follow(bench, 1, all_follow))
        await all_follow.wait()
        await asyncio.sleep(options.seconds / 10)
        asked = tasks.create_task(
            _ask(bench, list(paths.values()), options.rate, options.seconds * 0.8)
        )
    found = _p99(asked.result(), paths, "_beside_stream")
    return found | {
        "stream_beside_requests_p99_ms": percentile(post_commit.result().milliseconds, 0.99)
    }
