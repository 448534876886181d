"""TALM's ClusterGroupUpgrades as steps and members of ibgu: a table."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec import to_builtins
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Cause, ClusterView, Member, MemberState, Outcome, RunState, StepState
from ibgu.core.model.bounds import MAX_INT32
from ibgu.core.model.kinds import RolloutSpec
from ibgu.core.talm import TalmWork, groups_of, view_talm_work
from ibgu.core.talm.adopt import NO_TRACES, AdoptedStep, Traces, adopted_steps
from tests.core.engine.decide.builders import START, ibgu, plan_of, rollout_of
from tests.core.talm.objects import Object, as_cgu, as_work, cgu, ended, work

NOW = START + timedelta(hours=9)
PLAN = ["Prep", "Upgrade FinalizeUpgrade"]
ROLLOUT = replace(
    rollout_of(ibgu("a", *PLAN)), spec=RolloutSpec(plan=plan_of(PLAN, concurrency=2, timeout=60))
)
STARTED = "2026-01-01T01:00:00Z"
UPGRADE = "a-upgrade-finalizeupgrade-1"


def cluster(name: str) -> ClusterView | None:
    if name == "gone":
        return None
    return ClusterView(
        name=name, uid=f"uid-{name}", accepted=True, deleting=False, reachable=True, local=False
    )


def run_id(member: Member, attempt: int) -> str:
    return f"run-{member.cluster}-{attempt}"


def traces(*cgus: Object, works: tuple[TalmWork, ...] = ()) -> Traces:
    groups = groups_of("a", ROLLOUT.spec, [as_cgu(obj) for obj in cgus])
    return Traces(groups=groups, left=len(cgus), works={found.cluster: (found,) for found in works})


def adopted(*cgus: Object, works: tuple[TalmWork, ...] = ()) -> list[AdoptedStep]:
    return list(adopted_steps(ROLLOUT, traces(*cgus, works=works), cluster, run_id, NOW))


def upgrading(**given: Any) -> Object:
    """TALM's second step, under way in its first batch."""
    given = {"batches": [["s10", "s9"], ["s11"]], "batch": 1, "started": STARTED, **given}
    return cgu("a", 1, "Upgrade", "FinalizeUpgrade", **given)


def talm_work(name: str, action: Action, group: str = UPGRADE, **given: Any) -> TalmWork:
    return view_talm_work(as_work(work(name, action, group=group, **given)))


def members(*cgus: Object, works: tuple[TalmWork, ...] = ()) -> dict[str, Member]:
    found = adopted(*cgus, works=works)[-1]
    return {member.cluster: member for member in found.members}


def test_nothing_was_begun() -> None:
    assert adopted() == []
    assert adopted(cgu("a", 0, "Prep")) == []
    assert list(adopted_steps(ROLLOUT, NO_TRACES, cluster, run_id, NOW)) == []


def test_a_finished_step() -> None:
    done = cgu(
        "a",
        0,
        "Prep",
        batches=[["s1", "s10", "s9"], ["gone"]],
        succeeded="False",
        started=STARTED,
        completed="2026-01-01T02:00:00Z",
        clusters=[
            ended("s1", "complete"),
            ended("s9", "timedout", "a-prep", prepCompletedConditionMessages="Prep failed"),
            ended("s10", "timedout"),
        ],
    )
    (found,) = adopted(done)
    assert found.gone == ("gone",)
    assert (found.step.state, found.step.total) == (StepState.FINISHED, 3)
    assert found.step.started_at == START + timedelta(hours=1)
    assert found.step.finished_at == START + timedelta(hours=2)
    one, nine, ten = found.members
    assert [m.position for m in found.members] == [0, 1, 2]
    assert [m.cluster for m in found.members] == ["s1", "s9", "s10"]
    assert (one.outcome, one.uid, one.action_index) == (Outcome.SUCCEEDED, "uid-s1", 1)
    assert [(d.action, d.note) for d in one.completed] == [(Action.PREP, "by TALM")]
    assert (nine.outcome, nine.cause, nine.failed_action) == (
        Outcome.FAILED,
        Cause.TIMED_OUT,
        Action.PREP,
    )
    assert nine.message == "TALM: time-out: Prep failed"
    assert (ten.cause, ten.message, ten.run) == (Cause.NEVER_STARTED, "TALM: time-out", None)
    assert all(m.finished and m.ended_at == NOW for m in found.members)


def test_a_finished_step_without_times_or_words() -> None:
    (found,) = adopted(cgu("a", 0, "Prep", succeeded="True", batches=[["s1"]]))
    assert (found.step.started_at, found.step.finished_at) == (NOW, NOW)
    assert found.members[0].cause is Cause.NEVER_STARTED


