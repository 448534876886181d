"""Fleets in memory, the second ten times as large: does a cluster still cost the same?"""

import subprocess
import sys
from argparse import ArgumentParser, Namespace

from msgspec import json

from tests.benchmarks.memory.play import Played
from tests.benchmarks.report import judge
from tests.simulation.postgres import database, server


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clusters", default="10000,100000", help="two sizes of a fleet")
    parser.add_argument("--share", type=float, default=0.1, help="maxConcurrency / clusters")
    parser.add_argument("--seed", type=int, default=1)


def run(options: Namespace) -> bool:
    sizes = [int(text) for text in options.clusters.split(",")]
    with server() as postgres:
        played = [measure(postgres, size, options.share, options.seed) for size in sizes]
    good = all(each.succeeded == each.clusters for each in played)
    return judge(figures(played[0], played[-1]), "memory") and good


def measure(postgres: str, clusters: int, share: float, seed: int) -> Played:
    slots = max(1, round(clusters * share))
    played = json.decode(play(postgres, clusters, slots, seed), type=Played)
    _show(played, slots)
    return played


def play(postgres: str, *asked: int) -> bytes:
    """Plays in a process and a journal of its own, and returns its answer. `asked`: as of
    `tests.benchmarks.memory.play`, after the URL."""
    with database(postgres) as url:
        command = [sys.executable, "-m", "tests.benchmarks.memory.play", url, *map(str, asked)]
        return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


def figures(small: Played, large: Played) -> dict[str, float]:
    return {
        "wall_ratio": (large.wall / large.clusters) / (small.wall / small.clusters),
        "cpu_ratio": (large.cpu / large.clusters) / (small.cpu / small.clusters),
        "memory_ratio": (large.memory / large.clusters) / (small.memory / small.clusters),
        "controller_ratio": (large.controller / large.clusters)
        / (small.controller / small.clusters),
        "status_mib": large.status_bytes / 2**20,
    }


def _show(played: Played, slots: int) -> None:
    wall, cpu = (seconds / played.clusters * 1000 for seconds in (played.wall, played.cpu))
    memory, own = (size / played.clusters / 1024 for size in (played.memory, played.controller))
    print(f"\n{played.clusters} clusters in memory, {slots} at a time, plan [Prep][Upgrade]")
    print(f"  {played.wall:.0f} s for {played.virtual:.0f} s of virtual time, ", end="")
    print(f"{played.memory / 2**20:.0f} MiB: {wall:.1f} ms, {cpu:.1f} of them CPU, ", end="")
    print(f"and {memory:.0f} KiB a cluster, {own:.1f} of them the controller's")
    print(f"  {played.succeeded} succeeded; {played.status_writes} statuses were written, ", end="")
    print(f"of at most {played.status_bytes / 2**20:.2f} MiB", flush=True)
