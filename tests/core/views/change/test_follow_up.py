"""Cancel, roll back, finalize: which clusters, by which step or which second IBGU, and why not."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers import traits
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import (
    Cause,
    CompletedAction,
    Intended,
    Member,
    MemberState,
    Outcome,
    Reason,
    ReasonKind,
)
from ibgu.core.views.change import (
    CancelScope,
    ChangeRefused,
    FollowUp,
    FollowUpRequest,
    RolloutCluster,
    cancel,
    confirm_cleanup,
    finalize,
    retry_failed,
    roll_back,
)
from tests.core.views.change.test_change import NOW, plan_of, target
from tests.members import member_of

PREPARED, UPGRADED = Action.PREP.completed_label, Action.UPGRADE.completed_label
PREP_FAILED, UPGRADE_FAILED = Action.PREP.failed_label, Action.UPGRADE.failed_label
ROLLED_BACK = Action.ROLLBACK.completed_label
IDLE = FollowUpRequest(idle=True)
CANCELLER, QUEUED = "ran-cancel-1", "next"


def a_member(name: str, state: MemberState, **more: Any) -> Member:
    fields: dict[str, Any] = {
        "rollout": "u1",
        "step": 0,
        "cluster": name,
        "uid": name,
        "position": 0,
        "reason": Reason(ReasonKind.SLOT, NOW),
    }
    return member_of(state, **(fields | more))


def waiting(name: str, *labels: str, **more: Any) -> RolloutCluster:
    return cluster(a_member(name, MemberState.WAITING), *labels, **more)


def in_flight(name: str, action: Action, *labels: str, **more: Any) -> RolloutCluster:
    run = Intended(id="r1", action=action, attempt=1, intended_at=NOW)
    limit = NOW + timedelta(hours=1)
    return cluster(
        a_member(name, MemberState.IN_FLIGHT, run=run, slot=1, limit=limit), *labels, **more
    )


def done(name: str, *labels: str, last: Action = Action.PREP, **more: Any) -> RolloutCluster:
    completed = (CompletedAction(last, NOW),)
    ended = {"outcome": Outcome.SUCCEEDED, "completed": completed}
    return cluster(a_member(name, MemberState.FINISHED, **ended), *labels, **more)


def failed(name: str, *labels: str, **more: Any) -> RolloutCluster:
    others = {key: more.pop(key) for key in ("newer", "holder", "aborted") if key in more}
    ended = {"outcome": Outcome.FAILED, "failed_action": Action.PREP, "cause": Cause.PREP_FAILED}
    return cluster(a_member(name, MemberState.FINISHED, **(ended | more)), *labels, **others)


def cluster(member: Member, *labels: str, **more: Any) -> RolloutCluster:
    marks = {"name": member.cluster} | dict.fromkeys(labels, "")
    return RolloutCluster(member, marks, **more)


def gone(each: RolloutCluster) -> RolloutCluster:
    return replace(each, labels=None)


def refused(act: Any, *args: Any, **more: Any) -> str:
    with pytest.raises(ChangeRefused) as error:
        act(*args, **more)
    return str(error.value)


# -- the step, or the second IBGU --------------------------------------------------------------


def test_a_follow_up_of_an_idle_rollout_appends_a_step() -> None:
    found = cancel(target("Prep"), [done("s1", PREPARED), done("s2", PREPARED)], IDLE)
    assert found.rollout == "ran"
    assert plan_of(found.change) == [["Prep"], ["Abort"]]
    assert found.change.done.startswith(
        "Abort for 2 clusters of ran, as the next step of its plan: Abort is step 2 of ran "
        "(7 clusters at a time, timeout 60 min); "
    )
    assert found.change.done.endswith("; it begins now, and clusters that policies keep wait")
    assert found.clusters == ("s1", "s2")
    assert found.change.risk == traits(Action.ABORT).risk
    assert found.step.actions == ("Abort",)


@pytest.mark.parametrize(
    ("selected", "others"),
    [(["s2", "s1"], False), (["s1", "s2", "new"], True), (["s1"], True), ([], True)],
)
def test_an_appended_step_may_take_other_clusters_by_its_selectors(
    selected: list[str], others: bool
) -> None:
    clusters = [done("s1", PREPARED), done("s2", PREPARED)]
    found = cancel(target("Prep"), clusters, IDLE)
    assert found.takes_other_clusters(selected) is others
    alone = cancel(target("Prep"), clusters, replace(IDLE, narrowed=True))
    assert not alone.takes_other_clusters(selected)


def test_a_second_object_takes_no_cluster_that_only_carries_the_name_of_another() -> None:
    clusters = [done("s1", PREPARED), done("s2", PREPARED)]
    alone = cancel(target("Prep"), clusters, replace(IDLE, narrowed=True))
    alone.require_own(["s1", "s2"])
    alone.require_own(["s2"])
    words = "elsewhere would be taken, too: the label name of that cluster has the name of another"
    with pytest.raises(ChangeRefused, match=words):
        alone.require_own(["s1", "s2", "elsewhere"])
    with pytest.raises(ChangeRefused, match="a, b would be taken, too: the label name of these"):
        alone.require_own(["b", "s1", "a"])


@pytest.mark.parametrize(
    ("plan", "asked", "clusters"),
    [
        (("Prep",), FollowUpRequest(), [done("s1", PREPARED)]),
        (("Prep", "Upgrade"), IDLE, [done("s1", PREPARED)]),
        (("Prep",), replace(IDLE, narrowed=True), [done("s1", PREPARED)]),
        (
            ("Prep",),
            IDLE,
            [done("s1", PREPARED), done("s2", PREPARED, newer="next")],
        ),
    ],
    ids=["busy or held", "not allowed", "some of them", "one of them is elsewhere"],
)
def test_a_follow_up_for_some_clusters_creates_a_second_ibgu(
    plan: tuple[str, ...], asked: FollowUpRequest, clusters: list[RolloutCluster]
) -> None:
    found = cancel(target(*plan), clusters, asked)
    assert found.change.create is not None
    metadata, spec = found.change.create["metadata"], found.change.create["spec"]
    assert metadata["name"].startswith("ran-cancel-")
    assert found.rollout == metadata["name"]
    assert spec["ibuSpec"] == {"extra": "kept"}
    assert spec["plan"] == [
        {"actions": ["Abort"], "rolloutStrategy": {"maxConcurrency": 7, "timeout": 60}}
    ]
    assert spec["clusterLabelSelectors"] == [
        {"matchExpressions": [{"key": "name", "operator": "In", "values": ["s1"]}]}
    ]
    assert f"by the new rollout {metadata['name']}, which starts at once" in found.change.done
    approved = cancel(target(*plan), clusters, replace(asked, starts="starts once approved"))
    assert f"{metadata['name']}, which starts once approved" in approved.change.done
    assert found.change.kubectl.startswith("kubectl create -f - <<'EOF'\n{")
    assert cancel(target(*plan), clusters, asked) == found


def test_bounds_of_its_own() -> None:
    asked = FollowUpRequest(max_concurrency=50, timeout=None)
    found = cancel(target("Prep", "Upgrade"), [waiting("s1")], asked)
    assert found.change.create is not None
    (step,) = found.change.create["spec"]["plan"]
    assert step["rolloutStrategy"] == {"maxConcurrency": 50, "timeout": 60}


def test_a_cluster_without_the_label_of_its_name_can_not_be_selected() -> None:
    nameless = replace(waiting("s1"), labels={})
    words = refused(cancel, target("Prep"), [nameless], FollowUpRequest())
    assert words.startswith("s1 can't be selected: the ManagedCluster lacks the label name")
    assert words.endswith("(`kubectl label managedcluster s1 name=s1`), then repeat")


# -- cancel ------------------------------------------------------------------------------------


PREEMPTED = failed(
    "s1",
    PREPARED,
    outcome=Outcome.CANCELLED,
    cause=Cause.PREEMPTED,
    failed_action=Action.UPGRADE,
)
FLEET = [
    waiting("waits"),
    in_flight("runs", Action.PREP),
    in_flight("upgrades", Action.UPGRADE, PREPARED),
    done("prepared", PREPARED),
    failed("failed", PREP_FAILED),
    failed("back", PREPARED, UPGRADE_FAILED),
    failed("silent", cause=Cause.TIMED_OUT),
    done("upgraded", PREPARED, UPGRADED, last=Action.UPGRADE),
    done("final", last=Action.FINALIZE_UPGRADE),
    gone(waiting("gone")),
]


def test_every_cluster_not_upgraded_is_cancelled() -> None:
    found = cancel(target("Prep", "Upgrade"), FLEET, FollowUpRequest())
    expected = ("waits", "runs", "upgrades", "prepared", "failed", "back", "silent")
    assert found.clusters == expected
    assert found.change.done.endswith(
        "; left out: upgraded (upgraded already: roll it back, or finalize it), "
        "gone (no ManagedCluster of that name is on the hub)"
    )
    assert "final," not in found.change.done
    (warning,) = found.warnings
    assert warning.startswith("Upgrade is under way on upgrades: a cluster that has restarted")


@pytest.mark.parametrize(
    ("which", "clusters", "action"),
    [
        (CancelScope.WAITING, ("waits",), "Abort"),
        (CancelScope.FAILED, ("failed", "back"), "AbortOnFailure"),
    ],
)
def test_only_clusters_in_the_scope_are_cancelled(
    which: CancelScope, clusters: tuple[str, ...], action: str
) -> None:
    found = cancel(target("Prep", "Upgrade"), FLEET, FollowUpRequest(), which)
    assert found.clusters == clusters
    assert plan_of(found.change) == [[action]]
    assert found.change.done.endswith("(no ManagedCluster of that name is on the hub)")
    assert "upgraded" not in found.change.done


def test_failures_without_a_label_are_named_as_left_out() -> None:
    """AbortOnFailure selects clusters by the label (R13.4)."""
    found = cancel(
        target("Prep"),
        [
            failed("labelled", PREP_FAILED),
            failed("s1", cause=Cause.NEVER_STARTED),
            failed("s2", cause=Cause.NEVER_STARTED),
            failed("s3"),
            failed("s4", cause=Cause.NEVER_STARTED, newer=QUEUED),
            failed("s5", aborted=True),
            done("s6", PREPARED),
        ],
        FollowUpRequest(),
        CancelScope.FAILED,
    )
    assert found.clusters == ("labelled",)
    assert found.change.done.partition("; left out: ")[2] == (
        "s1, s2 (NeverStarted sets no label of a failure: name it without --failed to abort it), "
        "s3 (its label of a failure is not set yet, or was removed: name it without --failed to "
        "abort it), s4 (in next now)"
    )


def test_only_failures_without_a_label_are_refused_with_the_reason() -> None:
    found = [failed("s1", cause=Cause.NEVER_STARTED)]
    assert refused(cancel, target("Prep"), found, IDLE, CancelScope.FAILED) == (
        "nothing of ran to cancel: s1 (NeverStarted sets no label of a failure: name it without "
        "--failed to abort it)"
    )


def test_cancelling_waiting_clusters_appends_no_step() -> None:
    found = cancel(target("Prep"), [waiting("s1"), done("s2", PREPARED)], IDLE, CancelScope.WAITING)
    assert (found.change.patch, found.clusters) == (None, ("s1",))


def test_the_failed_are_cleaned_up_by_the_next_step() -> None:
    found = cancel(target("Prep"), [failed("s1", PREP_FAILED)], IDLE, CancelScope.FAILED)
    assert plan_of(found.change) == [["Prep"], ["AbortOnFailure"]]


@pytest.mark.parametrize(
    ("each", "which", "why"),
    [
        (done("s1", PREPARED, newer=QUEUED), CancelScope.ALL, "in next now"),
        (done("s1", PREPARED, newer=CANCELLER), CancelScope.ALL, "in ran-cancel-1 now"),
        (waiting("s1", holder="ran-400"), CancelScope.ALL, "ran-400 works on it"),
        (done("s1"), CancelScope.ALL, "nothing is left to cancel"),
        (
            done("s1", PREPARED, UPGRADED, ROLLED_BACK),
            CancelScope.ALL,
            "rolled back: finalize the rollout that did it",
        ),
        (done("s1", PREPARED), CancelScope.WAITING, "does not wait"),
        (done("s1", PREPARED), CancelScope.FAILED, "no Prep or Upgrade has failed"),
        (
            failed("s1", PREP_FAILED, aborted=True),
            CancelScope.FAILED,
            "back at Idle, but its labels are not removed yet",
        ),
        (
            failed("s1", UPGRADE_FAILED, cause=Cause.UPGRADE_FAILED_AFTER_PIVOT),
            CancelScope.ALL,
            "its Upgrade failed on the new release: it can only be rolled back",
        ),
        (
            in_flight("s1", Action.ABORT_ON_FAILURE, PREP_FAILED),
            CancelScope.FAILED,
            "AbortOnFailure is under way",
        ),
    ],
)
def test_clusters_with_nothing_to_cancel_are_refused(
    each: RolloutCluster, which: CancelScope, why: str
) -> None:
    words = refused(cancel, target("Prep"), [each], IDLE, which)
    assert words == f"nothing of ran to cancel: s1 ({why})"


def test_a_cluster_in_flight_is_of_this_rollout_again() -> None:
    found = cancel(target("Prep"), [in_flight("s1", Action.PREP, newer=QUEUED)], FollowUpRequest())
    assert found.clusters == ("s1",)


@pytest.mark.parametrize(
    ("make", "plan", "each"),
    [
        (cancel, ["Prep"], done("s1", PREPARED, waits_in="next")),
        (roll_back, ["Prep", "Upgrade"], done("s1", UPGRADED, waits_in="next")),
    ],
)
def test_clusters_that_only_wait_in_a_newer_rollout_are_taken_back_there_too(
    make: Any, plan: list[str], each: RolloutCluster
) -> None:
    """A step of the first rollout would leave them to go on in the newer one afterwards."""
    found = make(target(*plan), [each], IDLE)
    assert found.change.create is not None
    assert found.warnings == ("s1 also wait in next, which is cancelled there, too",)


def test_a_newer_rollout_in_which_a_cluster_waits_keeps_nobody_from_finalizing() -> None:
    found = finalize(target("Prep", "Upgrade"), [done("s1", UPGRADED, waits_in="next")], IDLE)
    assert plan_of(found.change) == [["Prep"], ["Upgrade"], ["FinalizeUpgrade"]]
    assert found.warnings == ()


def test_a_refused_cancel_names_the_likely_clusters_first() -> None:
    found = [done("s1"), failed("s2", PREP_FAILED, newer=QUEUED)]
    assert refused(cancel, target("Prep"), found, IDLE) == (
        "nothing of ran to cancel: s2 (in next now), s1 (nothing is left to cancel)"
    )
    assert "s1 (nothing is left" in refused(
        cancel, target("Prep"), found, FollowUpRequest(named=True)
    )


def test_nobody_at_all() -> None:
    assert refused(cancel, target("Prep"), [], IDLE) == (
        "ran has no such cluster: nothing to cancel"
    )


# -- roll back ---------------------------------------------------------------------------------


@pytest.mark.parametrize("final", [False, True])
def test_upgraded_clusters_are_rolled_back(final: bool) -> None:
    """The manual's plan (15.4.5) does both at once."""
    found: FollowUp = roll_back(target("Prep", "Upgrade"), FLEET, IDLE, finalize=final)
    assert found.clusters == ("upgraded",)
    plan = [["Rollback", "FinalizeRollback"]] if final else [["Rollback"]]
    assert plan_of(found.change) == plan
    assert found.rollout.startswith("ran-rollback-")
    assert found.change.risk.lost.startswith(traits(Action.ROLLBACK).risk.lost)
    assert found.change.done.startswith("Rollback ")


