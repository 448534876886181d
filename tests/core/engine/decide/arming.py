"""Runs at the moment of arming (R9)."""

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Kind, Run
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants


def arming(step: str = "Prep", *clusters: str) -> tuple[InMemoryEngine, str]:
    """Returns an engine that has just decided to arm the (first) cluster; the hub does not
    show it yet."""
    engine = InMemoryEngine(*(clusters or ("site-1",)))
    Invariants(engine)
    if step != "Prep":
        engine.spokes["site-1"].to("Prep")
    uid = engine.apply(ibgu("a", step, concurrency=1))
    engine.until(Kind.RUN_ARMING)
    return engine, uid


def run_of(engine: InMemoryEngine, uid: str) -> Run:
    run = engine.member(uid, 0, "site-1").run
    assert run is not None
    return run


def vanish(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")


def return_(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")


def taken_but_unheard(engine: InMemoryEngine) -> None:
    """The cluster takes the stage, and is gone before it can say so."""
    engine.muted.add("site-1")
    engine.deliver()
    vanish(engine)
    engine.wait(seconds=61)
    engine.muted.clear()
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    assert engine.spokes["site-1"].stage is Stage.PREP
