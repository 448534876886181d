"""Runs in each of their states, and the decisions about them."""

from collections.abc import Callable

from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Decision, Kind, OnMember, RunState
from tests.core.engine.decide.events import UID, Event, done, hub_refuses, state
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu

Make = Callable[[], InMemoryEngine]


def intended() -> InMemoryEngine:
    """A member whose payload is not on the cluster yet."""
    twin = InMemoryEngine("site-1")
    twin.payload = PayloadState(digest="digest")
    twin.apply(ibgu("a", "Prep Upgrade"))
    twin.until(Kind.RUN_INTENDED)
    return twin


def arming() -> InMemoryEngine:
    """Nobody has seen the armed work, and no write is on its way."""
    twin = InMemoryEngine("site-1")
    twin.apply(ibgu("a", "Prep Upgrade"))
    twin.until(Kind.RUN_ARMING)
    twin.writes.clear()
    return twin


def armed() -> InMemoryEngine:
    twin = InMemoryEngine("site-1")
    twin.apply(ibgu("a", "Prep Upgrade"))
    twin.until(Kind.RUN_ARMING)
    twin.frozen.add("site-1")
    twin.settle()
    return twin


def accepted() -> InMemoryEngine:
    twin = InMemoryEngine("site-1")
    twin.apply(ibgu("a", "Prep Upgrade"))
    twin.wait(seconds=30)
    return twin


def failed() -> InMemoryEngine:
    """A member whose run has ended, and whose work is armed still."""
    twin = armed()
    for decision in twin.ask(UID, "site-1", **hub_refuses(twin)):
        twin.fleet.apply(decision)
    assert state(twin) is RunState.ENDED
    return twin


def succeeded() -> InMemoryEngine:
    """Done, with another action to follow; the work is armed still."""
    twin = InMemoryEngine("site-1")
    twin.apply(ibgu("a", "Prep Upgrade"))
    twin.until(Kind.RUN_ACCEPTED)
    twin.writes.clear()
    twin.frozen.add("site-1")
    for decision in twin.ask(UID, "site-1", stage=done(twin)):
        twin.fleet.apply(decision)
    assert state(twin) is RunState.ENDED
    return twin


STATES: dict[str, Make] = {
    make.__name__: make for make in (intended, arming, armed, accepted, failed, succeeded)
}


def result(make: Make, event: Event) -> list[Decision]:
    twin = make()
    seen = event(twin)
    return twin.ask(UID, "site-1", **seen)


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
