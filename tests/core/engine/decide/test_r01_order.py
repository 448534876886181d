"""R1: steps run one at a time, in order; a plan may grow, and may become invalid."""

from datetime import timedelta

from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Kind, MemberState, Outcome, ReasonKind, RolloutState, StepState
from ibgu.core.model.kinds import AutoRollback, IbuSpec
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu, plan_of


def test_a_step_starts_when_every_member_of_the_one_before_is_finished() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.spokes["site-2"].faults[Stage.PREP] = "slow"
    uid = engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.wait(minutes=30)
    assert len(engine.tracked(uid).steps) == 1
    engine.wait(minutes=40)
    assert [step.step.state for step in engine.tracked(uid).steps] == [
        StepState.FINISHED,
        StepState.RUNNING,
    ]


def test_failed_members_do_not_keep_the_next_step() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.spokes["site-1"].faults[Stage.PREP] = "fail"
    uid = engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.wait(hours=2)
    assert list(engine.tracked(uid).steps[1].members) == ["site-2"]
    assert engine.tracked(uid).rollout.state is RolloutState.COMPLETE
    assert "1 succeeded, 1 failed" in engine.told(Kind.STEP_FINISHED)[0]


def test_a_plan_that_grows_after_it_was_complete_goes_on() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    assert engine.tracked(uid).rollout.completed_at is not None
    engine.append(uid, "Upgrade")
    engine.settle()
    assert engine.tracked(uid).rollout.state is RolloutState.RUNNING
    assert engine.tracked(uid).rollout.completed_at is None
    engine.wait(hours=1)
    assert engine.tracked(uid).rollout.state is RolloutState.COMPLETE
    assert [done.action for done in engine.member(uid, 1, "site-1").completed] == ["Upgrade"]


def test_an_invalid_plan_starts_nothing() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Upgrade", "Prep"))
    engine.wait(hours=1)
    rollout = engine.tracked(uid).rollout
    assert rollout.state is RolloutState.PENDING
    assert rollout.hold is not None
    assert rollout.hold.kind is ReasonKind.INVALID_PLAN
    assert not engine.tracked(uid).steps
    assert not engine.works
    assert "invalid combinations" in engine.warnings()[0]


def test_a_time_that_no_calendar_has_starts_nothing() -> None:
    """TALM's CRD lets it through."""
    engine, found = InMemoryEngine("site-1"), ibgu("a", "Prep", "Upgrade")
    odd = IbuSpec(auto_rollback_on_failure=AutoRollback(2**63 - 1))
    uid = engine.apply(replace(found, spec=replace(found.spec, ibu_spec=odd)))
    engine.wait(hours=1)
    hold = engine.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.INVALID_PLAN
    assert "initMonitorTimeoutSeconds: Invalid value" in hold.message


def test_a_plan_that_becomes_invalid_stops_new_starts_and_nothing_else() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=20)
    engine.append(uid, "Prep")
    engine.wait(minutes=30)
    first, second = engine.tracked(uid).steps[0].members.values()
    assert first.outcome is Outcome.SUCCEEDED
    assert second.state is MemberState.WAITING
    assert second.reason.kind is ReasonKind.INVALID_PLAN
    assert engine.spokes["site-2"].executed == []


def test_a_plan_that_is_put_right_goes_on() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=20)
    good = engine.ibgus[uid]
    engine.append(uid, "Prep")
    engine.wait(minutes=10)
    meta = replace(good.metadata, generation=3)
    engine.apply(replace(good, metadata=meta))
    engine.wait(minutes=30)
    assert engine.tracked(uid).rollout.hold is None
    assert engine.tracked(uid).rollout.state is RolloutState.COMPLETE


def test_a_plan_that_becomes_invalid_before_a_step_has_started_keeps_it_closed() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.turn()
    assert engine.tracked(uid).steps[0].step.state is StepState.OPENING
    engine.append(uid, "Prep")
    engine.turn()
    step = engine.tracked(uid).steps[0].step
    assert step.state is StepState.OPENING
    assert step.hold is not None
    assert step.hold.kind is ReasonKind.INVALID_PLAN


def test_a_started_step_can_not_be_changed() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.settle()
    obj = engine.ibgus[uid]
    spec = replace(obj.spec, plan=plan_of(["Prep"], concurrency=2))
    engine.apply(replace(obj, metadata=replace(obj.metadata, generation=2), spec=spec))
    engine.settle()
    hold = engine.tracked(uid).rollout.hold
    assert hold is not None
    assert "append only" in hold.message


def test_a_step_that_matches_nobody_finishes_at_once_with_a_warning() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Upgrade"))
    engine.settle()
    tracked = engine.tracked(uid)
    assert tracked.rollout.state is RolloutState.COMPLETE
    assert tracked.steps[0].step.total == 0
    assert "without the label lcm.openshift.io/ibgu-prep-completed" in engine.warnings()[0]
    assert engine.now - tracked.rollout.created_at < timedelta(seconds=1)


def test_steps_that_need_other_members_take_them_in_one_go() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.spokes["site-1"].faults[Stage.PREP] = "fail"
    uid = engine.apply(ibgu("a", "Prep", "AbortOnFailure", "Upgrade", "AbortOnFailure"))
    engine.wait(hours=3)
    members = [list(step.members) for step in engine.tracked(uid).steps]
    assert members == [["site-1", "site-2"], ["site-1"], ["site-2"], []]
    assert engine.tracked(uid).rollout.state is RolloutState.COMPLETE
