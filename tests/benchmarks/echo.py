"""The hub's echo: how long a write to a small object takes to come back through a watch.

It is the yardstick of a run: milliseconds follow the machine of the day by a factor of two, the
times that ibgu takes in echoes do not. A process of its own sends them, so that they are the hub's
times and not those of a busy benchmark.
"""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.errors import HubError

NAME = "ibgu-benchmark-echo"
NAMESPACE = "default"
INTERVAL = 0.2
"""Seconds from one write to the next."""
SILENCE = 60.0
"""Seconds without anything after which the watch counts as dead."""


class Echo(Struct, frozen=True):
    sent: float
    """Seconds since the epoch."""
    seconds: float
    """How long it took."""


class Echoes:
    """Echoes are those that were sent so far, in order; complete once `heard` has ended."""

    def __init__(self, told: Path) -> None:
        self._told = told

    @property
    def all(self) -> list[Echo]:
        lines = self._told.read_text().splitlines()
        return [Echo(*map(float, line.split())) for line in lines]


def during(echoes: Iterable[Echo], begin: float, end: float) -> list[float]:
    """Returns the seconds of the echoes that were sent between the two moments."""
    return [echo.seconds for echo in echoes if begin <= echo.sent <= end]


@contextmanager
def heard(kubeconfig: Path, folder: Path) -> Iterator[Echoes]:
    """Sends echoes all along. Raises RuntimeError if their process has ended by itself."""
    told = folder / "echoes"
    told.write_text("")
    # In a session of its own it gets its share of the cores, as the controller does.
    running = subprocess.Popen(
        [sys.executable, "-m", __name__, str(kubeconfig), str(told)], start_new_session=True
    )
    try:
        yield Echoes(told)
        if running.poll() is not None:
            raise RuntimeError(f"the echo has ended by itself: {running.returncode}")
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait()


async def _send_echoes(kubeconfig: str, told: Path) -> None:
    path = paths.config_map(NAMESPACE, NAME)
    listing = path.rpartition("/")[0]
    async with await HubClient.connect(kubeconfig) as client:
        with suppress(HubError):
            await client.request("DELETE", path)
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": {}}
        made = json.loads(await client.request("POST", listing, body=body))
        query = {
            "watch": "true",
            "fieldSelector": f"metadata.name={NAME}",
            "resourceVersion": made["metadata"]["resourceVersion"],
        }
        with told.open("a", buffering=1) as output:
            async with client.stream(listing, query=query, timeout=SILENCE) as lines:
                number = 0
                while True:
                    number += 1
                    sent, began = time.time(), time.monotonic()
                    patch = {"data": {"number": str(number)}}
                    async with asyncio.TaskGroup() as writing:
                        writing.create_task(
                            client.request(
                                "PATCH", path, body=patch, content_type=paths.MERGE_PATCH
                            )
                        )
                        async for line in lines:
                            if _number_of(json.loads(line)) >= number:
                                break
                        output.write(f"{sent:.6f} {time.monotonic() - began:.6f}\n")
                    await asyncio.sleep(max(0.0, INTERVAL - (time.monotonic() - began)))


def _number_of(event: dict[str, Any]) -> int:
    return int((event["object"].get("data") or {}).get("number", 0))


def main() -> None:
    kubeconfig, told = sys.argv[1:]
    loop = asyncio.new_event_loop()
    sending = loop.create_task(_send_echoes(kubeconfig, Path(told)))
    loop.add_signal_handler(signal.SIGTERM, sending.cancel)
    with suppress(asyncio.CancelledError):
        loop.run_until_complete(sending)


if __name__ == "__main__":
    main()
