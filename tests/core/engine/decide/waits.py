"""Members that wait, for each possible reason, and the decisions about them (R17)."""

from typing import Any

from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import OnMember
from tests.core.engine.decide import states
from tests.core.engine.decide.drafts import drafted
from tests.core.engine.decide.events import EVENTS, UID, Event
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.scenes import WAITS, Scene
from tests.core.engine.decide.spoke import Spoke, told

NAME = "site-1"


def _answer(engine: InMemoryEngine, spoke: Spoke) -> dict[str, Any]:
    """The cluster is as `spoke`, and says so when it is probed."""
    work = engine.works[UID, NAME]
    seen = replace(
        work.view(),
        applied=True,
        apply_error="",
        target_applied=True,
        target_available="True",
        feedback=spoke.view(work.wanted),
    )
    return {"stage": seen}


def _cluster(engine: InMemoryEngine) -> Spoke:
    return Spoke(NAME, engine.now)


def answers_that_it_may_start(engine: InMemoryEngine) -> dict[str, Any]:
    return _answer(engine, _cluster(engine))


def answers_that_all_is_done(engine: InMemoryEngine) -> dict[str, Any]:
    spoke = _cluster(engine)
    spoke.to(Stage.PREP)
    return _answer(engine, spoke)


def answers_with_another_seed(engine: InMemoryEngine) -> dict[str, Any]:
    spoke = _cluster(engine)
    spoke.to(Stage.PREP, ("quay.io/seed:4.19", "4.19.0"))
    return _answer(engine, spoke)


def answers_that_it_is_busy(engine: InMemoryEngine) -> dict[str, Any]:
    spoke = _cluster(engine)
    spoke.conditions["Idle"] = told("False", "Aborting", "cleaning up")
    return _answer(engine, spoke)


def ibgu_is_deleted(engine: InMemoryEngine) -> dict[str, Any]:
    engine.delete(UID)
    return {}


def skipped(engine: InMemoryEngine) -> dict[str, Any]:
    engine.annotate(UID, skip=NAME)
    return {}


OF_WORKS: tuple[Event, ...] = (
    EVENTS["work_gone"],
    EVENTS["work_terminating"],
    EVENTS["work_edited"],
    EVENTS["no_ibu"],
    answers_that_it_may_start,
    answers_that_all_is_done,
    answers_with_another_seed,
    answers_that_it_is_busy,
)
"""They need a stage work on the hub."""
OF_CLUSTERS: tuple[Event, ...] = tuple(
    EVENTS[name] for name in ("unreachable", "recreated", "leaving")
)
"""They need a ManagedCluster that ibgu can read."""
ALWAYS: tuple[Event, ...] = (
    *(EVENTS[name] for name in ("nothing", "gone", "hub_refuses", "writing", "talm", "restart")),
    skipped,
    ibgu_is_deleted,
)
HAPPENINGS: dict[str, Event] = {
    event.__name__: event for event in (*ALWAYS, *OF_CLUSTERS, *OF_WORKS)
}
PLACES: dict[str, Scene] = {scene.__name__.lstrip("_"): scene for scene in WAITS}


def waiting(name: str) -> InMemoryEngine:
    engine = InMemoryEngine(NAME)
    PLACES[name](engine)
    engine.settle()
    return engine


def possible(name: str) -> set[str]:
    """Returns what can happen to a member that waits so."""
    engine, events = waiting(name), {*ALWAYS}
    if engine.cluster(NAME) is not None:
        events.update(OF_CLUSTERS)
    if (UID, NAME) in engine.works:
        events.update(OF_WORKS)
    return {event.__name__ for event in events}


def said(name: str, event: str) -> str:
    """About that member, when the hub shows its cluster so."""
    engine = waiting(name)
    changes = HAPPENINGS[event](engine)
    snapshot = engine.snapshot(engine.tracked(UID))
    shown = {NAME: replace(engine.observe(UID, NAME), **changes)}
    differently = replace(
        snapshot, observe=lambda each: shown.get(each) or engine.observe(UID, each)
    )
    decisions = drafted(differently, [NAME], engine.now).decisions
    about = [d for d in decisions if isinstance(d, OnMember) and d.member.cluster == NAME]
    return states.said(list(about))
