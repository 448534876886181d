"""Runs in each of their states, and the decisions about them."""

from collections.abc import Callable

from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Decision, Kind, OnMember, RunState
from tests.core.engine.decide.events import UID, Event, done, hub_refuses, state
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu

Make = Callable[[], InMemoryEngine]


def intended() -> InMemoryEngine:
    """A member whose payload is not on the cluster yet."""
    engine = InMemoryEngine("site-1")
    engine.payload = PayloadState(digest="digest")
    engine.apply(ibgu("a", "Prep Upgrade"))
    engine.until(Kind.RUN_INTENDED)
    return engine


def arming() -> InMemoryEngine:
    """Nobody has seen the armed work, and no write is on its way."""
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep Upgrade"))
    engine.until(Kind.RUN_ARMING)
    engine.writes.clear()
    return engine


def armed() -> InMemoryEngine:
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep Upgrade"))
    engine.until(Kind.RUN_ARMING)
    engine.frozen.add("site-1")
    engine.settle()
    return engine


def accepted() -> InMemoryEngine:
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep Upgrade"))
    engine.wait(seconds=30)
    return engine


def failed() -> InMemoryEngine:
    """A member whose run has ended, and whose work is armed still."""
    engine = armed()
    for decision in engine.ask(UID, "site-1", **hub_refuses(engine)):
        engine.fleet.apply(decision)
    assert state(engine) is RunState.ENDED
    return engine


def succeeded() -> InMemoryEngine:
    """Done, with another action to follow; the work is armed still."""
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep Upgrade"))
    engine.until(Kind.RUN_ACCEPTED)
    engine.writes.clear()
    engine.frozen.add("site-1")
    for decision in engine.ask(UID, "site-1", stage=done(engine)):
        engine.fleet.apply(decision)
    assert state(engine) is RunState.ENDED
    return engine


STATES: dict[str, Make] = {
    make.__name__: make for make in (intended, arming, armed, accepted, failed, succeeded)
}


def result(make: Make, event: Event) -> list[Decision]:
    engine = make()
    seen = event(engine)
    return engine.ask(UID, "site-1", **seen)


def said(decisions: list[Decision]) -> str:
    """Each decision about the member in one word: its kind, or the reason or result it brings."""
    return ", ".join(_word(d) for d in decisions if isinstance(d, OnMember))


def _word(decision: OnMember) -> str:
    member = decision.member
    if decision.kind in (Kind.RUN_PROGRESS, Kind.WAITS, Kind.RETURNED):
        return str(member.reason.kind)
    if decision.kind is Kind.RUN_ENDED and member.run is not None:
        return f"ended {member.run.result}"
    if decision.kind is Kind.FINISHED:
        return f"finished {member.outcome}"
    return str(decision.kind)