@pytest.mark.parametrize(
    ("each", "why"),
    [
        (done("s1", last=Action.FINALIZE_UPGRADE), "finalized: the release from before"),
        (done("s1", UPGRADED, ROLLED_BACK), "rolled back already"),
        (
            failed("s1", UPGRADE_FAILED, failed_action=Action.UPGRADE),
            "not upgraded: its Upgrade failed",
        ),
        (done("s1", PREPARED), "not upgraded"),
        (
            replace(
                PREEMPTED, member=replace(PREEMPTED.member, late="completed late, after 47 min")
            ),
            "its Upgrade completed late, after 47 min: if it still runs the new release, set the "
            f"label {UPGRADED} on its ManagedCluster first",
        ),
        (PREEMPTED, "its Upgrade was cancelled"),
        (replace(PREEMPTED, newer=CANCELLER), "in ran-cancel-1 now"),
        (
            failed("s1", PREPARED, cause=Cause.WRONG_STATE, failed_action=Action.ABORT),
            "its state allowed no Abort: `ibgu explain` says what can follow",
        ),
        (
            in_flight("s1", Action.FINALIZE_UPGRADE, UPGRADED),
            "FinalizeUpgrade is under way",
        ),
        (done("s1", UPGRADED, newer=CANCELLER), "in ran-cancel-1 now"),
        (gone(done("s1", UPGRADED)), "no ManagedCluster of that name is on the hub"),
    ],
)
def test_clusters_with_nothing_to_roll_back_are_refused(each: RolloutCluster, why: str) -> None:
    words = refused(roll_back, target("Prep", "Upgrade"), [each], IDLE)
    assert words.startswith(f"nothing of ran to roll back: s1 ({why}")


