"""Holds the faults that the hub, its watches and the journal inflict on processes now."""

import asyncio
from collections import Counter
from random import Random

from tests.simulation.faults import Fault


class NetworkFaults:
    """NetworkFaults has windows, which are open for a time, and shots, which hit the next requests
    that they fit."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._windows: dict[str, tuple[float, Fault]] = {}
        self._shots: dict[str, int] = {}
        self._loaded: dict[str, Fault] = {}
        self.struck: Counter[str] = Counter()
        """Number of times that each kind had an effect."""
        self._late: set[asyncio.Task[None]] = set()
        self.skew = 0.0
        """The database's clock minus the loop's, in seconds."""
        self.skewed = False
        """Whether the clock was ever skewed."""

    def open(self, fault: Fault) -> None:
        self._windows[fault.kind] = (self._loop.time() + fault.seconds, fault)

    def load(self, fault: Fault, shots: int) -> None:
        """The shot strikes at the `shots`-th request that it fits."""
        self._shots[fault.kind] = shots
        self._loaded[fault.kind] = fault

    def shot(self, kind: str) -> Fault | None:
        """Returns the loaded shot, if it has not gone off yet."""
        return self._loaded[kind] if kind in self._shots else None

    def window(self, kind: str) -> Fault | None:
        """Returns the open window, whether it has an effect or not."""
        until, fault = self._windows.get(kind, (0.0, None))
        return None if until <= self._loop.time() else fault

    def holds(self, kind: str) -> Fault | None:
        fault = self.window(kind)
        if fault is not None:
            self.struck[kind] += 1
        return fault

    def until(self, kind: str) -> float:
        return self._windows.get(kind, (0.0, None))[0]

    def fires(self, kind: str) -> bool:
        """Returns whether the shot of that kind goes off now."""
        left = self._shots.get(kind)
        if left is None:
            return False
        if left > 0:
            self._shots[kind] = left - 1
            return False
        del self._shots[kind]
        self.struck[kind] += 1
        return True

    def keep(self, late: asyncio.Task[None]) -> None:
        """Keeps a request that is on its way although its sender has given it up."""
        self._late.add(late)
        late.add_done_callback(self._late.discard)

    def clear(self) -> None:
        self._windows.clear()
        self._shots.clear()


def latency(rng: Random) -> float:
    """Returns the seconds that a message takes one way: mostly few."""
    return rng.choice((0.001, 0.003, 0.01, 0.03, 0.2)) * rng.uniform(0.5, 1.0)
