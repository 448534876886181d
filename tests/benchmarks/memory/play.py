"""One rollout of a fleet in memory: how long it takes, and how much memory.

    python -m tests.benchmarks.memory.play <Postgres URL> <clusters> <slots> <seed> [<actions>]

A process of its own for each fleet, so that one does not stand in the other's memory; the answer
is one line of JSON. `actions`: only so many of the first step, once it is on its way.
"""

import asyncio
import gc
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import copy_context
from datetime import UTC, datetime
from random import Random
from typing import Any

from msgspec import Struct, json, structs
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.controller.clock import Clock
from ibgu.controller.service import Controller
from ibgu.core.model.kinds import JsonObject
from ibgu.core.model.names import STAGE
from ibgu.db.engine import engine as connected
from ibgu.hub import paths
from ibgu.hub.discovery import discover
from ibgu.settings import read_settings
from ibgu.sim.hub import MemoryClient
from ibgu.sim.hub.server import ServedRequest
from ibgu.sim.player import Player
from ibgu.sim.player.clock import SteadyClock as FleetClock
from ibgu.sim.spec import FleetSpec
from tests.benchmarks.case import NAME, ibgu
from tests.benchmarks.memory.idle import IdleFigures
from tests.benchmarks.memory.meter import METER, Meter, MeteredHub, MeteredLoop
from tests.benchmarks.memory.weight import weight
from tests.benchmarks.reports import Reports
from tests.simulation.checks.refreshes import refreshed
from tests.simulation.journal import CallQueue, FaultyEngine
from tests.simulation.run import silence_logs

_OF_CLUSTER = re.compile("/(manifestworks|managedclusters)")
_CLUSTER = re.compile("/managedclusters/[^/]+$")
_STATUS = paths.ibgu_status("default", NAME)
STAGES = ("Prep", "Upgrade")
TIMEOUT = 30 * 24 * 60
"""Minutes: nothing is to end by it, however long a fleet takes."""
DURATIONS = "60s-180s"
RATE = 1_000_000.0
"""Writes to the hub a second: what a cluster costs is asked, not how fast a hub of the field lets
100,000 of them go (`makespan` has the default)."""
HISTORY = 75.0
"""Virtual seconds of history that the hub keeps at least, as an API server's watch cache does."""
PROBE = 10.0
"""Virtual seconds between two looks whether all is over."""


class Played(Struct, frozen=True):
    clusters: int
    wall: float
    """Seconds from the IBGU's creation to its end."""
    cpu: float
    """The seconds of this process's CPU in these: beside other work the better measure."""
    memory: int
    """Bytes of resident memory at the peak, beyond what the process had before its fleet."""
    controller: int
    """Bytes of the controller's own objects at the end; the rest is the hub's and the fleet's."""
    virtual: float
    """Seconds that the rollout took in virtual time."""
    succeeded: int
    status_bytes: int
    """The size of the largest status that was written."""
    status_writes: int


class Cost(Struct, frozen=True):
    """Cost is what a part of a rollout took."""

    cpu: float
    """Seconds of the process's CPU."""
    controller: float
    """Those of the controller among them, without what the hub does for its requests."""

    def each(self, count: int) -> "Cost":
        return Cost(self.cpu / count, self.controller / count)


class PlayedStep(Struct, frozen=True):
    """PlayedStep is a step of `clusters` up to its first `actions`."""

    clusters: int
    opening: Cost
    """What it takes from the IBGU's creation until half of the slots have been taken over."""
    actions: int
    """Actions that ended after that."""
    cost: Cost
    """What these actions take."""
    memory: int
    """Bytes of resident memory at the peak, beyond what the process had before its fleet."""