def test_a_name_that_does_not_fit_refuses_all_of_them() -> None:
    """R42.1"""
    found = [done("s1", UPGRADED), done("s2", UPGRADED), done("s3", PREPARED)]
    asked = FollowUpRequest(named=True, narrowed=True)
    words = refused(roll_back, target("Prep", "Upgrade"), found, asked)
    assert words == ("nothing was done: s3 (not upgraded); 2 clusters could be: name those alone")


# -- finalize ----------------------------------------------------------------------------------


def test_an_upgrade_is_finalized_by_the_next_step() -> None:
    found = finalize(target("Prep", "Upgrade"), FLEET, IDLE)
    assert plan_of(found.change) == [["Prep"], ["Upgrade"], ["FinalizeUpgrade"]]
    assert found.clusters == ("upgraded",)
    assert "back, silent (not upgraded: its Prep failed)" in found.change.done


@pytest.mark.parametrize("plan", [("Rollback",), ("FinalizeRollback",)])
def test_a_rollback_is_finalized_as_one(plan: tuple[str, ...]) -> None:
    found = [done("s1", UPGRADED, ROLLED_BACK), failed("s2", UPGRADED), done("s3")]
    made = finalize(target(*plan), found, IDLE)
    assert plan_of(made.change)[-1] == ["FinalizeRollback"]
    assert made.clusters == ("s1",)
    assert made.change.done.endswith("left out: s2 (not rolled back)")


