"""Rollouts that leave the straight path, each up to the moment from which it may be interrupted."""

from collections.abc import Callable
from datetime import timedelta

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Kind
from tests.core.engine.decide.arming import arming, return_, taken_but_unheard, vanish
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.storms import twin_of_plan


def _in(twin: InMemoryEngine, happen: Callable[[], object], **time: int) -> None:
    twin.events.append((twin.now + timedelta(**time), happen))


def cancelled() -> InMemoryEngine:
    """An Abort comes while Preps are under way and waiting."""
    twin = InMemoryEngine("site-1", "site-2")
    for spoke in twin.spokes.values():
        spoke.faults[Stage.PREP] = "slow"
    twin.apply(ibgu("older", "Prep", concurrency=1, age=10))
    twin.wait(seconds=30)
    twin.apply(ibgu("newer", "Abort", concurrency=1))
    return twin


def cancelled_before_its_payload() -> InMemoryEngine:
    """An Abort comes while a cluster does not take what its Prep needs."""
    twin = InMemoryEngine("site-1", "site-2")
    twin.payload = PayloadState(digest="digest")
    twin.bad_payload = "ConfigMap x: namespaces y not found"
    twin.apply(ibgu("older", "Prep", concurrency=1, age=10))
    twin.wait(seconds=10)
    twin.apply(ibgu("newer", "Abort", concurrency=1))
    return twin


def rolled_back_by_another() -> InMemoryEngine:
    """A Rollback preempts the one that is finalized, and cancels those that wait for it."""
    twin = twin_of_plan(("FinalizeUpgrade",), clusters=3, concurrency=1)
    twin.spokes["site-1"].faults[Stage.IDLE] = "slow"
    twin.wait(seconds=30)
    twin.apply(ibgu("newer", "Rollback FinalizeRollback", concurrency=2, age=-10))
    return twin


def rolled_back_as_it_starts() -> InMemoryEngine:
    twin = twin_of_plan(("FinalizeUpgrade",), clusters=2, concurrency=2)
    twin.until(Kind.RUN_INTENDED)
    twin.apply(ibgu("newer", "Rollback", concurrency=1, age=-10))
    return twin


def withdrawn() -> InMemoryEngine:
    """A cluster goes dark before it has taken its run, and is back ten minutes later."""
    twin, _ = arming("Prep", "site-1", "site-2")
    vanish(twin)
    _in(twin, lambda: return_(twin), minutes=10)
    return twin


def reopened() -> InMemoryEngine:
    """A member whose cluster has taken its run after all, and says so when another one has its
    slot."""
    twin, _ = arming("Prep", "site-1", "site-2")
    twin.spokes["site-1"].faults[Stage.PREP] = "slow"
    twin.spokes["site-2"].faults[Stage.PREP] = "slow"
    taken_but_unheard(twin)
    _in(twin, lambda: return_(twin), minutes=3)
    return twin


def _by_hand(hand: Callable[[InMemoryEngine], object]) -> Callable[[], InMemoryEngine]:
    def taken_over() -> InMemoryEngine:
        twin = InMemoryEngine("site-1", "site-2")
        twin.spokes["site-1"].faults[Stage.PREP] = "slow"
        twin.apply(ibgu("a", "Prep", "Upgrade", concurrency=1))
        twin.wait(seconds=30)
        _in(twin, lambda: hand(twin), seconds=30)
        return twin

    return taken_over


def _idle(twin: InMemoryEngine) -> None:
    assert twin.spokes["site-1"].ask(Stage.IDLE, "", ("", ""))


def _edit(twin: InMemoryEngine) -> None:
    twin.works["uid-a", "site-1"].edited = True
    twin.touch("uid-a", "site-1")


def _remove(twin: InMemoryEngine) -> None:
    del twin.works["uid-a", "site-1"]
    twin.touch("uid-a", "site-1")


def payload_refused() -> InMemoryEngine:
    twin = InMemoryEngine("site-1", "site-2")
    twin.payload = PayloadState(digest="digest")
    twin.bad_payload = "ConfigMap x: namespaces y not found"
    twin.apply(ibgu("a", "Prep", "AbortOnFailure", concurrency=1))
    return twin


def deleted() -> InMemoryEngine:
    """The IBGU goes while one cluster reboots, one prepares and one waits."""
    twin = InMemoryEngine("site-1", "site-2", "site-3")
    twin.spokes["site-2"].faults[Stage.PREP] = "slow"
    twin.apply(ibgu("a", "Prep Upgrade", concurrency=2))
    twin.wait(minutes=3)
    _in(twin, lambda: twin.delete("uid-a"), seconds=10)
    return twin


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


def path(name: str) -> InMemoryEngine:
    """That one, with its first turn still to come."""
    twin = PATHS[name]()
    twin.turns = 0
    return twin
