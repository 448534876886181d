"""Rollouts that leave the straight path, each up to the moment from which it may be interrupted."""

from collections.abc import Callable
from datetime import timedelta

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Kind
from tests.core.engine.decide.arming import arming, return_, taken_but_unheard, vanish
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.storms import twin_of_plan


def _in(engine: InMemoryEngine, happen: Callable[[], object], **time: int) -> None:
    engine.events.append((engine.now + timedelta(**time), happen))


def cancelled() -> InMemoryEngine:
    """An Abort comes while Preps are under way and waiting."""
    engine = InMemoryEngine("site-1", "site-2")
    for spoke in engine.spokes.values():
        spoke.faults[Stage.PREP] = "slow"
    engine.apply(ibgu("older", "Prep", concurrency=1, age=10))
    engine.wait(seconds=30)
    engine.apply(ibgu("newer", "Abort", concurrency=1))
    return engine


def cancelled_before_its_payload() -> InMemoryEngine:
    """An Abort comes while a cluster does not take what its Prep needs."""
    engine = InMemoryEngine("site-1", "site-2")
    engine.payload = PayloadState(digest="digest")
    engine.bad_payload = "ConfigMap x: namespaces y not found"
    engine.apply(ibgu("older", "Prep", concurrency=1, age=10))
    engine.wait(seconds=10)
    engine.apply(ibgu("newer", "Abort", concurrency=1))
    return engine


def rolled_back_by_another() -> InMemoryEngine:
    """A Rollback preempts the one that is finalized, and cancels those that wait for it."""
    engine = twin_of_plan(("FinalizeUpgrade",), clusters=3, concurrency=1)
    engine.spokes["site-1"].faults[Stage.IDLE] = "slow"
    engine.wait(seconds=30)
    engine.apply(ibgu("newer", "Rollback FinalizeRollback", concurrency=2, age=-10))
    return engine


def rolled_back_as_it_starts() -> InMemoryEngine:
    engine = twin_of_plan(("FinalizeUpgrade",), clusters=2, concurrency=2)
    engine.until(Kind.RUN_INTENDED)
    return _rolled_back(engine)


def rolled_back_before_it_starts() -> InMemoryEngine:
    return _rolled_back(twin_of_plan(("FinalizeUpgrade",), clusters=2, concurrency=2))


def _rolled_back(engine: InMemoryEngine) -> InMemoryEngine:
    engine.apply(ibgu("newer", "Rollback", concurrency=1, age=-10))
    return engine


def withdrawn() -> InMemoryEngine:
    """A cluster goes dark before it has taken its run, and is back ten minutes later."""
    engine, _ = arming("Prep", "site-1", "site-2")
    vanish(engine)
    _in(engine, lambda: return_(engine), minutes=10)
    return engine


def reopened() -> InMemoryEngine:
    """A member whose cluster has taken its run after all, and says so when another one has its
    slot."""
    engine, _ = arming("Prep", "site-1", "site-2")
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    engine.spokes["site-2"].faults[Stage.PREP] = "slow"
    taken_but_unheard(engine)
    _in(engine, lambda: return_(engine), minutes=3)
    return engine


def _by_hand(hand: Callable[[InMemoryEngine], object]) -> Callable[[], InMemoryEngine]:
    def taken_over() -> InMemoryEngine:
        engine = InMemoryEngine("site-1", "site-2")
        engine.spokes["site-1"].faults[Stage.PREP] = "slow"
        engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=1))
        engine.wait(seconds=30)
        _in(engine, lambda: hand(engine), seconds=30)
        return engine

    return taken_over


def _idle(engine: InMemoryEngine) -> None:
    assert engine.spokes["site-1"].ask(Stage.IDLE, "", ("", ""))


def _edit(engine: InMemoryEngine) -> None:
    engine.works["uid-a", "site-1"].edited = True
    engine.touch("uid-a", "site-1")


def _remove(engine: InMemoryEngine) -> None:
    del engine.works["uid-a", "site-1"]
    engine.touch("uid-a", "site-1")


def payload_refused() -> InMemoryEngine:
    engine = InMemoryEngine("site-1", "site-2")
    engine.payload = PayloadState(digest="digest")
    engine.bad_payload = "ConfigMap x: namespaces y not found"
    engine.apply(ibgu("a", "Prep", "AbortOnFailure", concurrency=1))
    return engine


def deleted() -> InMemoryEngine:
    """The IBGU goes while one cluster reboots, one prepares and one waits."""
    engine = InMemoryEngine("site-1", "site-2", "site-3")
    engine.spokes["site-2"].faults[Stage.PREP] = "slow"
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=2))
    engine.wait(minutes=3)
    _in(engine, lambda: engine.delete("uid-a"), seconds=10)
    return engine


PATHS = {
    "cancelled": cancelled,
    "cancelled before its payload": cancelled_before_its_payload,
    "rolled back by another": rolled_back_by_another,
    "rolled back as it starts": rolled_back_as_it_starts,
    "withdrawn": withdrawn,
    "reopened": reopened,
    "set back by hand": _by_hand(_idle),
    "work edited": _by_hand(_edit),
    "work removed": _by_hand(_remove),
    "payload refused": payload_refused,
    "deleted": deleted,
}


OR_ELSE = {"rolled back as it starts": rolled_back_before_it_starts}
"""The other way that a path may take: what a dead controller has not sent is not sent after the
Rollback has begun."""


def path(name: str) -> InMemoryEngine:
    """That one, with its first turn still to come."""
    engine = PATHS[name]()
    engine.turns = 0
    return engine
