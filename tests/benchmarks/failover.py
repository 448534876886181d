"""The time from the end of the leading controller to the next start, by the other one."""

import asyncio
import signal
import subprocess
import tempfile
import time
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack
from pathlib import Path

import asyncpg
from msgspec import Struct
from sqlalchemy.engine import make_url

from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.postgres import EmbeddedPostgres
from ibgu.sandbox.servers import free_port
from tests.benchmarks.case import fleet_of, ibgu
from tests.benchmarks.process import Process, environment_of, start
from tests.benchmarks.ready import ready
from tests.benchmarks.report import judge
from tests.benchmarks.rollout import Fleet, play

NAMES = ("one", "two")
PROBE = 0.02
AT_WORK = 2.0
"""Seconds between two ends, at least."""


class Term(Struct, frozen=True):
    epoch: int
    leader: str
    since: float


class Delays(Struct, frozen=True):
    """Seconds, one for each time."""

    killed: list[float]
    stopped: list[float]


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clusters", type=int, default=300)
    parser.add_argument("--times", type=int, default=6, help="how often each, kill -9 and SIGTERM")


def run(options: Namespace) -> bool:
    print(f"\n{options.clusters} clusters, two controllers with default settings")
    delays = measure(options.clusters, options.times)
    for how, seconds in (("killed", delays.killed), ("stopped", delays.stopped)):
        print(f"  {how:8}", "  ".join(f"{each:.2f} s" for each in seconds))
    found = {
        "worst_after_kill_s": max(delays.killed),
        "worst_after_stop_s": max(delays.stopped),
    }
    return judge(found, "failover")


def measure(clusters: int, times: int) -> Delays:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(clusters, times, Path(folder)))


async def _measure(clusters: int, times: int, folder: Path) -> Delays:
    async with EmbeddedPostgres() as postgres, SandboxHub() as hub:
        fleet = await HubClient.with_token(hub.url, hub.token("fleet"), str(hub.ca_file))
        admin = await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file))
        async with fleet, admin, asyncio.TaskGroup() as tasks:
            playing = await play(tasks, fleet, fleet_of(clusters, seed=1))
            with ExitStack() as stack:
                pair = stack.enter_context(Pair(hub, postgres.url, folder))
                body = ibgu(max(2, clusters // 15))
                await admin.request("POST", paths.ibgus("default"), body=body)
                found = await _ends(pair, playing, times)
            playing.playing.cancel()
        return found


async def _ends(pair: "Pair", fleet: Fleet, times: int) -> Delays:
    delays = Delays([], [])
    await _next_start(fleet, 0.0)
    for _ in range(times):
        for how, found in ((signal.SIGKILL, delays.killed), (signal.SIGTERM, delays.stopped)):
            await asyncio.sleep(AT_WORK)
            await pair.ready()
            found.append(await _delay(pair, fleet, how))
    return delays


async def _delay(pair: "Pair", fleet: Fleet, how: signal.Signals) -> float:
    """Seconds from the signal to the first start that the other controller has led to."""
    term = await pair.term()
    began = time.time()
    await asyncio.to_thread(pair.end, term.leader, how)
    next_start = await _next_start(fleet, (await pair.term(after=term.epoch)).since)
    pair.up(term.leader)
    return next_start - began


async def _next_start(fleet: Fleet, after: float) -> float:
    """Returns when a cluster was first asked for something since then."""
    while True:
        runs = [run for each in fleet.player.clusters.values() for run in each.timeline.runs]
        later = [run.requested for run in runs if run.requested > after]
        if later:
            return min(later)
        await asyncio.sleep(PROBE)


class Pair:
    """Two controllers of one hub."""

    def __init__(self, hub: SandboxHub, database_url: str, folder: Path) -> None:
        self._hub = hub
        self._database_url = database_url
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ports: dict[str, int] = {}

    def __enter__(self) -> "Pair":
        for name in NAMES:
            self.up(name)
        return self

    def __exit__(self, *_: object) -> None:
        for name in NAMES:
            self.end(name, signal.SIGTERM)

    def up(self, name: str) -> None:
        self._ports[name] = free_port()
        environment = environment_of(
            self._hub.kubeconfig("ibgu"),
            self._database_url,
            f"127.0.0.1:{self._ports[name]}",
            IBGU_IDENTITY=name,
        )
        self._running[name] = start(environment, self._log(name))

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def end(self, name: str, how: signal.Signals) -> None:
        self._running[name].send_signal(how)
        self._running[name].wait()

    async def ready(self) -> None:
        """Wait until one leads and the other stands by with a full mirror."""
        for name, port in self._ports.items():
            process, log = Process(self._running[name].pid), self._log(name)
            await ready(process, f"127.0.0.1:{port}", log)

    async def term(self, after: int = 0) -> Term:
        """The first that the journal has after that epoch; waits for it."""
        url = make_url(self._database_url).set(drivername="postgresql")
        connection = await asyncpg.connect(url.render_as_string(hide_password=False))
        try:
            while True:
                row = await connection.fetchrow("SELECT epoch, leader, led_since FROM hubs")
                if row is not None and row["epoch"] > after:
                    return Term(row["epoch"], row["leader"], row["led_since"].timestamp())
                await asyncio.sleep(PROBE)
        finally:
            await connection.close()