def test_a_step_without_its_group_counts_as_finished() -> None:
    first, second = adopted(upgrading())
    assert (first.step.index, first.step.state, first.members) == (0, StepState.FINISHED, ())
    assert first.step.actions == (Action.PREP,)
    assert second.step.index == 1


def test_the_running_step_has_its_whole_time_again() -> None:
    step = adopted(upgrading())[-1].step
    assert (step.state, step.finished_at) == (StepState.RUNNING, None)
    assert step.started_at is not None
    assert step.started_at + step.stopped == NOW
    assert (step.max_concurrency, step.timeout) == (2, timedelta(minutes=60))


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize(
    ("action", "done"),
    [(Action.UPGRADE, []), (Action.FINALIZE_UPGRADE, [Action.UPGRADE])],
)
def test_a_talm_work_becomes_an_adopted_run(
    action: Action, done: list[Action], applied: bool
) -> None:
    step = adopted(upgrading(), works=(talm_work("s9", action, applied=applied),))[-1]
    found, run = step.members[0], step.begun["s9"]
    assert (found.cluster, found.state) == ("s9", MemberState.WAITING)
    assert [d.action for d in found.completed] == done
    assert found.action_index == len(done)
    assert (run.action, run.state, run.adopted, run.disarmed) == (
        action,
        RunState.ACCEPTED,
        True,
        True,
    )
    assert {run.arming_at, run.armed_at, run.accepted_at} == {START if applied else None}
    assert (run.id, run.attempt, run.intended_at) == ("run-s9-1", 1, START)


def test_clusters_without_a_talm_work_are_waiting() -> None:
    assert adopted(upgrading())[-1].begun == {}
    found = members(upgrading())
    for member in found.values():
        assert (member.state, member.run, member.completed) == (MemberState.WAITING, None, ())
    assert list(found) == ["s9", "s10", "s11"]


def test_between_two_actions() -> None:
    progress = {"s9": {"state": "InProgress", "manifestWorkIndex": 1}}
    found = members(upgrading(progress=progress))["s9"]
    assert (found.state, found.action_index) == (MemberState.WAITING, 1)
    assert [d.action for d in found.completed] == [Action.UPGRADE]


def test_done_with_the_step_though_the_batch_is_not() -> None:
    """The last ManifestWork stays until the batch is over."""
    finalized = (talm_work("s9", Action.FINALIZE_UPGRADE),)
    for state in (
        {"clusters": [ended("s9", "complete")]},
        {"progress": {"s9": {"state": "Completed", "manifestWorkIndex": 1}}},
    ):
        found = members(upgrading(**state), works=finalized)["s9"]
        assert (found.outcome, found.action_index) == (Outcome.SUCCEEDED, 2)


def test_timed_out_in_an_earlier_batch() -> None:
    timed_out = ended("s9", "timedout", "a-finalizeupgrade")
    found = members(upgrading(clusters=[timed_out]))["s9"]
    assert (found.outcome, found.failed_action) == (Outcome.FAILED, Action.FINALIZE_UPGRADE)
    assert [d.action for d in found.completed] == [Action.UPGRADE]


def test_works_of_other_groups_and_of_other_things_do_not_count() -> None:
    other = talm_work("s9", Action.UPGRADE, group="b-upgrade-0")
    strange = talm_work("s10", Action.UPGRADE, annotations={})
    foreign = talm_work("s11", Action.PREP)
    [*_, found] = adopted(upgrading(), works=(other, strange, foreign))
    assert found.begun == {}


def test_a_work_without_a_time() -> None:
    work = talm_work("s9", Action.UPGRADE, creationTimestamp="")
    assert adopted(upgrading(), works=(work,))[-1].begun["s9"].intended_at == NOW


def test_numbers_that_the_journal_can_not_store_are_bounded() -> None:
    """TALM's CRD lets them through."""
    odd = RolloutSpec(plan=plan_of(PLAN, concurrency=2**40, timeout=2**62))
    rollout = replace(ROLLOUT, spec=odd)
    for found in adopted_steps(rollout, traces(upgrading()), cluster, run_id, NOW):
        assert found.step.max_concurrency == MAX_INT32
        assert found.step.timeout == timedelta(minutes=MAX_INT32)


def test_records_go_through_the_journal() -> None:
    for found in adopted(upgrading(), works=(talm_work("s9", Action.UPGRADE),)):
        assert to_builtins(found.step)
        assert all(to_builtins(member) for member in found.members)


def test_when_a_plan_is_complete() -> None:
    spec = ROLLOUT.spec
    first = cgu("a", 0, "Prep", succeeded="True")
    second = upgrading(succeeded="False")
    assert traces(first, second).complete(spec)
    assert not traces(first).complete(spec)
    assert not traces(first, upgrading()).complete(spec)
    assert not traces().complete(RolloutSpec())
    assert traces(first, upgrading()).unfinished
    assert not traces(first, second).unfinished