class Play:
    """`plan`: an action a step. `watched`: the hub has feedback by watch. `fleet`: options of
    FleetSpec.parse, beside those of every benchmark. `rate`: writes a second, None: the default.

    `writes` counts ibgu's by what they were: refreshes, or other writes of works. `sent`: bytes of
    all that it wrote about clusters, works and labels. `labelled`: how often it has labelled a
    cluster, which it does once for each action of these plans. `reports`: where given, notes what
    agents report about stage works; it keeps the last status of each.
    """

    def __init__(
        self,
        clusters: int,
        slots: int,
        seed: int,
        pool: AsyncEngine,
        *,
        plan: Sequence[str] = STAGES,
        watched: bool = True,
        refresh: str = "auto",
        rate: float | None = None,
        reports: Reports | None = None,
        **fleet: Any,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._clusters = clusters
        self._slots = slots
        self._pool = pool
        self._seed = seed
        self._plan = plan
        self._reports = reports
        self._settings = {"feedback_refresh": refresh, **({"hub_rate": rate} if rate else {})}
        self.writes: Counter[str] = Counter()
        self.sent = 0
        self.labelled = self._awaited = 0
        self._enough = asyncio.Event()
        self.hub = MeteredHub(now=self._loop.time, seed=seed, listed=False, watched=watched)
        self.hub.audit = self._audit
        self._largest = self._writes = 0
        spec = FleetSpec.parse(
            count=clusters, pattern="site-%06d", seed=seed, labels=[f"fleet={NAME}"], **fleet
        )
        self.player = Player(MemoryClient(self.hub, "agents"), spec, FleetClock(offset=0.0))
        self._people = MemoryClient(self.hub, "people")

    async def play(self) -> Played:
        before = _resident()
        async with self._begun() as controller:
            began, cpu, virtual = time.perf_counter(), time.process_time(), self._loop.time()
            status = await self._roll_out()
            wall, cpu = time.perf_counter() - began, time.process_time() - cpu
            virtual = self._loop.time() - virtual
            peak, own = _peak(), weight(controller._mirror, controller._term)
        return Played(
            clusters=self._clusters,
            wall=wall,
            cpu=cpu,
            memory=peak - before,
            controller=own,
            virtual=virtual,
            succeeded=status["summary"]["succeeded"],
            status_bytes=self._largest,
            status_writes=self._writes,
        )

    async def play_step(self, actions: int) -> PlayedStep:
        """Plays until so many actions of the first step have ended, once half of its slots have
        been taken over: by then every member has been opened, and the first ones of all slots do
        not end together any more."""
        before, meter = _resident(), Meter()
        async with self._begun(meter):
            await self._create()
            began = _cost(meter)
            await self._ended(self._slots // 2)
            opened, first = _cost(meter), self.labelled
            await self._ended(first + actions)
            ended = _cost(meter)
            return PlayedStep(
                clusters=self._clusters,
                opening=_between(began, opened),
                actions=self.labelled - first,
                cost=_between(opened, ended),
                memory=_peak() - before,
            )

    async def _ended(self, count: int) -> None:
        self._awaited = count
        self._enough.clear()
        await self._enough.wait()

    @asynccontextmanager
    async def _begun(self, meter: Meter | None = None) -> AsyncIterator[Controller]:
        """Yields the controller, beside its fleet; `meter`: counts the controller's CPU."""
        await self.player.create()
        async with asyncio.TaskGroup() as tasks:
            parts = [tasks.create_task(part) for part in (self.player.run(), self._forget())]
            await self.player.synced.wait()
            metered = copy_context()
            metered.run(METER.set, meter)
            controller = await tasks.create_task(self._controller(), context=metered)
            parts.append(tasks.create_task(controller.run(), context=metered))
            yield controller
            for part in parts:
                part.cancel()

    def _audit(
        self, asked: ServedRequest, before: JsonObject | None, after: JsonObject | None
    ) -> None:
        if asked.path == _STATUS:
            self._writes += 1
            self._largest = max(self._largest, len(asked.body or b""))
        elif self._reports and after and asked.path.endswith(f"-{STAGE}/status"):
            self._reports.note(asked.path, after["status"])
        elif asked.who == "ibgu" and _OF_CLUSTER.search(asked.path):
            self.sent += len(asked.body or b"")
            self.labelled += _CLUSTER.search(asked.path) is not None
            if self.labelled >= self._awaited:
                self._enough.set()
            if "/manifestworks" in asked.path:
                self.writes["refresh" if refreshed(asked) else "work"] += 1

    async def _controller(self) -> Controller:
        client = MemoryClient(self.hub, "ibgu")
        engine: Any = FaultyEngine(self._pool, IdleFigures(), CallQueue(), lambda _: None)
        settings = read_settings(
            identity="bench",
            database_url="postgresql://",
            events_days=0,
            rollouts_days=0,
            lease_seconds=45,
            lease_renew_seconds=30,
            lease_retry_seconds=6,
            **self._settings,
        )
        served = structs.replace(await discover(client), hub=f"{self._seed}-{time.time_ns()}")
        return Controller(settings, client, engine, served, _clock, Random(self._seed))

    async def _forget(self) -> None:
        """A server that kept all history would have more memory for it than for all else."""
        before = self.hub.versions.version
        while True:
            await asyncio.sleep(HISTORY)
            self.hub.compact(before)
            before = self.hub.versions.version

    async def _create(self) -> None:
        await self._people.request(
            "POST",
            paths.ibgus("default"),
            body=ibgu(self._slots, [(a,) for a in self._plan], timeout=TIMEOUT),
        )

    async def _roll_out(self) -> JsonObject:
        await self._create()
        while True:
            await asyncio.sleep(PROBE)
            found = await self._people.get(paths.ibgu("default", NAME), dict[str, Any])
            status: JsonObject = found.get("status", {})
            if status.get("completedAt"):
                return status


def _clock(read: Any) -> Clock:
    loop = asyncio.get_running_loop()

    async def told() -> datetime:
        return datetime.fromtimestamp(loop.time(), UTC)

    return Clock(told)


def _resident() -> int:
    with open("/proc/self/statm") as fields:
        return int(fields.read().split()[1]) * resource.getpagesize()


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _cost(meter: Meter) -> Cost:
    return Cost(cpu=time.process_time(), controller=meter.seconds)


def _between(began: Cost, ended: Cost) -> Cost:
    return Cost(ended.cpu - began.cpu, ended.controller - began.controller)


async def _main(
    url: str, clusters: int, slots: int, seed: int, actions: int
) -> Played | PlayedStep:
    pool = connected(url, pool_size=4)
    loop = asyncio.get_running_loop()
    assert isinstance(loop, MeteredLoop)
    try:
        play = Play(clusters, slots, seed, pool, rate=RATE, durations=DURATIONS)
        return await (play.play_step(actions) if actions else play.play())
    finally:
        with loop.real_io():
            await pool.dispose()


def main(url: str, clusters: str, slots: str, seed: str, actions: str = "0") -> None:
    silence_logs()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    loop = MeteredLoop()
    asyncio.set_event_loop(loop)
    played = loop.run_until_complete(_main(url, int(clusters), int(slots), int(seed), int(actions)))
    print(json.encode(played).decode(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
