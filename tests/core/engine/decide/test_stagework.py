"""The stage work and the payload work, as records and observation ask for them (R9, R15, R16)."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.decide import (
    REMOVE,
    DeleteWork,
    desired_stage_work,
    payload_kept,
    payload_wanted,
    shows_what_was_judged,
)
from ibgu.core.engine.state import FleetState, Holder, TrackedRollout
from ibgu.core.engine.timing.times import LATE_COMPLETION_WATCH
from ibgu.core.engine.works import DesiredWork
from ibgu.core.model import (
    ClusterView,
    Member,
    MemberState,
    Observation,
    Probe,
    ReasonKind,
    RolloutState,
    RunResult,
    RunState,
    StepState,
    WorkView,
)
from tests.core.engine.state.records import (
    NOW,
    book_of,
    done,
    failed,
    in_flight,
    member,
    reason,
    rollout,
    run,
    step,
)
from tests.members import changed_member

CLUSTER = ClusterView(
    name="site-1", uid="uid-site-1", accepted=True, deleting=False, reachable=True, local=False
)
PROBE = Probe("probe-1", NOW)


def work(**changes: Any) -> WorkView:
    fields: dict[str, Any] = {"name": "work", "uid": "w", "resource_version": "1", **changes}
    return WorkView(generation=1, **fields)


ARMED = work(armed=True, run="run-1")
DISARMED = work(run="run-1")


def seen(stage: WorkView | None = None, **changes: Any) -> Observation:
    return Observation(**{"cluster": CLUSTER, "stage": stage, **changes})


def answer(
    found: Member, shown: Observation, tracked: TrackedRollout | None = None
) -> DesiredWork | DeleteWork | None:
    return desired_stage_work(
        tracked or book_of(rollout(), [step()], [found]), "site-1", shown, NOW
    )


def running(state: RunState, **changes: Any) -> Member:
    return in_flight(run=run(state=state, **changes))


def ended(result: RunResult) -> Member:
    return running(RunState.ENDED, result=result, ended_at=NOW, disarmed=False)


def test_a_probe_creates_the_work_disarmed() -> None:
    wanted = answer(member(probe=PROBE), seen())
    assert wanted == DesiredWork(armed=False, probe=PROBE)


@pytest.mark.parametrize("probe", ["", "probe-0"])
def test_a_new_probe_is_a_new_version_of_the_work(probe: str) -> None:
    assert answer(member(probe=PROBE), seen(work(probe=probe))) == DesiredWork(
        armed=False, probe=PROBE
    )


def test_a_probe_that_is_asked_is_not_asked_again() -> None:
    assert answer(member(probe=PROBE), seen(work(probe="probe-1"))) is None


@pytest.mark.parametrize("shown", [None, DISARMED])
def test_nothing_is_written_for_a_member_that_only_waits(shown: WorkView | None) -> None:
    assert answer(member(), seen(shown)) is None


@pytest.mark.parametrize("shown", [None, DISARMED, work(armed=True, run="run-0")])
def test_an_arming_run_arms_the_work(shown: WorkView | None) -> None:
    found = answer(running(RunState.ARMING), seen(shown))
    assert isinstance(found, DesiredWork)
    assert found.armed
    assert found.run is not None
    assert found.run.id == "run-1"


@pytest.mark.parametrize("shown", [DISARMED, work(armed=True, run="run-0")])
def test_nothing_is_armed_in_a_rollout_that_stands_still(shown: WorkView) -> None:
    """The same cycle has found a restore after it decided to arm."""
    found = running(RunState.ARMING)
    held = rollout(hold=reason(ReasonKind.RESTORED), restore="1")
    assert answer(found, seen(shown), book_of(held, [step()], [found])) is None


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (RunState.INTENDED, None),
        (RunState.INTENDED, DISARMED),
        (RunState.ARMING, ARMED),
        (RunState.ARMED, ARMED),
    ],
)
def test_a_work_that_shows_the_run_is_not_rewritten(
    state: RunState, shown: WorkView | None
) -> None:
    assert answer(running(state), seen(shown)) is None


@pytest.mark.parametrize("shown", [None, DISARMED, work(armed=True, run="run-1", edited=True)])
def test_an_armed_work_changed_or_deleted_by_others_is_not_restored(shown: WorkView | None) -> None:
    """Nor is it once the cluster has taken the run (R9.6)."""
    assert answer(running(RunState.ARMED), seen(shown)) is None


@pytest.mark.parametrize(("shown", "disarms"), [(ARMED, True), (DISARMED, False), (None, False)])
def test_the_work_of_an_accepted_run_is_disarmed(shown: WorkView | None, disarms: bool) -> None:
    found = answer(running(RunState.ACCEPTED), seen(shown))
    assert isinstance(found, DesiredWork) is disarms
    assert not (isinstance(found, DesiredWork) and found.armed)


@pytest.mark.parametrize("result", list(RunResult))
def test_a_run_that_has_ended_is_disarmed(result: RunResult) -> None:
    found = answer(ended(result), seen(ARMED))
    assert isinstance(found, DesiredWork)
    assert not found.armed
    assert answer(ended(result), seen(DISARMED)) is None


LEAVING = replace(CLUSTER, deleting=True)


def test_nothing_is_written_for_a_cluster_that_is_being_deleted() -> None:
    assert answer(member(probe=PROBE), seen(cluster=LEAVING)) is None
    assert answer(running(RunState.ARMING), seen(cluster=LEAVING)) is None
    assert answer(running(RunState.ARMING), seen(DISARMED, cluster=LEAVING)) is None


def test_an_ended_run_on_a_terminating_cluster_is_disarmed() -> None:
    found = answer(ended(RunResult.LIMIT), seen(ARMED, cluster=LEAVING))
    assert isinstance(found, DesiredWork)
    assert not found.armed


@pytest.mark.parametrize(
    "shown",
    [
        seen(ARMED, writing=True),
        seen(work(armed=True, run="run-1", terminating=True)),
        seen(ARMED, cluster=None),
    ],
    ids=["a write is on its way", "terminating", "the cluster is gone"],
)
@pytest.mark.parametrize("found", [ended(RunResult.LIMIT), done("site-1", Action.ABORT)])
def test_a_work_that_must_not_be_touched(found: Member, shown: Observation) -> None:
    assert answer(found, shown) is None


def test_a_cluster_that_is_no_member_is_left_alone() -> None:
    assert desired_stage_work(book_of(rollout()), "site-1", seen(ARMED), NOW) is None


# -- removal -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "removed"),
    [
        (done("site-1", Action.ABORT), True),
        (done("site-1", Action.ABORT_ON_FAILURE), True),
        (done("site-1", Action.UPGRADE, Action.FINALIZE_UPGRADE), True),
        (done("site-1", Action.FINALIZE_ROLLBACK), True),
        (done("site-1", Action.PREP), False),
        (done("site-1", Action.UPGRADE), False),
        (done("site-1"), False),
        (failed("site-1", watched=True), False),
        (failed("site-1", Action.FINALIZE_UPGRADE), False),
    ],
)
def test_the_work_goes_when_our_own_action_brought_idle(found: Member, removed: bool) -> None:
    assert answer(found, seen(DISARMED)) is (REMOVE if removed else None)
    assert answer(found, seen()) is None


def test_a_finished_member_never_leaves_an_armed_work() -> None:
    found = answer(failed("site-1", watched=True), seen(ARMED))
    assert isinstance(found, DesiredWork)
    assert not found.armed


@pytest.mark.parametrize(("watched", "removed"), [(False, True), (True, False)])
def test_after_a_deletion_only_what_is_watched_stays(watched: bool, removed: bool) -> None:
    found = failed("site-1", watched=watched)
    tracked = book_of(rollout(state=RolloutState.DELETED), [step()], [found])
    assert answer(found, seen(DISARMED), tracked) is (REMOVE if removed else None)


@pytest.mark.parametrize(
    ("since", "removed"),
    [(LATE_COMPLETION_WATCH, True), (LATE_COMPLETION_WATCH - timedelta(seconds=1), False)],
)
def test_everything_goes_seven_days_after_the_last_step(since: timedelta, removed: bool) -> None:
    ended_at = step(state=StepState.FINISHED, finished_at=NOW - since)
    found = done("site-1", Action.PREP)
    tracked = book_of(rollout(), [ended_at], [found])
    assert answer(found, seen(DISARMED), tracked) is (REMOVE if removed else None)
    growing = book_of(rollout(), [ended_at, step(index=1)], [found])
    assert answer(found, seen(DISARMED), growing) is None


def test_the_newest_step_that_has_the_cluster_decides() -> None:
    steps = [step(state=StepState.FINISHED), step("Abort", index=1)]
    members = [failed("site-1", watched=True), member(step=1, probe=PROBE)]
    tracked = book_of(rollout(), steps, members)
    assert answer(members[1], seen(DISARMED), tracked) == DesiredWork(armed=False, probe=PROBE)


# -- payload -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "digest", "wanted"),
    [
        (running(RunState.INTENDED), "d", True),
        (running(RunState.ACCEPTED), "d", True),
        (running(RunState.INTENDED), "", False),
        (running(RunState.ENDED), "d", False),
        (in_flight(run=run(Action.UPGRADE)), "d", False),
        (member(), "d", False),
        (done("site-1", Action.PREP), "d", False),
    ],
)
def test_the_payload_is_there_while_prep_is_under_way(
    found: Member, digest: str, wanted: bool
) -> None:
    tracked = book_of(rollout(), [step("Prep Upgrade", payload_digest=digest)], [found])
    assert payload_wanted(tracked, found) is wanted


def withdrawn(**changes: Any) -> Member:
    sent = {"state": RunState.ENDED, "result": RunResult.WITHDRAWN, "arming_at": NOW}
    return member(run=run(**{**sent, **changes}))


@pytest.mark.parametrize(
    ("found", "holder", "kept"),
    [
        (withdrawn(), "", True),
        (withdrawn(), "uid-a", True),
        (withdrawn(), "uid-b", False),
        (withdrawn(arming_at=None), "", False),
        (withdrawn(result=RunResult.PREEMPTED), "", False),
        (withdrawn(action=Action.UPGRADE), "", False),
        (changed_member(withdrawn(), state=MemberState.FINISHED), "", False),
        (member(), "", False),
    ],
    ids=[
        "the cluster may have taken it",
        "about to be disarmed",
        "another rollout works on the cluster",
        "never armed",
        "preempted",
        "another action",
        "nobody waits for it",
        "no run",
    ],
)
def test_the_payload_stays_while_a_withdrawn_prep_may_come_back(
    found: Member, holder: str, kept: bool
) -> None:
    fleet = FleetState()
    if holder:
        fleet.claims["uid-site-1"] = Holder(holder, 0, "site-1")
    assert payload_kept(fleet, found) is kept


WORK = WorkView(name="w", uid="u-1", resource_version="7", generation=1)
JUDGED = Observation(cluster=CLUSTER, stage=WORK)


@pytest.mark.parametrize(
    "changed",
    [
        {"stage": None},
        {"stage": replace(WORK, resource_version="8")},
        {"stage": replace(WORK, uid="u-2")},
        {"cluster": None},
        {"cluster": replace(CLUSTER, uid="another")},
        {"cluster": replace(CLUSTER, reachable=False)},
        {"cluster": replace(CLUSTER, deleting=True)},
        {"talm": "site-1/talm"},
    ],
)
def test_a_cluster_that_has_changed_is_not_as_it_was_judged(changed: dict[str, Any]) -> None:
    assert shows_what_was_judged(JUDGED, JUDGED)
    assert not shows_what_was_judged(replace(JUDGED, **changed), JUDGED)
    assert not shows_what_was_judged(JUDGED, replace(JUDGED, **changed))


def test_a_label_of_the_cluster_is_no_reason_to_judge_again() -> None:
    labelled = replace(CLUSTER, labels={"ring": "1"})
    assert shows_what_was_judged(replace(JUDGED, cluster=labelled), JUDGED)


def test_nothing_is_armed_that_was_not_judged() -> None:
    assert not shows_what_was_judged(JUDGED, None)