def test_some_are_finalized_while_the_others_are_still_upgrading() -> None:
    found = [done("s1", UPGRADED), in_flight("s2", Action.UPGRADE, PREPARED)]
    made = finalize(target("Prep", "Upgrade"), found, FollowUpRequest())
    assert made.rollout.startswith("ran-finalize-")
    assert made.clusters == ("s1",)


def test_a_plan_that_finalizes_by_itself_needs_no_second_one() -> None:
    words = refused(
        finalize,
        target("Prep", "Upgrade", "FinalizeUpgrade"),
        [done("s1", UPGRADED)],
        FollowUpRequest(),
    )
    assert words == "the plan [Prep][Upgrade][FinalizeUpgrade] has FinalizeUpgrade already"


@pytest.mark.parametrize(
    ("each", "why"),
    [
        (
            failed("s1", UPGRADE_FAILED, failed_action=Action.UPGRADE),
            "not upgraded: its Upgrade failed",
        ),
        (done("s1", UPGRADED, ROLLED_BACK), "rolled back: finalize the rollout that did it"),
        (failed("s1", UPGRADED, cause=Cause.FINALIZE_FAILED), "clean up by hand, then `ibgu"),
        (in_flight("s1", Action.FINALIZE_UPGRADE, UPGRADED), "FinalizeUpgrade is under way"),
        (done("s1", UPGRADED, newer=CANCELLER), "in ran-cancel-1 now"),
        (gone(done("s1", UPGRADED)), "no ManagedCluster of that name is on the hub"),
    ],
)
def test_clusters_with_nothing_to_finalize_are_refused(each: RolloutCluster, why: str) -> None:
    words = refused(finalize, target("Prep", "Upgrade"), [each], IDLE)
    assert words.startswith(f"nothing of ran to finalize: s1 ({why}")


