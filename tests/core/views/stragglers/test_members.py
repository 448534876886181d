"""The clusters that are left behind, and the plan that is valid from where their labels are."""

import pytest
from msgspec.structs import replace

from ibgu.core.drivers import allowed
from ibgu.core.drivers.ibu.actions import IBU_ACTIONS, Action
from ibgu.core.model import Cause
from ibgu.core.views.stragglers import (
    PlanProgress,
    RecoveryWay,
    Straggler,
    StragglerMember,
    StragglerState,
    judge,
)
from ibgu.core.views.stragglers.members import Plan

P, U, FU = Action.PREP, Action.UPGRADE, Action.FINALIZE_UPGRADE
R, FR = Action.ROLLBACK, Action.FINALIZE_ROLLBACK
A, AOF = Action.ABORT, Action.ABORT_ON_FAILURE
WHOLE: Plan = ((P,), (U,), (FU,))


def failed(action: Action, *, step: int = 1, cause: str = "", words: str = "") -> StragglerMember:
    return StragglerMember(
        cluster="a", step=step, action=action, outcome="failed", cause=cause, words=words
    )


def succeeded(action: Action, *, step: int = 1) -> StragglerMember:
    return StragglerMember(cluster="a", step=step, action=action, outcome="succeeded")


def labels(*names: str) -> dict[str, str]:
    return {f"lcm.openshift.io/ibgu-{name}": "" for name in names} | {"name": "a"}


def found(left: StragglerMember, plan: Plan, *there: str, started: int = 9) -> Straggler | None:
    return judge(left, PlanProgress(plan, min(started, len(plan))), labels(*there))


def way(left: StragglerMember, plan: Plan, *there: str, started: int = 9) -> Plan:
    straggler = found(left, plan, *there, started=started)
    assert straggler
    assert straggler.state is StragglerState.ENDED
    return straggler.plan


def test_an_unfinished_straggler_is_still_going() -> None:
    left = StragglerMember(cluster="a", step=1, action=P, finished=False)
    assert judge(left, PlanProgress(WHOLE, 1), None) == Straggler(left, StragglerState.GOING)


def test_a_cluster_that_is_gone() -> None:
    straggler = judge(failed(P), PlanProgress(WHOLE, 1), None)
    assert straggler
    assert (straggler.plan, straggler.note[:18]) == ((), "no ManagedCluster ")
    assert judge(succeeded(P), PlanProgress(WHOLE, 3), None) is None


@pytest.mark.parametrize(
    ("left", "there"),
    [
        (failed(P), ("prep-completed",)),
        (failed(P), ("upgrade-completed",)),
        (failed(U, step=2), ("prep-completed", "upgrade-completed")),
        (failed(FU, step=3), ()),
    ],
)
def test_a_cluster_with_the_completed_label_is_no_straggler(
    left: StragglerMember, there: tuple[str, ...]
) -> None:
    assert found(left, WHOLE, *there) is None


def test_a_label_from_before_a_failure_without_a_start_proves_nothing() -> None:
    left = replace(failed(P, cause=Cause.WRONG_STATE), provable=False)
    assert way(left, WHOLE, "prep-completed") == WHOLE
    assert found(replace(left, provable=True), WHOLE, "prep-completed") is None
    assert found(replace(failed(FU, step=3), provable=False), WHOLE) is None


def test_a_rolled_back_cluster_has_to_be_finalized_first() -> None:
    left = replace(failed(P, cause=Cause.WRONG_STATE), provable=False)
    there = ("prep-completed", "upgrade-completed", "rollback-completed")
    straggler = found(left, WHOLE, *there)
    assert straggler
    assert (straggler.plan, straggler.note[:17]) == ((), "it is rolled back")


@pytest.mark.parametrize("label", ["prep-failed", "upgrade-failed"])
def test_a_failed_one_goes_back_to_idle_first(label: str) -> None:
    assert way(failed(P), WHOLE, label) == ((AOF,),)
    straggler = found(failed(U, step=2), WHOLE, "prep-completed", label)
    assert straggler
    assert straggler.plan == ((AOF,),)
    assert "runs the new release already" in straggler.note


def test_a_completed_label_beside_a_failed_one_is_not_believed() -> None:
    left = failed(U, step=2)
    assert way(left, WHOLE, "upgrade-completed", "upgrade-failed") == ((AOF,),)


def test_prepared_by_another_rollout_and_failed_there_later_is_not_done() -> None:
    for there in (("prep-completed", "upgrade-failed"), ("upgrade-completed", "upgrade-failed")):
        assert way(failed(P, cause=Cause.WRONG_STATE), WHOLE, *there) == ((AOF,),)


def test_the_plan_itself_will_take_it_back() -> None:
    straggler = found(failed(P), ((P,), (AOF,), (U,)), "prep-failed", started=1)
    assert straggler
    assert straggler.plan == ()
    assert straggler.note.startswith("step 2 of the plan, AbortOnFailure, will take it back")
    assert way(failed(P), ((P,), (AOF,), (U,)), "prep-failed", started=2) == ((AOF,),)


