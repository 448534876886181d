"""An API server as it is after a day, not as it is after a minute.

A Go process that has just started takes new memory from the machine until its heap has the size
that the collector aims at. On a virtual machine each new page costs some 5 to 11 microseconds:
while a heap grows to 2.5 GiB that is nine seconds of an API server's time, in bursts that all of
its clients wait for. So it gets a heap of one size, and has touched all of it before anything is
measured.
"""

from typing import Any

from ibgu.hub import paths
from ibgu.hub.client import HubClient

HEAP = 3072
"""MiB. The collector runs only when they are used up, and then without growing them."""
ENVIRONMENT = {"GOGC": "off", "GOMEMLIMIT": f"{HEAP}MiB"}
"""The environment of kube-apiserver alone."""
_RESIDENT = b"\nprocess_resident_memory_bytes "
_LISTS = 200
_MOST = 100
"""Looks at the memory: far more than a few hundred clusters need."""


async def warm(admin: HubClient) -> None:
    """Let it answer lists, which take much memory for a moment, until it has used all it has."""
    for _ in range(_MOST):
        if await _resident(admin) > 0.9 * HEAP * 2**20:
            return
        for _ in range(_LISTS):
            await admin.get(paths.MANAGED_CLUSTERS, dict[str, Any])
    raise RuntimeError(f"after {_MOST * _LISTS} lists the API server has not used {HEAP} MiB")


async def _resident(admin: HubClient) -> float:
    metrics = await admin.request("GET", "/metrics")
    return float(metrics.split(_RESIDENT, 1)[1].split(b"\n", 1)[0])