# -- retry -------------------------------------------------------------------------------------


STUCK = [
    failed("s1", PREP_FAILED),
    failed("s2", PREP_FAILED),
    failed("s3", cause=Cause.NEVER_STARTED),
    done("s4", PREPARED),
]


def test_a_retry_names_its_rollout_and_the_clusters_left_out() -> None:
    found = retry_failed(target("Prep", "Upgrade"), STUCK, IDLE)
    assert (found.clusters, found.again) == (("s3",), False)
    assert found.rollout.startswith("ran-retry-")
    assert plan_of(found.change) == [["Prep"], ["Upgrade"]]
    assert "s1, s2 (must be aborted first)" in found.change.done
    assert found.change.risk.lost == ""


def test_the_bounds_of_a_retry_are_those_of_its_steps_and_not_of_the_abort() -> None:
    """A step that was too short gets more time."""
    asked = replace(IDLE, max_concurrency=7, timeout=600)
    found = retry_failed(target("Prep", "Upgrade"), STUCK, asked)
    assert found.change.create is not None
    bounds = [step["rolloutStrategy"] for step in found.change.create["spec"]["plan"]]
    assert bounds == [{"maxConcurrency": 7, "timeout": 600}] * 2
    assert '"timeout":600' in found.change.kubectl
    abort = retry_failed(target("Prep"), STUCK, asked, abort_first=True)
    assert (abort.step.max_concurrency, abort.step.timeout) == (None, None)


