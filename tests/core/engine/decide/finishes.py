"""Finished members that are watched, each with the run that may still complete (R15)."""

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Kind, Outcome, RunResult
from tests.core.engine.decide.events import UID
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.spoke import told
from tests.core.engine.decide.states import Make


def timed_out() -> InMemoryEngine:
    """A member whose own failed label stands, and whose cluster is at it still."""
    twin = InMemoryEngine("site-1")
    twin.spokes["site-1"].faults[Stage.PREP] = "hang"
    twin.apply(ibgu("a", "Prep", timeout=20))
    twin.wait(minutes=30)
    return _watched(twin, Outcome.FAILED, RunResult.LIMIT)


def failed() -> InMemoryEngine:
    """A member that has failed in the cluster's own words."""
    twin = InMemoryEngine("site-1")
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_ACCEPTED)
    twin.wait(seconds=5)
    twin.spokes["site-1"].conditions["PrepCompleted"] = told("False", "Failed", "Prep failed")
    twin.agents()
    twin.settle()
    return _watched(twin, Outcome.FAILED, RunResult.FAILED)


def preempted() -> InMemoryEngine:
    """A member that a cancelling IBGU has preempted; it gave no label."""
    twin = InMemoryEngine("site-1")
    twin.spokes["site-1"].faults[Stage.PREP] = "hang"
    twin.apply(ibgu("a", "Prep", age=10))
    twin.wait(minutes=1)
    twin.frozen.add("site-1")
    twin.apply(ibgu("b", "Abort", timeout=20))
    twin.wait(minutes=2)
    return _watched(twin, Outcome.CANCELLED, RunResult.PREEMPTED)


def _watched(twin: InMemoryEngine, outcome: Outcome, result: RunResult) -> InMemoryEngine:
    member = twin.member(UID, 0, "site-1")
    assert member.run is not None
    assert (member.watched, member.outcome, member.run.result) == (True, outcome, result)
    return twin


def succeeded() -> InMemoryEngine:
    """Nothing can come true late: it is not watched."""
    twin = InMemoryEngine("site-1")
    twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=1)
    assert not twin.member(UID, 0, "site-1").watched
    return twin


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
