"""Every observation about a run, whatever its state."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.observe.ibu_view import IbuCondition, IbuView, ibu_of
from ibgu.core.engine.timing.times import SETTLE
from ibgu.core.model import ClusterView, RolloutState, RunState, WorkView
from tests.core.engine.decide.fleet import TALM_RUNS, InMemoryEngine
from tests.core.engine.decide.spoke import REFUSED

UID = "uid-a"
Event = Callable[[InMemoryEngine], dict[str, Any]]


def state(engine: InMemoryEngine) -> RunState:
    run = engine.member(UID, 0, "site-1").run
    assert run is not None
    return run.state


def _cluster(engine: InMemoryEngine) -> ClusterView:
    found = engine.cluster("site-1")
    assert found is not None
    return found


def _work(engine: InMemoryEngine, **changes: Any) -> WorkView:
    return replace(engine.works[UID, "site-1"].view(), **changes)


def _ibu(engine: InMemoryEngine, **changes: Any) -> IbuView:
    ibu = ibu_of(engine.works[UID, "site-1"].view())
    assert ibu is not None
    return replace(ibu, **changes)


def _speaking(engine: InMemoryEngine, **ibu: Any) -> WorkView:
    """The cluster has taken the run, and tells about it."""
    run = engine.member(UID, 0, "site-1").run
    assert run is not None
    told = _ibu(engine, run=run.id, stage=Stage.PREP, generation=2, observed_generation=2, **ibu)
    return _work(engine, applied=True, target_applied=True, target_available="True", feedback=told)


def done(engine: InMemoryEngine) -> WorkView:
    ended = IbuCondition("True", "Completed", "Prep completed")
    return _speaking(
        engine,
        idle=IbuCondition("False", "InProgress"),
        prep_completed=ended,
        next_stages=frozenset({Stage.IDLE, Stage.UPGRADE}),
        seed_image="quay.io/seed:4.18",
        seed_version="4.18.1",
    )


def nothing(engine: InMemoryEngine) -> dict[str, Any]:
    return {}


def unreachable(engine: InMemoryEngine) -> dict[str, Any]:
    return {"cluster": replace(_cluster(engine), reachable=False)}


def unreachable_for_a_minute(engine: InMemoryEngine) -> dict[str, Any]:
    engine.now += SETTLE / 2
    return unreachable(engine)


def gone(engine: InMemoryEngine) -> dict[str, Any]:
    return {"cluster": None}


def recreated(engine: InMemoryEngine) -> dict[str, Any]:
    return {"cluster": replace(_cluster(engine), uid="another")}


def leaving(engine: InMemoryEngine) -> dict[str, Any]:
    return {"cluster": replace(_cluster(engine), deleting=True)}


def work_gone(engine: InMemoryEngine) -> dict[str, Any]:
    return {"stage": None}


def work_gone_by_name(engine: InMemoryEngine) -> dict[str, Any]:
    """The hub was asked for the run's work, and has none."""
    run = engine.member(UID, 0, "site-1").run
    return {"stage": None, "stage_gone": run.id if run else ""}


def work_terminating(engine: InMemoryEngine) -> dict[str, Any]:
    return {"stage": _work(engine, terminating=True)}


def work_edited(engine: InMemoryEngine) -> dict[str, Any]:
    return {"stage": _work(engine, edited=True)}


def hub_refuses(engine: InMemoryEngine) -> dict[str, Any]:
    return {"refusal": "denied"}


def writing(engine: InMemoryEngine) -> dict[str, Any]:
    return {"writing": True}


def shown_armed(engine: InMemoryEngine) -> dict[str, Any]:
    run = engine.member(UID, 0, "site-1").run
    assert run is not None
    return {"stage": _work(engine, armed=True, run=run.id)}


def shown_disarmed(engine: InMemoryEngine) -> dict[str, Any]:
    if state(engine) is RunState.ENDED:
        return {"stage": replace(done(engine), armed=False)}
    return {"stage": _work(engine, armed=False)}


def taken(engine: InMemoryEngine) -> dict[str, Any]:
    running = IbuCondition("True", "InProgress", "pulling")
    return {"stage": _speaking(engine, prep_in_progress=running)}


def succeeds(engine: InMemoryEngine) -> dict[str, Any]:
    return {"stage": done(engine)}


def fails(engine: InMemoryEngine) -> dict[str, Any]:
    over = IbuCondition("False", "Failed", "Prep failed")
    return {"stage": _speaking(engine, prep_completed=over, next_stages=frozenset({Stage.IDLE}))}


def cannot_apply(engine: InMemoryEngine) -> dict[str, Any]:
    return {"stage": _work(engine, applied=False, apply_error="forbidden")}


def refuses(engine: InMemoryEngine) -> dict[str, Any]:
    ibu = _ibu(engine, next_stages=frozenset())
    return {"stage": _work(engine, applied=False, apply_error=REFUSED, feedback=ibu)}


def refuses_for_two_minutes(engine: InMemoryEngine) -> dict[str, Any]:
    for decision in engine.ask(UID, "site-1", **refuses(engine)):
        engine.fleet.apply(decision)
    engine.now += SETTLE
    return refuses(engine)


def other_stage(engine: InMemoryEngine) -> dict[str, Any]:
    return {
        "stage": replace(_speaking(engine), feedback=replace(_speaking_ibu(engine), stage="Idle"))
    }


def other_stage_for_two_minutes(engine: InMemoryEngine) -> dict[str, Any]:
    for decision in engine.ask(UID, "site-1", **other_stage(engine)):
        engine.fleet.apply(decision)
    engine.now += SETTLE
    return other_stage(engine)


def _speaking_ibu(engine: InMemoryEngine) -> IbuView:
    ibu = ibu_of(_speaking(engine))
    assert ibu is not None
    return ibu


def no_ibu(engine: InMemoryEngine) -> dict[str, Any]:
    return {"stage": _work(engine, target_available="False")}


def payload_arrives(engine: InMemoryEngine) -> dict[str, Any]:
    engine.loads[UID, "site-1"] = WorkView(
        name="p", uid="p", resource_version="1", generation=1, digest="digest", applied=True
    )
    return {"payload": engine.loads[UID, "site-1"]}


def preempted(engine: InMemoryEngine) -> dict[str, Any]:
    engine.fleet.preempts["uid-site-1"] = "fleet/other"
    return {}


def rollout_deleted(engine: InMemoryEngine) -> dict[str, Any]:
    tracked = engine.tracked(UID)
    tracked.rollout = replace(tracked.rollout, state=RolloutState.DELETED, deleted_at=engine.now)
    return {}


def talm(engine: InMemoryEngine) -> dict[str, Any]:
    engine.facts = replace(engine.facts, talm_hold=TALM_RUNS)
    return {}


def restart(engine: InMemoryEngine) -> dict[str, Any]:
    engine.now += SETTLE
    engine.restart()
    return {}


EVENTS: dict[str, Event] = {
    event.__name__: event
    for event in (
        nothing,
        unreachable,
        unreachable_for_a_minute,
        gone,
        recreated,
        leaving,
        work_gone,
        work_gone_by_name,
        work_terminating,
        work_edited,
        hub_refuses,
        writing,
        shown_armed,
        shown_disarmed,
        taken,
        succeeds,
        fails,
        cannot_apply,
        refuses,
        refuses_for_two_minutes,
        other_stage,
        other_stage_for_two_minutes,
        no_ibu,
        payload_arrives,
        preempted,
        rollout_deleted,
        talm,
        restart,
    )
}