def test_a_retry_with_abort_first_aborts_before_it_retries() -> None:
    """The whole rollout takes the next step, some of its clusters a second IBGU."""
    found = retry_failed(target("Prep"), STUCK, IDLE, abort_first=True)
    assert (found.clusters, found.rollout, found.again) == (("s1", "s2"), "ran", True)
    assert plan_of(found.change) == [["Prep"], ["AbortOnFailure"]]
    assert found.change.done.endswith("; when it is over, the same request retries them")
    assert found.change.risk == traits(Action.ABORT_ON_FAILURE).risk
    some = replace(IDLE, named=True, narrowed=True)
    found = retry_failed(target("Prep"), [STUCK[0], STUCK[2]], some, abort_first=True)
    assert found.clusters == ("s1",)
    assert plan_of(found.change) == [["AbortOnFailure"]]


def test_a_retry_with_abort_first_states_the_risk_of_finalizing() -> None:
    found = retry_failed(target("Prep Upgrade FinalizeUpgrade"), STUCK, IDLE, abort_first=True)
    abort, final = (
        traits(each).risk.lost for each in (Action.ABORT_ON_FAILURE, Action.FINALIZE_UPGRADE)
    )
    again = "The failed clusters go through FinalizeUpgrade."
    assert found.change.risk.lost == f"{abort} {again} {final}"


@pytest.mark.parametrize(
    "back",
    [done("s1", last=Action.ABORT_ON_FAILURE), failed("s1", aborted=True)],
    ids=["by the plan", "by a second IBGU"],
)
def test_the_same_request_retries_them_then(back: RolloutCluster) -> None:
    found = retry_failed(target("Prep", "AbortOnFailure"), [back], IDLE, abort_first=True)
    assert (found.clusters, found.again) == (("s1",), False)
    assert plan_of(found.change) == [["Prep"]]


