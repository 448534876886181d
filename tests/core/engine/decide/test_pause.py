"""A person's pause: nothing new starts while the annotation is there, whatever else holds."""

from datetime import timedelta

from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import IBU_ACTIONS
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Kind, OnRollout, Outcome, ReasonKind, RolloutState, names
from ibgu.core.model.kinds import ManagedFields
from ibgu.core.views.change import ChangeTarget, RolloutSituation, resume
from ibgu.core.views.status import phase_of
from tests.core.engine.decide.fleet import TALM_RUNS, InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import sites
from tests.core.engine.decide.test_r19_circuit_breaker import failed, stopped
from tests.core.engine.decide.test_r19_circuit_breaker import fleet as braking_fleet


def release(engine: InMemoryEngine, uid: str) -> None:
    obj = engine.ibgus[uid]
    marks = {k: v for k, v in obj.metadata.annotations.items() if k != "ibgu.dev/pause"}
    engine.apply(replace(obj, metadata=replace(obj.metadata, annotations=marks)))


def test_a_pause_stops_new_starts_and_not_runs_in_flight() -> None:
    engine = sites(3)
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    engine.wait(seconds=20)
    engine.annotate(uid, pause="alice: the mirror is down")
    engine.wait(hours=5)
    step = engine.tracked(uid).steps[0]
    assert step.counts[Outcome.SUCCEEDED] == 1
    assert step.unfinished == 2
    assert step.step.stopped_since is not None
    hold = engine.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.PAUSED
    assert "(alice: the mirror is down)" in hold.message
    assert engine.member(uid, 0, "site-2").reason.kind is ReasonKind.PAUSED
    release(engine, uid)
    engine.wait(hours=1)
    assert engine.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == 3
    assert engine.tracked(uid).steps[0].step.stopped > timedelta(hours=4)
    said = [*engine.decisions(Kind.ROLLOUT_HELD), *engine.decisions(Kind.ROLLOUT_RELEASED)]
    assert [each.actor for each in said if isinstance(each, OnRollout)] == ["via the hub"] * 2


def changed_by(engine: InMemoryEngine, uid: str, manager: str, at: int) -> None:
    """Records who changed the object, as the API server notes it; the older ones stay."""
    obj = engine.ibgus[uid]
    by = ManagedFields(manager=manager, operation="Update", time=f"2026-11-23T09:00:{at:02}Z")
    fields = [*obj.metadata.managed_fields, by]
    engine.apply(replace(obj, metadata=replace(obj.metadata, managed_fields=fields)))


def resumers(engine: InMemoryEngine) -> list[str]:
    released = engine.decisions(Kind.ROLLOUT_RELEASED)
    return [each.actor for each in released if isinstance(each, OnRollout)]


def test_a_resume_names_its_own_actor_among_earlier_writers() -> None:
    engine = sites(9)
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    engine.wait(seconds=20)
    changed_by(engine, uid, "kubectl-patch", 1)
    changed_by(engine, uid, "ibgu-cli:olga", 2)
    engine.annotate(uid, pause="olga: a; b")
    engine.wait(seconds=20)
    changed_by(engine, uid, "ibgu-page:olga", 3)
    changed_by(engine, uid, "kubectl-label", 4)
    press_resume(engine, uid)
    engine.wait(seconds=20)
    assert resumers(engine) == ["via the hub (ibgu-page:olga)"]
    assert engine.told(Kind.ROLLOUT_RELEASED) == ["the pause (olga: a; b) has ended"]


def test_a_pause_that_is_removed_by_hand_blames_nobody() -> None:
    """Neither the last writer, nor who has ended an earlier pause, nor whom anybody names."""
    engine = sites(9)
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    engine.wait(seconds=20)
    engine.annotate(uid, pause="")
    engine.wait(seconds=20)
    changed_by(engine, uid, "ibgu-cli:olga", 2)
    press_resume(engine, uid)
    engine.wait(seconds=20)
    engine.annotate(uid, pause="")
    changed_by(engine, uid, "kubectl-annotate", 3)
    engine.wait(seconds=20)
    release(engine, uid)
    engine.wait(seconds=20)
    engine.annotate(uid, pause="")
    engine.wait(seconds=20)
    engine.annotate(uid, **{"resumed-by": "zoe 2026"})
    release(engine, uid)
    engine.wait(seconds=20)
    assert resumers(engine) == ["via the hub (ibgu-cli:olga)", "via the hub", "via the hub"]
    assert engine.told(Kind.ROLLOUT_RELEASED)[-1] == "the pause has ended"


