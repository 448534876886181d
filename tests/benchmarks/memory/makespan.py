"""The use of slots, in virtual time: rollouts of many kinds as ratios to the bound.

The real controller and journal on the hub in memory, where neither CPU nor API server costs time:
what is above 1.00 here is a slot that stood empty by ibgu's own doing.
"""

import asyncio
from argparse import ArgumentParser, Namespace
from itertools import product
from typing import Any

from msgspec import Struct

from ibgu.db.engine import engine as connected
from ibgu.sim.timeline import StageRun
from tests.benchmarks.bound import list_schedule
from tests.benchmarks.memory.play import STAGES, Play
from tests.benchmarks.report import judge
from tests.simulation.loop import VirtualTimeLoop
from tests.simulation.postgres import database, server
from tests.simulation.run import silence_logs

DURATIONS: dict[str, dict[str, Any]] = {
    "even": {"durations": "100s-200s"},
    "heavy": {"durations": "field", "scale": 0.1},
}
"""`field` is the sum of lognormal phases, each capped at six times its median."""
FAILING = ("prep.precache=0.05",)


class Kind(Struct, frozen=True):
    clusters: int
    share: float
    """maxConcurrency / clusters."""
    durations: str
    faults: tuple[str, ...]

    @property
    def slots(self) -> int:
        return max(1, round(self.clusters * self.share))


class Scheduled(Struct, frozen=True):
    makespan: float
    bound: float
    failed: int

    @property
    def ratio(self) -> float:
        return self.makespan / self.bound


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clusters", default="200,500,2000", help="fleet sizes, with commas")


def run(options: Namespace) -> bool:
    sizes = [int(text) for text in options.clusters.split(",")]
    kinds = [
        Kind(clusters, share, durations, faults)
        for clusters, share, durations, faults in product(
            sizes, (0.1, 1.0), DURATIONS, ((), FAILING)
        )
    ]
    print("\nplan [Prep][Upgrade] in virtual time; makespan / list scheduling of what was observed")
    with server() as url:
        found = [_played(url, kind) for kind in kinds]
    return judge({"worst_ratio": max(each.ratio for each in found)}, "makespan")


def _played(url: str, kind: Kind) -> Scheduled:
    found = measure(url, kind)
    print(
        f"  {kind.clusters:5} clusters, {kind.slots:5} at a time, {kind.durations:5} durations, "
        f"{found.failed:4} failed: {found.makespan / 60:7.1f} min / {found.bound / 60:7.1f} min "
        f"= {found.ratio:.4f}",
        flush=True,
    )
    return found


def measure(server_url: str, kind: Kind, seed: int = 1) -> Scheduled:
    silence_logs()
    loop = VirtualTimeLoop()
    asyncio.set_event_loop(loop)
    with database(server_url) as url:
        return loop.run_until_complete(_measure(loop, url, kind, seed))


async def _measure(loop: VirtualTimeLoop, url: str, kind: Kind, seed: int) -> Scheduled:
    pool = connected(url, pool_size=4)
    try:
        play = Play(
            *(kind.clusters, kind.slots, seed, pool),
            faults=kind.faults,
            **DURATIONS[kind.durations],
        )
        await play.play()
    finally:
        with loop.real_io():
            await pool.dispose()
    return _scheduled(play, kind.slots)


def _scheduled(play: Play, slots: int) -> Scheduled:
    """The bound takes the clusters in the order of their names, which is that of the members."""
    clusters = [play.player.clusters[name] for name in sorted(play.player.clusters)]
    runs = [run for cluster in clusters for run in cluster.timeline.runs]
    return Scheduled(
        makespan=max(map(_end, runs)) - min(run.requested for run in runs),
        bound=sum(
            list_schedule((_end(r) - r.requested for r in runs if r.stage == stage), slots)
            for stage in STAGES
        ),
        failed=sum(run.outcome == "failed" for run in runs),
    )


def _end(run: StageRun) -> float:
    if run.ended is None:
        raise ValueError(f"a {run.stage} has not ended")
    return run.ended
