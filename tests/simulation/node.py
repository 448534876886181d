"""Runs a controller's process: started, stopped, killed, and restarted as a kubelet does."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import copy_context
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Protocol

from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.controller.clock import Clock
from ibgu.controller.service import Controller
from ibgu.core.engine.driver import Drivers
from ibgu.db.errors import JournalUnavailable, LeadershipLost, ReloadNeeded
from ibgu.hub.discovery import discover
from ibgu.hub.errors import HubError
from ibgu.settings import Settings, read_settings
from ibgu.sim.hub import MemoryClient, MemoryHub
from tests.simulation.edge import FaultyHub
from tests.simulation.faults import Fault
from tests.simulation.journal import CallQueue, FaultyEngine
from tests.simulation.loop import PROCESS, Process
from tests.simulation.network_faults import NetworkFaults, latency

RESTART = 10.0
"""Seconds from a process's end to its next start."""
LONG_COMMIT = 2.0
"""Virtual seconds: long enough for what else the process does every second."""
EXPECTED = (LeadershipLost, ReloadNeeded, JournalUnavailable, HubError)
"""Errors that a process may end with."""


class Committed(Protocol):
    def __call__(self, who: str, *, leads: bool) -> None:
        """`who`: the process; `leads`: the commit began its epoch."""


def _nobody(who: str, *, leads: bool) -> None:
    return


class Node:
    """`crashes` collects errors that a controller must not end with."""

    def __init__(
        self,
        name: str,
        hub: MemoryHub,
        engine: AsyncEngine,
        turnstile: CallQueue,
        weather: NetworkFaults,
        seed: int,
        journal: str,
        settings: Mapping[str, object],
        drivers: Drivers,
    ) -> None:
        """`journal`: name of the hub in the journal; no other simulation may use it."""
        self.name = name
        self._journal = journal
        self._settings = settings
        self._drivers = drivers
        self.crashes: list[BaseException] = []
        self.controller: Controller | None = None
        self.process = Process(name)
        self.client: FaultyHub | None = None
        self.starts = 0
        self._hub = hub
        self._engine = engine
        self._turnstile = turnstile
        self._weather = weather
        self._seed = seed
        self._task: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.on_commit: Committed = _nobody

    # -- life ------------------------------------------------------------------------------------

    def start(self) -> None:
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Stops the process at the end of the simulation."""
        self.process.resume()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        self.kill()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _keep(self) -> None:
        while True:
            self.starts += 1
            self.process = Process(self.name)
            context = copy_context()
            context.run(PROCESS.set, self.process)
            task = self._task = asyncio.get_running_loop().create_task(
                self._run(Random(f"{self._seed}/{self.name}/{self.starts}")), context=context
            )
            await asyncio.wait({task})
            self.controller = None
            self._judge(task)
            await asyncio.sleep(RESTART)

    def _judge(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not (self.client is not None and self.client.dead):
            self.crashes += [leaf for leaf in _leaves(error) if not isinstance(leaf, EXPECTED)]

    async def _run(self, rng: Random) -> None:
        who = f"ibgu/{self.name}-{self.starts}"
        client = self.client = FaultyHub(
            MemoryClient(self._hub, who), self._weather, self.process, rng, self.kill
        )
        served = structs.replace(await discover(client), hub=self._journal)
        calls = _Calls(self, self._weather, rng)
        told = partial(self._committed, who)
        engine = FaultyEngine(self._engine, calls, self._turnstile, told)
        settings = _settings(who, self._settings)
        self.controller = Controller(
            settings,
            client,
            engine,  # type: ignore[arg-type]
            served,
            self._clock,
            rng,
            drivers=self._drivers,
        )
        await self.controller.run()

    def _committed(self, who: str, leads: bool) -> None:
        self.on_commit(who, leads=leads)

    def _clock(self, read: Callable[[], Awaitable[datetime]]) -> Clock:
        async def told() -> datetime:
            loop = asyncio.get_running_loop()
            before = loop.time()
            await read()
            # Half-way, as the controller assumes: so its clock shows the loop's time.
            seconds = (before + loop.time()) / 2 + self._weather.skew
            return datetime.fromtimestamp(seconds, UTC)

        return Clock(told)

    # -- death -----------------------------------------------------------------------------------

    def kill(self) -> None:
        """Kills the process like SIGKILL: nothing that it does from now on has an effect."""
        if self.client is not None:
            self.client.dead = True
        self.process.resume()
        if self._task is not None:
            self._task.cancel()

    @property
    def dead(self) -> bool:
        return self.client is None or self.client.dead

    @property
    def leading(self) -> bool:
        return self.controller is not None and self.controller.leading

    def pause(self, seconds: float) -> None:
        self.process.pause_for(seconds)


class _Calls:
    """_Calls decides what happens to the journal calls of one run of a process."""

    def __init__(self, node: Node, weather: NetworkFaults, rng: Random) -> None:
        self._node = node
        self._client = node.client
        self._weather = weather
        self._rng = rng
        self._inside: Fault | None = None

    async def before_call(self) -> None:
        """Runs before a call; a process stopped here holds no lock."""
        self._check()
        await self._stop("pause-before-commit")
        wait = latency(self._rng)
        if self._weather.holds("journal-slow"):
            wait += self._rng.uniform(0.5, 5.0)
        await asyncio.sleep(wait)
        self._check()

    def _check(self) -> None:
        assert self._client is not None
        away = self._weather.holds("journal-away") or self._weather.holds("outage")
        if self._client.dead or away:
            raise ConnectionRefusedError("no connection to the database")

    async def before_commit(self) -> None:
        if self._weather.fires("kill-before-commit"):
            await self._end()
        self._check()
        if self._weather.fires("commit-refused"):
            raise ConnectionResetError("the database went away before the commit")

    async def _stop(self, kind: str) -> None:
        fault = self._weather.shot(kind)
        if fault is not None and self._weather.fires(fault.kind):
            self._sleep(fault)
            await asyncio.sleep(0)

    def _sleep(self, fault: Fault) -> None:
        self._node.pause(max(fault.seconds, 60.0))

    def stops_inside(self) -> bool:
        shots = map(self._weather.shot, ("pause-in-transaction", "kill-in-commit"))
        self._inside = next(filter(None, shots), None)
        return self._inside is not None and self._weather.fires(self._inside.kind)

    async def stop_inside(self) -> None:
        """Stops inside the commit: all is written, nothing committed, and the server holds its
        locks."""
        assert self._inside is not None
        if self._inside.kind == "kill-in-commit":
            await asyncio.sleep(LONG_COMMIT)
            await self._end()
        self._sleep(self._inside)
        await asyncio.sleep(0)

    async def after_commit(self, *, turn: bool) -> None:
        if self._weather.fires("kill-after-commit"):
            await self._end()
        if turn and self._weather.fires("cut-in-commit"):
            # Its watches are back before anything begins another turn, if little goes on.
            assert self._client is not None
            self._client.cut()
        await asyncio.sleep(latency(self._rng))
        self._check()
        if turn and self._weather.fires("commit-in-doubt"):
            raise ConnectionResetError("the database went away before it answered the commit")

    async def _end(self) -> None:
        self._node.kill()
        await asyncio.sleep(1_000_000)


def _settings(identity: str, more: Mapping[str, object]) -> Settings:
    return read_settings(
        identity=identity,
        lease_seconds=45,
        lease_renew_seconds=30,
        lease_retry_seconds=6,
        database_url="postgresql://",
        events_days=0,
        rollouts_days=0,
        **more,
    )


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]
