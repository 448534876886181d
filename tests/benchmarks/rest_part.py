"""The controller at rest: its memory on a hub without clusters, after a restart."""

import asyncio
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tests.benchmarks.fleet.stage import Stage, stage
from tests.benchmarks.process import controller
from tests.benchmarks.ready import ready
from tests.benchmarks.report import judge

PART = "rest"
MIB = 2**20


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=20, help="at rest, before it is measured")


def run(options: Namespace) -> bool:
    print(f"\nan idle controller, {options.seconds:.0f} s after it was ready")
    with tempfile.TemporaryDirectory() as folder:
        return judge({"memory_mib": asyncio.run(_measure(Path(folder), options.seconds))}, PART)


async def _measure(folder: Path, seconds: float) -> float:
    async with stage(folder) as scene:
        # The first one migrates the database, by modules that no later one loads.
        await _peak(scene, 0)
        return await _peak(scene, seconds)


async def _peak(scene: Stage, seconds: float) -> float:
    log = scene.folder / "log"
    with controller(scene.environment, log) as process:
        await ready(process, scene.listen, log)
        await asyncio.sleep(seconds)
        return process.usage().peak / MIB
