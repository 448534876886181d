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


def release(twin: InMemoryEngine, uid: str) -> None:
    obj = twin.ibgus[uid]
    marks = {k: v for k, v in obj.metadata.annotations.items() if k != "ibgu.dev/pause"}
    twin.apply(replace(obj, metadata=replace(obj.metadata, annotations=marks)))


def test_a_pause_stops_new_starts_and_not_runs_in_flight() -> None:
    twin = sites(3)
    uid = twin.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    twin.wait(seconds=20)
    twin.annotate(uid, pause="alice: the mirror is down")
    twin.wait(hours=5)
    step = twin.tracked(uid).steps[0]
    assert step.counts[Outcome.SUCCEEDED] == 1
    assert step.unfinished == 2
    assert step.step.stopped_since is not None
    hold = twin.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.PAUSED
    assert "(alice: the mirror is down)" in hold.message
    assert twin.member(uid, 0, "site-2").reason.kind is ReasonKind.PAUSED
    release(twin, uid)
    twin.wait(hours=1)
    assert twin.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == 3
    assert twin.tracked(uid).steps[0].step.stopped > timedelta(hours=4)
    said = [*twin.decisions(Kind.ROLLOUT_HELD), *twin.decisions(Kind.ROLLOUT_RELEASED)]
    assert [each.actor for each in said if isinstance(each, OnRollout)] == ["via the hub"] * 2


def changed_by(twin: InMemoryEngine, uid: str, manager: str, at: int) -> None:
    """Records who changed the object, as the API server notes it; the older ones stay."""
    obj = twin.ibgus[uid]
    by = ManagedFields(manager=manager, operation="Update", time=f"2026-11-23T09:00:{at:02}Z")
    fields = [*obj.metadata.managed_fields, by]
    twin.apply(replace(obj, metadata=replace(obj.metadata, managed_fields=fields)))


def resumers(twin: InMemoryEngine) -> list[str]:
    released = twin.decisions(Kind.ROLLOUT_RELEASED)
    return [each.actor for each in released if isinstance(each, OnRollout)]


def test_a_resume_names_its_own_actor_among_earlier_writers() -> None:
    twin = sites(9)
    uid = twin.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    twin.wait(seconds=20)
    changed_by(twin, uid, "kubectl-patch", 1)
    changed_by(twin, uid, "ibgu-cli:olga", 2)
    twin.annotate(uid, pause="olga: a; b")
    twin.wait(seconds=20)
    changed_by(twin, uid, "ibgu-page:olga", 3)
    changed_by(twin, uid, "kubectl-label", 4)
    press_resume(twin, uid)
    twin.wait(seconds=20)
    assert resumers(twin) == ["via the hub (ibgu-page:olga)"]
    assert twin.told(Kind.ROLLOUT_RELEASED) == ["the pause (olga: a; b) has ended"]


def test_a_pause_that_is_removed_by_hand_blames_nobody() -> None:
    """Neither the last writer, nor who has ended an earlier pause, nor whom anybody names."""
    twin = sites(9)
    uid = twin.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    twin.wait(seconds=20)
    twin.annotate(uid, pause="")
    twin.wait(seconds=20)
    changed_by(twin, uid, "ibgu-cli:olga", 2)
    press_resume(twin, uid)
    twin.wait(seconds=20)
    twin.annotate(uid, pause="")
    changed_by(twin, uid, "kubectl-annotate", 3)
    twin.wait(seconds=20)
    release(twin, uid)
    twin.wait(seconds=20)
    twin.annotate(uid, pause="")
    twin.wait(seconds=20)
    twin.annotate(uid, **{"resumed-by": "zoe 2026"})
    release(twin, uid)
    twin.wait(seconds=20)
    assert resumers(twin) == ["via the hub (ibgu-cli:olga)", "via the hub", "via the hub"]
    assert twin.told(Kind.ROLLOUT_RELEASED)[-1] == "the pause has ended"


def test_a_paused_rollout_opens_no_step() -> None:
    twin = sites(1)
    uid = twin.apply(ibgu("a", "Prep"))
    twin.annotate(uid, pause="")
    twin.wait(hours=1)
    assert twin.tracked(uid).rollout.state is RolloutState.PENDING
    hold = twin.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.message.startswith("paused by a person; it goes on")
    release(twin, uid)
    twin.wait(hours=1)
    assert twin.tracked(uid).rollout.state is RolloutState.COMPLETE


