"""The cost of an action to the controller beside a fleet."""

import asyncio
from itertools import pairwise
from pathlib import Path

import asyncpg
from msgspec import Struct

from ibgu.db.engine import dsn
from ibgu.sim.player import Player
from tests.benchmarks.fleet.size import Size
from tests.benchmarks.fleet.stage import Stage, agents
from tests.benchmarks.process import Process
from tests.benchmarks.ready import must_live

DURATIONS = "6s-10s"
ROUND = 50
"""Actions."""


class Work(Struct, frozen=True):
    """CPU is the whole process's during these actions. It contains the turns with their commits and
    writes, the messages of watches, and periodic work: the Lease, garbage collection, and every few
    seconds a status that names every member. It contains neither the start of the process nor that
    of the step, which has all clusters as its members.
    """

    clusters: int
    actions: int
    cpu: float
    """Seconds."""
    rounds: list[float]
    """Milliseconds of CPU an action, of each ROUND: how much it differs by itself."""
    peak: int
    """Bytes of resident memory, from its start to the last of these actions: with that step."""
    leads: int
    """How often it led again after it had lost its Lease because it was slow. Each time it loads
    the journal and looks at all clusters: then the figures are not those of actions."""

    @property
    def each(self) -> float:
        """Milliseconds of CPU for one action."""
        return self.cpu / self.actions * 1000


class _Reading(Struct, frozen=True):
    ended: int
    """Actions."""
    cpu: float
    """Seconds."""


async def work(here: Stage, process: Process, size: Size) -> Work:
    """The heads come first in the order of members, so all work is theirs. It is measured from
    when so many as there are slots have ended, until no head waits for a slot any more."""
    names = [f"a-{number:05}" for number in range(1, size.heads + 1)]
    log = here.folder / "log"
    async with agents(here.fleet, names, DURATIONS, size.seed) as player:
        await here.apply("third", size.slots)
        await _ended(player, size.slots, process, log)
        epoch, readings = await _epoch(here), [_read(player, process)]
        for count in _goals(size.slots, size.heads - size.slots):
            await _ended(player, count, process, log)
            readings.append(_read(player, process))
        leads = await _epoch(here) - epoch
    first, last = readings[0], readings[-1]
    return Work(
        clusters=size.clusters,
        actions=last.ended - first.ended,
        cpu=last.cpu - first.cpu,
        rounds=[_each(before, after) for before, after in pairwise(readings)],
        peak=process.usage().peak,
        leads=leads,
    )


def _goals(first: int, last: int) -> list[int]:
    """Returns how many actions have ended when a round has; the last one is longer by what is left
    over."""
    return [*range(first + ROUND, last - ROUND + 1, ROUND), last]


def _each(before: _Reading, after: _Reading) -> float:
    return (after.cpu - before.cpu) / max(1, after.ended - before.ended) * 1000


def _read(player: Player, process: Process) -> _Reading:
    return _Reading(_count(player), process.usage().cpu)


async def _ended(player: Player, count: int, process: Process, log: Path) -> None:
    while True:
        await asyncio.sleep(0.2)
        must_live(process, log)
        if _count(player) >= count:
            return


def _count(player: Player) -> int:
    runs = (run for cluster in player.clusters.values() for run in cluster.timeline.runs)
    return sum(run.ended is not None for run in runs)


async def _epoch(here: Stage) -> int:
    """Returns the epoch of the newest lead, as the journal has it."""
    db = await asyncpg.connect(dsn(here.postgres))
    try:
        return int(await db.fetchval("SELECT max(epoch) FROM hubs"))
    finally:
        await db.close()
