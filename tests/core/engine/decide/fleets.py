"""Fleets of clusters named site-1, site-2, ..."""

from ibgu.core.drivers.ibu.actions import Stage
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.invariants import Invariants


def sites(count: int, fault: str = "", stage: Stage = Stage.PREP) -> InMemoryEngine:
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, count + 1)))
    Invariants(engine)
    for spoke in engine.spokes.values():
        if fault:
            spoke.faults[stage] = fault
    return engine


def prepared(count: int) -> InMemoryEngine:
    """Returns a fleet after its Prep, with its labels and those of the clusters' names."""
    engine = sites(count)
    for name, spoke in engine.spokes.items():
        spoke.to(Stage.PREP)
        engine.labels[name] = {"lcm.openshift.io/ibgu-prep-completed": "", "name": name}
    return engine
