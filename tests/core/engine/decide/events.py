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


def state(twin: InMemoryEngine) -> RunState:
    run = twin.member(UID, 0, "site-1").run
    assert run is not None
    return run.state


def _cluster(twin: InMemoryEngine) -> ClusterView:
    found = twin.cluster("site-1")
    assert found is not None
    return found


def _work(twin: InMemoryEngine, **changes: Any) -> WorkView:
    return replace(twin.works[UID, "site-1"].view(), **changes)


def _ibu(twin: InMemoryEngine, **changes: Any) -> IbuView:
    ibu = ibu_of(twin.works[UID, "site-1"].view())
    assert ibu is not None
    return replace(ibu, **changes)


def _speaking(twin: InMemoryEngine, **ibu: Any) -> WorkView:
    """The cluster has taken the run, and tells about it."""
    run = twin.member(UID, 0, "site-1").run
    assert run is not None
    told = _ibu(twin, run=run.id, stage=Stage.PREP, generation=2, observed_generation=2, **ibu)
    return _work(twin, applied=True, target_applied=True, target_available="True", feedback=told)


def done(twin: InMemoryEngine) -> WorkView:
    ended = IbuCondition("True", "Completed", "Prep completed")
    return _speaking(
        twin,
        idle=IbuCondition("False", "InProgress"),
        prep_completed=ended,
        next_stages=frozenset({Stage.IDLE, Stage.UPGRADE}),
        seed_image="quay.io/seed:4.18",
        seed_version="4.18.1",
    )


def nothing(twin: InMemoryEngine) -> dict[str, Any]:
    return {}


def unreachable(twin: InMemoryEngine) -> dict[str, Any]:
    return {"cluster": replace(_cluster(twin), reachable=False)}


def unreachable_for_a_minute(twin: InMemoryEngine) -> dict[str, Any]:
    twin.now += SETTLE / 2
    return unreachable(twin)


def gone(twin: InMemoryEngine) -> dict[str, Any]:
    return {"cluster": None}


def recreated(twin: InMemoryEngine) -> dict[str, Any]:
    return {"cluster": replace(_cluster(twin), uid="another")}


def leaving(twin: InMemoryEngine) -> dict[str, Any]:
    return {"cluster": replace(_cluster(twin), deleting=True)}


def work_gone(twin: InMemoryEngine) -> dict[str, Any]:
    return {"stage": None}


def work_terminating(twin: InMemoryEngine) -> dict[str, Any]:
    return {"stage": _work(twin, terminating=True)}


def work_edited(twin: InMemoryEngine) -> dict[str, Any]:
    return {"stage": _work(twin, edited=True)}


def hub_refuses(twin: InMemoryEngine) -> dict[str, Any]:
    return {"refusal": "denied"}


def writing(twin: InMemoryEngine) -> dict[str, Any]:
    return {"writing": True}


def shown_armed(twin: InMemoryEngine) -> dict[str, Any]:
    run = twin.member(UID, 0, "site-1").run
    assert run is not None
    return {"stage": _work(twin, armed=True, run=run.id)}


def shown_disarmed(twin: InMemoryEngine) -> dict[str, Any]:
    if state(twin) is RunState.ENDED:
        return {"stage": replace(done(twin), armed=False)}
    return {"stage": _work(twin, armed=False)}


def taken(twin: InMemoryEngine) -> dict[str, Any]:
    running = IbuCondition("True", "InProgress", "pulling")
    return {"stage": _speaking(twin, prep_in_progress=running)}


def succeeds(twin: InMemoryEngine) -> dict[str, Any]:
    return {"stage": done(twin)}


def fails(twin: InMemoryEngine) -> dict[str, Any]:
    over = IbuCondition("False", "Failed", "Prep failed")
    return {"stage": _speaking(twin, prep_completed=over, next_stages=frozenset({Stage.IDLE}))}


def cannot_apply(twin: InMemoryEngine) -> dict[str, Any]:
    return {"stage": _work(twin, applied=False, apply_error="forbidden")}


def refuses(twin: InMemoryEngine) -> dict[str, Any]:
    ibu = _ibu(twin, next_stages=frozenset())
    return {"stage": _work(twin, applied=False, apply_error=REFUSED, feedback=ibu)}


def refuses_for_two_minutes(twin: InMemoryEngine) -> dict[str, Any]:
    for decision in twin.ask(UID, "site-1", **refuses(twin)):
        twin.fleet.apply(decision)
    twin.now += SETTLE
    return refuses(twin)


def other_stage(twin: InMemoryEngine) -> dict[str, Any]:
    return {"stage": replace(_speaking(twin), feedback=replace(_speaking_ibu(twin), stage="Idle"))}


def other_stage_for_two_minutes(twin: InMemoryEngine) -> dict[str, Any]:
    for decision in twin.ask(UID, "site-1", **other_stage(twin)):
        twin.fleet.apply(decision)
    twin.now += SETTLE
    return other_stage(twin)


def _speaking_ibu(twin: InMemoryEngine) -> IbuView:
    ibu = ibu_of(_speaking(twin))
    assert ibu is not None
    return ibu


def no_ibu(twin: InMemoryEngine) -> dict[str, Any]:
    return {"stage": _work(twin, target_available="False")}


def payload_arrives(twin: InMemoryEngine) -> dict[str, Any]:
    twin.loads[UID, "site-1"] = WorkView(
        name="p", uid="p", resource_version="1", generation=1, digest="digest", applied=True
    )
    return {"payload": twin.loads[UID, "site-1"]}


def preempted(twin: InMemoryEngine) -> dict[str, Any]:
    twin.fleet.preempts["uid-site-1"] = "fleet/other"
    return {}


def rollout_deleted(twin: InMemoryEngine) -> dict[str, Any]:
    tracked = twin.tracked(UID)
    tracked.rollout = replace(tracked.rollout, state=RolloutState.DELETED, deleted_at=twin.now)
    return {}


def talm(twin: InMemoryEngine) -> dict[str, Any]:
    twin.facts = replace(twin.facts, talm_hold=TALM_RUNS)
    return {}


def restart(twin: InMemoryEngine) -> dict[str, Any]:
    twin.now += SETTLE
    twin.restart()
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
