"""Finished members that are watched, each with the run that may still complete (R15)."""

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Kind, Outcome, RunResult
from tests.core.engine.decide.events import UID
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.spoke import told
from tests.core.engine.decide.states import Make


def timed_out() -> InMemoryEngine:
    """A member whose own failed label stands, and whose cluster is at it still."""
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    engine.apply(ibgu("a", "Prep", timeout=20))
    engine.wait(minutes=30)
    return _watched(engine, Outcome.FAILED, RunResult.LIMIT)


def failed() -> InMemoryEngine:
    """A member that has failed in the cluster's own words."""
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_ACCEPTED)
    engine.wait(seconds=5)
    engine.spokes["site-1"].conditions["PrepCompleted"] = told("False", "Failed", "Prep failed")
    engine.agents()
    engine.settle()
    return _watched(engine, Outcome.FAILED, RunResult.FAILED)


def preempted() -> InMemoryEngine:
    """A member that a cancelling IBGU has preempted; it gave no label."""
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    engine.apply(ibgu("a", "Prep", age=10))
    engine.wait(minutes=1)
    engine.frozen.add("site-1")
    engine.apply(ibgu("b", "Abort", timeout=20))
    engine.wait(minutes=2)
    return _watched(engine, Outcome.CANCELLED, RunResult.PREEMPTED)


def _watched(engine: InMemoryEngine, outcome: Outcome, result: RunResult) -> InMemoryEngine:
    member = engine.member(UID, 0, "site-1")
    assert member.run is not None
    assert (member.watched, member.outcome, member.run.result) == (True, outcome, result)
    return engine


def succeeded() -> InMemoryEngine:
    """Nothing can come true late: it is not watched."""
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    assert not engine.member(UID, 0, "site-1").watched
    return engine


WATCHED: dict[str, Make] = {make.__name__: make for make in (timed_out, failed, preempted)}

SAID = {
    "gone": "WatchEnded",
    "recreated": "WatchEnded",
    "rollout_deleted": "WatchEnded",
    "succeeds": "CompletedLate",
    # The work of a run that has ended is not armed any more: with the same words from the cluster.
    "shown_disarmed": "CompletedLate",
}
"""What follows from each event, whatever the run ended with. From all others nothing follows: what
has ended starts nothing, ends no second time, and is nobody's hand."""