@pytest.mark.parametrize(
    ("left", "plan", "there", "expected"),
    [
        (failed(P), WHOLE, (), WHOLE),
        (failed(P), ((P,), (AOF,), (U,)), (), ((P,), (U,))),
        (failed(P), ((P, U),), (), ((P, U),)),
        (failed(U, step=2), WHOLE, ("prep-completed",), ((U,), (FU,))),
        (failed(U), ((P, U, FU),), ("prep-completed",), ((U, FU),)),
        (failed(U, step=2), WHOLE, (), WHOLE),
        (failed(U), ((U,), (FU,)), (), ((P,), (U,), (FU,))),
        (failed(FU, step=3), WHOLE, ("upgrade-completed",), ((FU,),)),
        (failed(R), ((R,), (FR,)), ("upgrade-completed",), ((R,), (FR,))),
        (failed(FR, step=2), ((R,), (FR,)), ("rollback-completed",), ((FR,),)),
        (failed(A, step=2), ((P,), (A,)), ("prep-completed",), ((A,),)),
    ],
)
def test_the_way_on(
    left: StragglerMember, plan: Plan, there: tuple[str, ...], expected: Plan
) -> None:
    assert way(left, plan, *there) == expected


@pytest.mark.parametrize(
    ("left", "plan", "there", "note"),
    [
        (failed(R), ((R,),), (), "ibgu-upgrade-completed is missing"),
        (failed(A), ((A,),), ("upgrade-completed",), "ibgu-upgrade-completed is there"),
        (failed(P, cause=Cause.TAKEN_OVER), WHOLE, (), "by hand"),
        (failed(A, cause=Cause.WRONG_STATE), ((A,),), ("prep-completed",), "no Abort is possible"),
    ],
)
def test_no_way_on(left: StragglerMember, plan: Plan, there: tuple[str, ...], note: str) -> None:
    straggler = found(left, plan, *there)
    assert straggler
    assert straggler.plan == ()
    assert note in straggler.note


def test_an_aborted_straggler_starts_from_the_beginning() -> None:
    plan: Plan = ((P,), (AOF,), (U,))
    for left in (succeeded(AOF, step=2), failed(AOF, step=2)):
        straggler = found(left, plan)
        assert straggler
        assert (straggler.state, straggler.plan) == (StragglerState.ABORTED, ((P,), (U,)))
    assert found(succeeded(AOF, step=2), plan, "prep-completed") is None
    assert found(succeeded(AOF), ((AOF,),)) is None


def test_a_failed_abort_is_tried_again() -> None:
    assert way(failed(AOF, step=2), ((P,), (AOF,)), "prep-failed") == ((AOF,),)


def test_a_cluster_that_a_later_step_left_out_is_a_straggler() -> None:
    left = succeeded(P)
    straggler = found(left, WHOLE, "prep-completed", started=2)
    assert straggler
    assert (straggler.state, straggler.plan) == (StragglerState.NOT_TAKEN, ((U,), (FU,)))
    straggler = found(left, WHOLE, started=2)
    assert straggler
    assert straggler.plan == ()
    assert straggler.note.endswith("is missing, so step 2 did not take it")


def test_a_cluster_in_its_expected_state_is_no_straggler() -> None:
    assert found(succeeded(P), WHOLE, "prep-completed", started=1) is None
    assert found(succeeded(P), ((P,), (AOF,), (U,)), "prep-completed", started=2) is None
    assert found(succeeded(P), WHOLE, "upgrade-completed", started=2) is None
    assert found(succeeded(FU, step=3), WHOLE) is None


def test_an_action_that_no_kind_has_is_in_no_plan() -> None:
    """Somebody has written it into the plan since."""
    assert way(failed(P), ((P,), (Action.UPGRADE, "Dance"))) == ((P,),)
    assert found(failed(P), (("Dance",), (P,)), "prep-failed", started=0)
    assert PlanProgress((("Dance",),), 0).from_start() == ()
    assert PlanProgress((("Dance",),), 0).aborts_later is None


@pytest.mark.parametrize("shape", IBU_ACTIONS.plans)
def test_every_proposed_plan_is_allowed(shape: Plan) -> None:
    course = PlanProgress(shape, len(shape))
    for number, step in enumerate(shape, start=1):
        for action in step:
            assert allowed(course.rest(number, action))
    assert course.from_start() == () or allowed(course.from_start())


NO_CLEANUP = "Perform cleanup manually then add 'lca.openshift.io/manual-cleanup-done' annotation"


@pytest.mark.parametrize(
    ("left", "there", "expected"),
    [
        (
            failed(U, step=2, cause=Cause.UPGRADE_FAILED_AFTER_PIVOT),
            ("prep-completed", "upgrade-failed"),
            RecoveryWay.ROLLBACK,
        ),
        (failed(AOF, cause=Cause.ABORT_FAILED), ("prep-failed",), RecoveryWay.CLEANUP),
        (failed(P, cause=Cause.ABORT_FAILED), (), RecoveryWay.CLEANUP),
        (
            failed(FU, step=3, cause=Cause.FINALIZE_FAILED),
            ("upgrade-completed",),
            RecoveryWay.CLEANUP,
        ),
        (
            failed(A, cause=Cause.TIMED_OUT, words=NO_CLEANUP),
            ("prep-completed",),
            RecoveryWay.CLEANUP,
        ),
    ],
)
def test_a_way_on_that_is_no_plan(
    left: StragglerMember, there: tuple[str, ...], expected: RecoveryWay
) -> None:
    straggler = found(left, WHOLE, *there)
    assert straggler
    assert (straggler.state, straggler.plan, straggler.way) == (
        StragglerState.ENDED,
        (),
        expected,
    )


def test_labels_that_allow_no_clean_up() -> None:
    straggler = found(failed(P, cause=Cause.FINALIZE_FAILED), WHOLE)
    assert straggler
    assert (straggler.way, straggler.plan) == (None, ())
    assert straggler.note == "its labels allow neither an abort nor a finalize"


def test_an_automatically_rolled_back_cluster_gets_the_whole_plan() -> None:
    left = failed(U, step=2, cause=Cause.UPGRADE_FAILED_AFTER_PIVOT)
    assert way(left, WHOLE) == WHOLE