def test_nobody_is_retried_before_the_labels_of_all_are_removed() -> None:
    back = [done(name, last=Action.ABORT_ON_FAILURE) for name in ("s1", "s2")]
    still = replace(back[1], labels={PREP_FAILED: ""})
    plan = target("Prep", "AbortOnFailure")
    with pytest.raises(ChangeRefused, match=r"nothing is retried yet: s2 \(is back at Idle") as why:
        retry_failed(plan, [back[0], still], IDLE, abort_first=True)
    assert why.value.code == "labels-pending"
    assert retry_failed(plan, back, IDLE, abort_first=True).clusters == ("s1", "s2")


@pytest.mark.parametrize(
    ("cause", "why"),
    [
        (Cause.ABORT_FAILED, "must be cleaned up by hand first, then by `ibgu confirm-cleanup`"),
        (Cause.TIMED_OUT, "its AbortOnFailure failed"),
    ],
)
def test_clusters_with_a_failed_abort_do_not_block_a_retry(cause: Cause, why: str) -> None:
    ended = {"failed_action": Action.ABORT_ON_FAILURE, "cause": cause}
    stuck = failed("s2", PREP_FAILED, **ended)
    found = [done("s1", last=Action.ABORT_ON_FAILURE), stuck]
    made = retry_failed(target("Prep", "AbortOnFailure"), found, IDLE, abort_first=True)
    assert made.clusters == ("s1",)
    assert f"left out: s2 ({why})" in made.change.done


def test_clusters_that_can_not_be_aborted_do_not_block_a_retry() -> None:
    held = failed("s1", PREP_FAILED, holder="other")
    found = retry_failed(target("Prep"), [held, *STUCK[1:]], IDLE, abort_first=True)
    assert (found.clusters, found.again) == (("s2",), True)
    found = retry_failed(target("Prep"), [held, STUCK[2]], IDLE, abort_first=True)
    assert (found.clusters, found.again) == (("s3",), False)
    assert "left out: s1 (can't be aborted: other works on it)" in found.change.done


def test_an_unknown_action_of_the_plan_is_no_risk() -> None:
    assert retry_failed(target("Prep", "Dance"), STUCK, IDLE, abort_first=True).clusters


@pytest.mark.parametrize(
    ("each", "why"),
    [
        (waiting("s1", PREP_FAILED), "s1 (is not finished)"),
        (waiting("s1"), "none of these clusters has failed"),
        (gone(waiting("s1")), "none of these clusters has failed"),
    ],
)
def test_a_cluster_being_aborted_is_not_retried(each: RolloutCluster, why: str) -> None:
    words = refused(retry_failed, target("Prep", "AbortOnFailure"), [each], IDLE, abort_first=True)
    assert why in words


# -- clusters that no plan takes further -------------------------------------------------------


def on_new_release(name: str, **more: Any) -> RolloutCluster:
    cause = Cause.UPGRADE_FAILED_AFTER_PIVOT
    ended = {"cause": cause, "failed_action": Action.UPGRADE}
    return failed(name, PREPARED, UPGRADE_FAILED, **(ended | more))


def uncleaned(name: str, action: Action, *labels: str, **more: Any) -> RolloutCluster:
    finalizes = action in (Action.FINALIZE_UPGRADE, Action.FINALIZE_ROLLBACK)
    cause = Cause.FINALIZE_FAILED if finalizes else Cause.ABORT_FAILED
    return failed(name, *labels, **({"cause": cause, "failed_action": action} | more))


def test_only_clusters_failed_on_the_new_release_are_rolled_back() -> None:
    fleet = [done("s1", PREPARED, UPGRADED), on_new_release("s2"), failed("s3", UPGRADE_FAILED)]
    found = roll_back(target("Prep", "Upgrade"), fleet, IDLE, failed=True)
    assert found.clusters == ("s2",)
    assert found.change.create is not None
    assert found.change.create["spec"]["clusterLabelSelectors"] == [
        {
            "matchExpressions": [
                {"key": "name", "operator": "In", "values": ["s2"]},
                {"key": UPGRADE_FAILED, "operator": "Exists"},
            ]
        }
    ]
    plain = roll_back(target("Prep", "Upgrade"), fleet, IDLE)
    assert plain.clusters == ("s1",)
    assert "s2 (failed on the new release: `ibgu rollback --failed`)" in plain.change.done
    theirs = [on_new_release("s2", newer=QUEUED)]
    assert "s2 (in next now)" in refused(roll_back, target(), theirs, IDLE, failed=True)
    gone_now = refused(roll_back, target(), [gone(fleet[1])], IDLE, failed=True)
    assert "no ManagedCluster of that name" in gone_now


