"""The work of the hub's servers, and what the controller counted of itself."""

from contextlib import suppress
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.benchmarks.process import Process

SERVERS = ("kube-apiserver", "etcd")
SENT = "ibgu_hub_sent_bytes_total"

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


async def sent(listen: str) -> Sent:
    """Returns what the controller at that address has sent to its hub."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{listen}/metrics") as answer,
    ):
        text = await answer.text()
    return {
        (sample.labels["verb"], sample.labels["resource"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == SENT
    }