def test_a_paused_rollout_opens_no_step() -> None:
    engine = sites(1)
    uid = engine.apply(ibgu("a", "Prep"))
    engine.annotate(uid, pause="")
    engine.wait(hours=1)
    assert engine.tracked(uid).rollout.state is RolloutState.PENDING
    hold = engine.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.message.startswith("paused by a person; it goes on")
    release(engine, uid)
    engine.wait(hours=1)
    assert engine.tracked(uid).rollout.state is RolloutState.COMPLETE


def test_a_hold_of_the_step_outlasts_a_pause() -> None:
    engine = sites(2)
    engine.payload = PayloadState(digest="one")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=20)
    engine.payload = PayloadState(digest="two")
    engine.wait(minutes=5)
    engine.annotate(uid, pause="x")
    engine.wait(minutes=5)
    release(engine, uid)
    engine.wait(minutes=5)
    hold = engine.tracked(uid).steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.PAYLOAD_CHANGED
    assert engine.told(Kind.STEP_RELEASED) == []


def test_a_complete_rollout_is_not_held_by_a_pause_until_its_plan_grows() -> None:
    engine = sites(1)
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    engine.annotate(uid, pause="alice")
    engine.wait(hours=1)
    tracked = engine.tracked(uid)
    assert phase_of(tracked.rollout, tracked.newest, tracked.counts) == "Completed"
    assert engine.decisions(Kind.ROLLOUT_HELD) == []
    engine.append(uid, "Upgrade")
    engine.wait(hours=1)
    tracked = engine.tracked(uid)
    assert phase_of(tracked.rollout, tracked.newest, tracked.counts) == "Held"
    assert len(tracked.steps) == 1


def test_a_pause_ends_with_the_last_step() -> None:
    """A rollout that is complete would otherwise be shown as held by a person."""
    engine = sites(1)
    uid = engine.apply(ibgu("a", "Prep", timeout=600))
    engine.wait(seconds=20)
    engine.annotate(uid, pause="alice")
    engine.wait(hours=1)
    tracked = engine.tracked(uid)
    assert (phase_of(tracked.rollout, tracked.newest, tracked.counts), tracked.rollout.hold) == (
        "Completed",
        None,
    )
    assert "nothing is left that the pause" in engine.told(Kind.ROLLOUT_RELEASED)[0]


def press_resume(engine: InMemoryEngine, uid: str) -> None:
    """Resumes as REST and `ibgu resume` do it."""
    obj, tracked = engine.ibgus[uid], engine.tracked(uid)
    metadata = {
        "name": obj.metadata.name,
        "namespace": obj.metadata.namespace,
        "uid": uid,
        "annotations": dict(obj.metadata.annotations),
    }
    held = RolloutSituation(tracked.rollout, IBU_ACTIONS, tracked.steps[-1].step, 0, 0)
    change = resume(
        ChangeTarget({"kind": names.IBGU, "metadata": metadata}, "olga", engine.now, IBU_ACTIONS),
        held,
    )
    if isinstance(change.patch, dict):
        marks = metadata["annotations"] | change.patch["metadata"]["annotations"]
        kept = {key: value for key, value in marks.items() if value is not None}
        engine.apply(replace(obj, metadata=replace(obj.metadata, annotations=kept)))


def test_a_resume_ends_the_pause_and_the_next_one_the_breaker() -> None:
    engine, uid = braking_fleet(range(1, 13))
    engine.wait(hours=5)
    assert stopped(engine, uid)
    engine.annotate(uid, pause="alice: a look at it first")
    engine.wait(minutes=5)
    press_resume(engine, uid)
    press_resume(engine, uid)
    engine.wait(hours=5)
    assert engine.tracked(uid).rollout.hold is None
    assert stopped(engine, uid)
    assert failed(engine, uid) == 5
    press_resume(engine, uid)
    engine.wait(hours=5)
    assert failed(engine, uid) == 10


def test_talm_counts_before_a_pause_and_the_pause_after_it() -> None:
    engine = sites(1)
    engine.facts = replace(engine.facts, talm_hold=TALM_RUNS)
    uid = engine.apply(ibgu("a", "Prep"))
    engine.annotate(uid, pause="x")
    engine.wait(minutes=5)
    held = engine.tracked(uid).rollout.hold
    engine.facts = replace(engine.facts, talm_hold="")
    engine.touch_everything()
    engine.wait(minutes=5)
    still = engine.tracked(uid).rollout.hold
    assert held is not None
    assert still is not None
    assert (held.kind, still.kind) == (ReasonKind.TALM, ReasonKind.PAUSED)
