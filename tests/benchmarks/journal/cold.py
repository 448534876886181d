"""Reads of a history that lies on the disk alone, as after a night or a restart of the machine."""

import os
from pathlib import Path

from ibgu import db
from ibgu.db.reads import Reads
from tests.benchmarks.history import History
from tests.benchmarks.journal import timing


def drop_cached(folder: Path) -> None:
    """Has the kernel forget what it keeps in memory of the files, which nobody may have open."""
    os.sync()  # what is not written yet can't be forgotten
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


async def measure(url: str, history: History, count: int) -> dict[str, float]:
    """Asks for pages of `count` clusters, each for the first time. The first of them also read the
    catalog and the upper pages of the indexes."""
    engine = db.engine(url)
    try:
        reads = Reads(engine, history.hub)
        events = await timing.events_of_clusters(reads, history, count)
        steps = await timing.steps_of_clusters(reads, history, count)
    finally:
        await engine.dispose()
    return {
        "cluster_events_p50_ms": events.p50,
        "cluster_events_p99_ms": events.p99,
        "cluster_steps_p50_ms": steps.p50,
        "cluster_steps_p99_ms": steps.p99,
    }