def test_a_hold_of_the_step_outlasts_a_pause() -> None:
    twin = sites(2)
    twin.payload = PayloadState(digest="one")
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(seconds=20)
    twin.payload = PayloadState(digest="two")
    twin.wait(minutes=5)
    twin.annotate(uid, pause="x")
    twin.wait(minutes=5)
    release(twin, uid)
    twin.wait(minutes=5)
    hold = twin.tracked(uid).steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.PAYLOAD_CHANGED
    assert twin.told(Kind.STEP_RELEASED) == []


def test_a_complete_rollout_is_not_held_by_a_pause_until_its_plan_grows() -> None:
    twin = sites(1)
    uid = twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=1)
    twin.annotate(uid, pause="alice")
    twin.wait(hours=1)
    tracked = twin.tracked(uid)
    assert phase_of(tracked.rollout, tracked.newest, tracked.counts) == "Completed"
    assert twin.decisions(Kind.ROLLOUT_HELD) == []
    twin.append(uid, "Upgrade")
    twin.wait(hours=1)
    tracked = twin.tracked(uid)
    assert phase_of(tracked.rollout, tracked.newest, tracked.counts) == "Held"
    assert len(tracked.steps) == 1


def test_a_pause_ends_with_the_last_step() -> None:
    """A rollout that is complete would otherwise be shown as held by a person."""
    twin = sites(1)
    uid = twin.apply(ibgu("a", "Prep", timeout=600))
    twin.wait(seconds=20)
    twin.annotate(uid, pause="alice")
    twin.wait(hours=1)
    tracked = twin.tracked(uid)
    assert (phase_of(tracked.rollout, tracked.newest, tracked.counts), tracked.rollout.hold) == (
        "Completed",
        None,
    )
    assert "nothing is left that the pause" in twin.told(Kind.ROLLOUT_RELEASED)[0]


def press_resume(twin: InMemoryEngine, uid: str) -> None:
    """Resumes as REST and `ibgu resume` do it."""
    obj, tracked = twin.ibgus[uid], twin.tracked(uid)
    metadata = {
        "name": obj.metadata.name,
        "namespace": obj.metadata.namespace,
        "uid": uid,
        "annotations": dict(obj.metadata.annotations),
    }
    held = RolloutSituation(tracked.rollout, IBU_ACTIONS, tracked.steps[-1].step, 0, 0)
    change = resume(
        ChangeTarget({"kind": names.IBGU, "metadata": metadata}, "olga", twin.now, IBU_ACTIONS),
        held,
    )
    if isinstance(change.patch, dict):
        marks = metadata["annotations"] | change.patch["metadata"]["annotations"]
        kept = {key: value for key, value in marks.items() if value is not None}
        twin.apply(replace(obj, metadata=replace(obj.metadata, annotations=kept)))


def test_a_resume_ends_the_pause_and_the_next_one_the_breaker() -> None:
    twin, uid = braking_fleet(range(1, 13))
    twin.wait(hours=5)
    assert stopped(twin, uid)
    twin.annotate(uid, pause="alice: a look at it first")
    twin.wait(minutes=5)
    press_resume(twin, uid)
    press_resume(twin, uid)
    twin.wait(hours=5)
    assert twin.tracked(uid).rollout.hold is None
    assert stopped(twin, uid)
    assert failed(twin, uid) == 5
    press_resume(twin, uid)
    twin.wait(hours=5)
    assert failed(twin, uid) == 10


def test_talm_counts_before_a_pause_and_the_pause_after_it() -> None:
    twin = sites(1)
    twin.facts = replace(twin.facts, talm_hold=TALM_RUNS)
    uid = twin.apply(ibgu("a", "Prep"))
    twin.annotate(uid, pause="x")
    twin.wait(minutes=5)
    held = twin.tracked(uid).rollout.hold
    twin.facts = replace(twin.facts, talm_hold="")
    twin.touch_everything()
    twin.wait(minutes=5)
    still = twin.tracked(uid).rollout.hold
    assert held is not None
    assert still is not None
    assert (held.kind, still.kind) == (ReasonKind.TALM, ReasonKind.PAUSED)
