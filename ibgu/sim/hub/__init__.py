"""Simulates a hub in memory, with the API server's semantics as far as ibgu relies on them.

One contract suite (`tests/hub/contract`) runs against it and against a real API server.
"""

from ibgu.sim.hub.client import MemoryClient
from ibgu.sim.hub.server import MemoryHub

__all__ = ["MemoryClient", "MemoryHub"]
