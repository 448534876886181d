"""Runs at the moment of arming (R9)."""

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Kind, Run
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants


def arming(step: str = "Prep", *clusters: str) -> tuple[InMemoryEngine, str]:
    """Returns a twin whose engine has just decided to arm the (first) cluster; the hub does not
    show it yet."""
    twin = InMemoryEngine(*(clusters or ("site-1",)))
    Invariants(twin)
    if step != "Prep":
        twin.spokes["site-1"].to("Prep")
    uid = twin.apply(ibgu("a", step, concurrency=1))
    twin.until(Kind.RUN_ARMING)
    return twin, uid


def run_of(twin: InMemoryEngine, uid: str) -> Run:
    run = twin.member(uid, 0, "site-1").run
    assert run is not None
    return run


def vanish(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].dark = True
    twin.touch_cluster("site-1")


def return_(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].dark = False
    twin.touch_cluster("site-1")


def taken_but_unheard(twin: InMemoryEngine) -> None:
    """The cluster takes the stage, and is gone before it can say so."""
    twin.muted.add("site-1")
    twin.deliver()
    vanish(twin)
    twin.wait(seconds=61)
    twin.muted.clear()
    twin.spokes["site-1"].faults[Stage.PREP] = "hang"
    assert twin.spokes["site-1"].stage is Stage.PREP
