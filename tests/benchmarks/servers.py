"""The work of the hub's servers, and what the controller counted of itself."""

from contextlib import suppress
from math import isinf
from pathlib import Path

import aiohttp
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from tests.benchmarks.process import Process

SERVERS = ("kube-apiserver", "etcd")
SENT = "ibgu_hub_sent_bytes_total"
TURNS = "ibgu_turn_seconds_bucket"
COMMITS = "ibgu_journal_commit_seconds_bucket"

Sent = dict[tuple[str, str], float]
"""Bytes by (verb, resource with its subresource)."""


class Servers:
    """The servers of the sandbox hub in that folder: seconds of CPU since this was made."""

    def __init__(self, folder: Path) -> None:
        self._processes = {name: Process(_pid(name, folder)) for name in SERVERS}
        self._before = self._cpu()

    def cpu(self) -> dict[str, float]:
        return {name: cpu - self._before[name] for name, cpu in self._cpu().items()}

    def _cpu(self) -> dict[str, float]:
        return {name: process.usage().cpu for name, process in self._processes.items()}


def _pid(name: str, folder: Path) -> int:
    """Both have files in the hub's folder on their command lines."""
    for proc in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            argv = (proc / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if Path(argv[0]).name == name and any(str(folder) in each for each in argv):
                return int(proc.name)
    raise LookupError(f"no {name} works in {folder}")


class Histogram(Struct, frozen=True):
    buckets: tuple[tuple[float, float], ...]
    """(seconds, how many took no longer), the last one without an end."""

    def quantile(self, share: float) -> float:
        """Returns seconds, as Prometheus does: within a bucket all are as far apart. 0 if nothing
        was timed."""
        wanted = share * (self.buckets[-1][1] if self.buckets else 0.0)
        low, below = 0.0, 0.0
        for high, count in self.buckets:
            if count >= wanted > below:
                return (
                    low if isinf(high) else low + (high - low) * (wanted - below) / (count - below)
                )
            low, below = high, count
        return 0.0


class OwnMetrics(Struct, frozen=True):
    """OwnMetrics is what a controller has counted of itself since its start."""

    sent: Sent
    turns: Histogram
    commits: Histogram


async def own_metrics(listen: str) -> OwnMetrics:
    """Reads the metrics of the controller at that address."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{listen}/metrics") as answer,
    ):
        return read_metrics(await answer.text())


def read_metrics(text: str) -> OwnMetrics:
    found = [each for family in text_string_to_metric_families(text) for each in family.samples]

    def histogram(name: str) -> Histogram:
        buckets = ((float(each.labels["le"]), each.value) for each in found if each.name == name)
        return Histogram(tuple(buckets))

    return OwnMetrics(
        {(e.labels["verb"], e.labels["resource"]): e.value for e in found if e.name == SENT},
        histogram(TURNS),
        histogram(COMMITS),
    )