def test_a_clean_up_is_confirmed_with_name_time_and_reason() -> None:
    fleet = [uncleaned("s1", Action.ABORT, PREPARED), done("s2", PREPARED)]
    found = confirm_cleanup(target("Prep"), fleet, IDLE, "deleted the Backups")
    assert found.clusters == ("s1",)
    assert found.rollout.startswith("ran-cleanup-")
    body = found.change.create
    assert body is not None
    assert body["metadata"]["annotations"]["ibgu.dev/manual-cleanup-done"] == (
        f"olga {target().stamp}: deleted the Backups"
    )
    assert [item["actions"] for item in body["spec"]["plan"]] == [["Abort"]]
    assert found.change.risk.lost == (
        "olga confirms a manual cleanup there: deleted the Backups. "
        f"{traits(Action.ABORT).risk.lost}"
    )


@pytest.mark.parametrize(
    ("cluster_", "action"),
    [
        (uncleaned("s1", Action.ABORT_ON_FAILURE, PREP_FAILED), "AbortOnFailure"),
        (uncleaned("s1", Action.FINALIZE_UPGRADE, UPGRADED), "FinalizeUpgrade"),
        (uncleaned("s1", Action.FINALIZE_ROLLBACK, UPGRADED, ROLLED_BACK), "FinalizeRollback"),
        (uncleaned("s1", Action.PREP), "Abort"),
        (uncleaned("s1", Action.PREP, UPGRADED, cause=Cause.FINALIZE_FAILED), "FinalizeUpgrade"),
    ],
)
def test_confirm_cleanup_repeats_the_action_that_failed_to_clean_up(
    cluster_: RolloutCluster, action: str
) -> None:
    found = confirm_cleanup(target("Prep"), [cluster_], IDLE, "by hand")
    assert found.step.actions == (action,)


def test_each_action_is_confirmed_on_its_own() -> None:
    fleet = [
        uncleaned("s1", Action.ABORT, PREPARED),
        uncleaned("s2", Action.FINALIZE_UPGRADE, UPGRADED),
    ]
    assert refused(confirm_cleanup, target(), fleet, IDLE, "by hand") == (
        "nothing was done: 1 cluster Abort, 1 cluster FinalizeUpgrade again; confirm each action "
        "on its own"
    )
    one = confirm_cleanup(target("Prep"), fleet, IDLE, "by hand", Action.FINALIZE_UPGRADE)
    assert one.clusters == ("s2",)
    named = refused(confirm_cleanup, target(), fleet, FollowUpRequest(named=True), "by hand")
    assert "s2 (runs FinalizeUpgrade again)" in named


@pytest.mark.parametrize(
    ("cluster_", "why"),
    [
        (done("s1", PREPARED), "s1 (needs no clean-up)"),
        (uncleaned("s1", Action.ABORT, newer=QUEUED), "s1 (in next now)"),
        (uncleaned("s1", Action.ABORT, holder="other"), "s1 (other works on it)"),
        (
            uncleaned("s1", Action.ABORT, UPGRADED),
            "s1 (its labels allow neither an abort nor a finalize)",
        ),
        (gone(uncleaned("s1", Action.ABORT)), "s1 (no ManagedCluster of that name is on the hub)"),
    ],
)
def test_clusters_with_nothing_to_clean_up_are_refused(cluster_: RolloutCluster, why: str) -> None:
    told = refused(confirm_cleanup, target(), [cluster_], IDLE, "by hand")
    assert told == f"nothing of ran to clean up again: {why}"
