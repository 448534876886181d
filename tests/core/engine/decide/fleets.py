"""Fleets of clusters named site-1, site-2, ..."""

from ibgu.core.drivers.ibu.actions import Stage
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.invariants import Invariants


def sites(count: int, fault: str = "", stage: Stage = Stage.PREP) -> InMemoryEngine:
    twin = InMemoryEngine(*(f"site-{n}" for n in range(1, count + 1)))
    Invariants(twin)
    for spoke in twin.spokes.values():
        if fault:
            spoke.faults[stage] = fault
    return twin
