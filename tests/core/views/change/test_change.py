"""Changes that a person may make, their result on the hub, and why others are refused."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers import DRIVERS
from ibgu.core.drivers.cluster_version.actions import UPDATE_ACTIONS
from ibgu.core.drivers.ibu.actions import IBU_ACTIONS, Action
from ibgu.core.model import (
    ActingParty,
    Cause,
    CompletedAction,
    Member,
    MemberState,
    Outcome,
    Reason,
    ReasonKind,
    Rollout,
    RolloutState,
    Step,
    StepState,
)
from ibgu.core.model.actions import Danger, Risk, allowed
from ibgu.core.model.grants import Approval, Grants
from ibgu.core.model.kinds import JsonObject, PlanItem, RolloutSpec, RolloutStrategy
from ibgu.core.model.names import IBGU
from ibgu.core.views.change import (
    UPGRADE_LABELS,
    ChangeRefused,
    ChangeTarget,
    FailedCluster,
    NewStep,
    Permit,
    RequestedChange,
    RolloutSituation,
    adopt,
    append,
    appendable,
    approvals_ahead,
    approve,
    break_glass,
    denied,
    pause,
    permits,
    require_on_hub,
    resume,
    retry,
    skip,
    skip_named,
    why_no_retry,
)
from ibgu.core.views.change import failure as change_failure
from ibgu.core.views.change.retry_follow_up import risk_of_retry
from tests.members import member_of

RISKS = {action.name: action.risk for action in IBU_ACTIONS.actions}
NOW = datetime(2026, 1, 1, 3, tzinfo=UTC)
STAMP = "2026-01-01T03:00:00.000000Z"


def target(*steps: str, **annotations: str) -> ChangeTarget:
    marks = {f"ibgu.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}
    item = {"rolloutStrategy": {"maxConcurrency": 7, "timeout": 60}}
    metadata: dict[str, Any] = {
        "name": "ran",
        "namespace": "edge",
        "uid": "u1",
        "resourceVersion": "9",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    if marks:
        metadata["annotations"] = marks
    spec: dict[str, Any] = {"ibuSpec": {"extra": "kept"}, "clusterLabelSelectors": []}
    if steps:
        spec["plan"] = [{"actions": step.split(), **item} for step in steps]
    return ChangeTarget(
        {"apiVersion": "v", "kind": IBGU, "metadata": metadata, "spec": spec},
        "olga",
        NOW,
        IBU_ACTIONS,
    )


def plan_of(change: RequestedChange) -> list[list[str]]:
    if isinstance(change.patch, list):
        plan = change.patch[-1]["value"]
    else:
        assert change.create is not None
        plan = change.create["spec"]["plan"]
    return [item["actions"] for item in plan]


def added(change: RequestedChange) -> dict[str, Any]:
    """The last step of a JSON patch of the plan."""
    assert isinstance(change.patch, list)
    step: dict[str, Any] = change.patch[-1]["value"][-1]
    return step


def marked(change: RequestedChange) -> dict[str, str | None]:
    """The annotations of a merge patch."""
    assert isinstance(change.patch, dict)
    found: dict[str, str | None] = change.patch["metadata"]["annotations"]
    return found


def test_the_older_object_was_created_first_or_has_the_lower_uid() -> None:
    first = target("Prep")
    metadata = first.object["metadata"]

    def beside(**other: str) -> ChangeTarget:
        return replace(first, object=first.object | {"metadata": metadata | other})

    assert first.age < beside(uid="u0", creationTimestamp="2026-01-01T00:00:01Z").age
    assert first.age < beside(uid="u2").age


# -- steps -------------------------------------------------------------------------------------


def test_appendable_lists_the_steps_that_may_follow_a_plan() -> None:
    assert appendable([["Prep"]], IBU_ACTIONS) == [
        ("Upgrade",),
        ("Upgrade", "FinalizeUpgrade"),
        ("Abort",),
        ("AbortOnFailure",),
    ]
    assert appendable([["FinalizeUpgrade"]], IBU_ACTIONS) == []
    assert ("Rollback",) in appendable([], IBU_ACTIONS)


def test_steps_with_a_gap_are_allowed_and_not_offered() -> None:
    offered = appendable([], UPDATE_ACTIONS)
    assert ("Check", "Mirror", "PreCache", "Backup", "Update") in offered
    assert ("Check", "Update") not in offered
    assert allowed([["Check", "Update"]])


def test_a_step_is_appended_to_the_plan_as_it_was_read() -> None:
    change = append(target("Prep"), NewStep(("Upgrade",), 200, 240))
    read = target("Prep").plan
    assert isinstance(change.patch, list)
    assert change.patch[:2] == [
        {"op": "test", "path": "/metadata/uid", "value": "u1"},
        {"op": "test", "path": "/spec/plan", "value": read},
    ]
    assert plan_of(change) == [["Prep"], ["Upgrade"]]
    assert added(change)["rolloutStrategy"] == {"maxConcurrency": 200, "timeout": 240}
    assert change.kubectl == (
        "kubectl -n edge patch imagebasedgroupupgrade ran --type=json -p "
        '\'[{"op":"test","path":"/metadata/annotations","value":null},'
        '{"op":"add","path":"/metadata/annotations","value":{"ibgu.dev/step-2-author":"olga"}},'
        '{"op":"add","path":"/spec/plan/-","value":{"actions":["Upgrade"],"rolloutStrategy":'
        '{"maxConcurrency":200,"timeout":240}}}]\''
    )


def test_an_appended_step_inherits_the_strategy_of_the_last_step() -> None:
    change = append(target("Prep"), NewStep(("Upgrade",)))
    assert added(change)["rolloutStrategy"] == {"maxConcurrency": 7, "timeout": 60}
    first = append(target(), NewStep(("Prep",)))
    assert added(first)["rolloutStrategy"]["timeout"] == 240
    assert isinstance(first.patch, list)
    assert first.patch[1] == {"op": "test", "path": "/spec/plan", "value": None}


NOW_IT_STARTS = "; it begins now, and clusters that policies keep wait"
LATER = "before it has finished. Running actions continue. To start nothing new, pause the rollout."


@pytest.mark.parametrize(
    ("status", "seen", "words"),
    [
        ("False", 4, NOW_IT_STARTS),
        ("False", None, NOW_IT_STARTS),
        ("False", 3, LATER),
        ("True", 4, LATER),
    ],
)
def test_when_an_appended_step_starts(status: str, seen: int | None, words: str) -> None:
    found = target("Prep")
    found.object["metadata"]["generation"] = 4
    condition = {"type": "Progressing", "status": status, "observedGeneration": seen}
    found.object["status"] = {"conditions": [{"type": "Held", "status": "False"}, condition]}
    assert append(found, NewStep(("Upgrade",))).done.endswith(words)


def test_an_appended_step_may_have_to_wait() -> None:
    assert append(target(), NewStep(("Prep",))).done.endswith(NOW_IT_STARTS)
    assert append(target(pause="x"), NewStep(("Prep",))).done.endswith("rollout is resumed")
    paused = append(target("Prep", pause="x"), NewStep(("Upgrade",))).done
    assert "and you resume the rollout: it is paused" in paused
    assert "To start nothing new" not in paused


def test_the_same_step_twice_is_one() -> None:
    change = append(target("Prep", "Upgrade"), NewStep(("Upgrade",), 7, 60))
    assert (change.patch, change.done) == (None, "Upgrade is the plan's last step already")


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (("Prep",), "what may follow [Prep]: [Upgrade] or"),
        (("FinalizeUpgrade",), "nothing may follow [FinalizeUpgrade]"),
        ((), "what may follow an empty plan: [Prep] or"),
    ],
)
def test_an_illegal_step_is_refused_with_the_legal_ones(plan: tuple[str, ...], words: str) -> None:
    with pytest.raises(ChangeRefused) as refused:
        append(target(*plan), NewStep(("Prep", "Rollback")))
    assert words in str(refused.value)


# -- controls ----------------------------------------------------------------------------------


def test_a_pause_says_who_and_why() -> None:
    change = pause(target("Prep"), "mirror down")
    assert change.patch == {
        "metadata": {"uid": "u1", "annotations": {"ibgu.dev/pause": "olga: mirror down"}}
    }
    assert marked(pause(target("Prep"))) == {"ibgu.dev/pause": "olga"}


def test_a_complete_rollout_is_not_paused() -> None:
    found = target("Prep")
    found.object["status"] = {"conditions": [{"type": "Progressing", "status": "False"}]}
    with pytest.raises(ChangeRefused, match=r"^ran is complete: there is nothing left to start"):
        pause(found)
    planned = {"type": "ClustersTriedAgain", "status": "True", "reason": "Planned"}
    found.object["status"]["conditions"].append(planned)
    assert marked(pause(found)) == {"ibgu.dev/pause": "olga"}


@pytest.mark.parametrize(("value", "said"), [("bob", "already (bob)"), ("", "already")])
def test_a_pause_that_is_there_stays(value: str, said: str) -> None:
    change = pause(target("Prep", pause=value))
    assert change.patch is None
    assert change.done.endswith(said)


def test_resume_ends_a_pause_and_nothing_else() -> None:
    change = resume(target("Prep", pause="x"))
    marks = marked(change)
    assert list(marks) == ["ibgu.dev/pause", "ibgu.dev/resumed-by"]
    assert marks["ibgu.dev/pause"] is None
    assert str(marks["ibgu.dev/resumed-by"]).startswith("olga 20")
    assert "ran ibgu.dev/pause- 'ibgu.dev/resumed-by=olga 20" in change.kubectl
    assert "resume it a second time" in change.done


def test_resume_without_a_pause_ends_what_a_person_may_end() -> None:
    change = resume(target("Prep"))
    assert marked(change) == {"ibgu.dev/resume": f"olga {STAMP}"}
    assert change.done == "ran goes on"


@pytest.mark.parametrize(("value", "said"), [("", ""), ("nora: why", " (nora: why)")])
def test_a_resume_after_a_pause_says_why_it_was_paused(value: str, said: str) -> None:
    found = replace(situation("Prep", hold=ReasonKind.PAUSED), kept={"RolloutPolicy/freeze": 3})
    done = resume(target("Prep", pause=value), found).done
    assert done == f"ran goes on after the pause{said}; RolloutPolicy/freeze still keeps 3 clusters"


@pytest.mark.parametrize(
    ("held_by", "said"),
    [
        ({}, "ran goes on after the pause (x)"),
        ({"state": None}, "ran goes on after the pause (x)"),
        (
            {"step_hold": ReasonKind.CIRCUIT_BREAKER, "state": StepState.FINISHED},
            "ran goes on after the pause (x)",
        ),
        (
            {"step_hold": ReasonKind.CIRCUIT_BREAKER},
            "ran is no longer paused, but still held (CircuitBreaker: its words); "
            "resume it again to end that",
        ),
        (
            {"step_hold": ReasonKind.PAYLOAD_BLOCKED},
            "ran is no longer paused, but still held (PayloadBlocked: its words)",
        ),
        (
            {"hold": ReasonKind.RESTORED, "step_hold": ReasonKind.CIRCUIT_BREAKER},
            "ran is no longer paused, but still held (Restored: its words and "
            "CircuitBreaker: its words); resume it again to end that",
        ),
    ],
)
def test_resuming_a_pause_names_the_hold_behind_it(held_by: dict[str, Any], said: str) -> None:
    paused = {"hold": ReasonKind.PAUSED} | held_by
    change = resume(target("Prep", pause="x"), situation("Prep", **paused))
    assert change.done == said
    assert marked(change)["ibgu.dev/pause"] is None


def test_a_second_resume_waits_until_the_first_was_seen() -> None:
    """A user who presses twice has not asked for the circuit breaker, which was never shown."""
    paused = situation("Prep", hold=ReasonKind.PAUSED, step_hold=ReasonKind.CIRCUIT_BREAKER)
    change = resume(target("Prep"), paused)
    assert (change.patch, change.kubectl) == (None, "")
    assert change.done.startswith(
        "the pause of ran was removed already, but still held (CircuitBreaker"
    )


@pytest.mark.parametrize(
    ("change", "value", "said"),
    [
        (skip(target("Prep")), f"waiting,{STAMP}", "All waiting clusters of"),
        (skip(target("Prep"), 2), f"waiting,step-2,{STAMP}", "All waiting clusters of"),
        (skip_named(target("Prep"), ["a"]), f"{STAMP},a", "a will be skipped if it still waits"),
        (
            skip_named(target("Prep"), ["waiting", "b"], {}),
            f"{STAMP},waiting,b",
            "2 clusters will be skipped if they still wait",
        ),
    ],
)
def test_skip_annotations_name_the_clusters(change: RequestedChange, value: str, said: str) -> None:
    assert marked(change) == {"ibgu.dev/skip": value}
    assert change.done.startswith(said)


@pytest.mark.parametrize("if_waiting", [True, False])
def test_a_skip_that_names_no_cluster_is_refused(if_waiting: bool) -> None:
    with pytest.raises(ChangeRefused, match=r"^no cluster of ran is named: nothing to skip$"):
        skip_named(target("Prep"), [], if_waiting=if_waiting)


def test_a_skip_of_clusters_that_do_not_wait_is_refused() -> None:
    others = {"a": "in flight (Prep)", "zz": "not in step 1"}
    with pytest.raises(ChangeRefused) as refused:
        skip_named(target("Prep"), ["a", "b", "zz"], others)
    assert str(refused.value) == (
        "nothing was skipped, because only waiting clusters can be: in flight (Prep): a; "
        "not in step 1: zz; 1 other waits"
    )
    with pytest.raises(ChangeRefused, match=r"; 2 others wait$"):
        skip_named(target("Prep"), ["a", "b", "c"], {"a": "in flight"})
    change = skip_named(target("Prep"), ["a", "b", "zz"], others, if_waiting=True)
    assert marked(change) == {"ibgu.dev/skip": f"{STAMP},b"}
    assert change.done.endswith("; left out: in flight (Prep): a; not in step 1: zz")
    with pytest.raises(ChangeRefused, match=r"in flight: a$"):
        skip_named(target("Prep"), ["a"], {"a": "in flight"}, if_waiting=True)


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        (["Progressing"], "in flight (Prep): a; in no step: zz"),
        (["Progressing", "ClustersListed"], "in flight (Prep): a"),
        ([], "in flight (Prep): a"),
    ],
)
def test_a_direct_skip_reads_the_clusters_from_the_status(
    conditions: list[str], words: str
) -> None:
    found = target("Prep")
    entries = [{"name": "a", "currentAction": {"action": "Prep"}}, {"name": "b"}]
    told = [{"type": each, "status": "True"} for each in conditions]
    found.object["status"] = {"clusters": entries, "conditions": told}
    with pytest.raises(ChangeRefused, match=f"can be: {re.escape(words)};"):
        skip_named(found, ["a", "b", "zz"])
    assert marked(skip_named(found, ["b"])) == {"ibgu.dev/skip": f"{STAMP},b"}


def test_adopt_annotates_the_rollout() -> None:
    change = adopt(target("Prep"))
    assert marked(change) == {"ibgu.dev/adopt": f"olga {STAMP}"}


# -- retry -------------------------------------------------------------------------------------


def failure(cluster: str, action: str = "Prep", **labels: str) -> FailedCluster:
    return FailedCluster(cluster, action, {"name": cluster, **labels})


def test_failed_clusters_get_an_ibgu_of_their_own() -> None:
    found = target("Prep", "AbortOnFailure", "Upgrade")
    failures = [
        failure("s10"),
        failure("s9", "Upgrade"),
        FailedCluster("gone", "Prep", None, "is gone"),
    ]
    change = retry(found, failures)
    assert change.create is not None
    assert change.create["spec"]["ibuSpec"] == {"extra": "kept"}
    assert change.create["spec"]["clusterLabelSelectors"] == [
        {"matchExpressions": [{"key": "name", "operator": "In", "values": ["s9", "s10"]}]}
    ]
    assert plan_of(change) == [["Prep"], ["Upgrade"]]
    assert "; left out: gone (is gone); see `ibgu stragglers" in change.done
    assert "annotations" not in change.create["metadata"]
    assert change.create["metadata"]["name"].startswith("ran-retry-")
    assert retry(found, failures) == change
    assert change.kubectl.startswith("kubectl create -f - <<'EOF'\n{")


PREP_FAILED, UPGRADED = Action.PREP.failed_label, Action.UPGRADE.completed_label
PREPARED = Action.PREP.completed_label


def newest(outcome: Outcome | None = Outcome.FAILED, **more: Any) -> Member:
    fields: dict[str, Any] = {
        "rollout": "u1",
        "step": 0,
        "cluster": "s1",
        "uid": "c1",
        "position": 0,
        "reason": Reason(ReasonKind.SLOT, NOW),
    }
    if outcome is None:
        return member_of(**fields)
    ended = {"outcome": outcome, "failed_action": Action.PREP, "cause": Cause.NEVER_STARTED}
    return member_of(MemberState.FINISHED, **(fields | ended | more))


TAKEN_BACK = newest(
    Outcome.SUCCEEDED,
    completed=(CompletedAction(Action.ABORT_ON_FAILURE, NOW),),
    failed_action=None,
    cause=None,
)


@pytest.mark.parametrize(
    ("member", "labels", "newer", "words"),
    [
        (newest(), [], "", ""),
        (newest(cause=Cause.PREP_FAILED), [PREP_FAILED], "", ""),
        (newest(failed_action=Action.UPGRADE), [PREPARED], "", ""),
        (TAKEN_BACK, [], "", ""),
        (TAKEN_BACK, [PREPARED], "", "has continued since"),
        (
            TAKEN_BACK,
            [PREP_FAILED],
            "",
            "is back at Idle, but its labels are not removed yet: ",
        ),
        (newest(), [], "other", "owned by other now"),
        (newest(), None, "", "no ManagedCluster of that name is on the hub"),
        (newest(Outcome.CANCELLED), [], "", "cancelled"),
        (newest(Outcome.SKIPPED), [], "", "skipped"),
        (newest(Outcome.SUCCEEDED), [], "", "succeeded"),
        (newest(None), [], "", "is not finished"),
        (newest(late="completed late"), [], "", "completed late"),
        (newest(failed_action=None, cause=None), [], "", "the failed action is unknown"),
        (newest(cause=Cause.TAKEN_OVER), [], "", "TakenOver"),
        (newest(cause=Cause.CANCELLED), [], "", "Cancelled"),
        (newest(cause=Cause.PREEMPTED), [], "", "Preempted"),
        (newest(cause=Cause.RECREATED), [], "", "ClusterRecreated"),
        (
            newest(cause=Cause.UPGRADE_FAILED_AFTER_PIVOT, failed_action=Action.UPGRADE),
            [PREPARED, Action.UPGRADE.failed_label],
            "",
            "must be rolled back first, by `ibgu rollback --failed`",
        ),
        (
            newest(cause=Cause.ABORT_FAILED, failed_action=Action.ABORT),
            [PREPARED],
            "",
            "must be cleaned up by hand first, then by `ibgu confirm-cleanup`",
        ),
        (newest(cause=Cause.PREP_FAILED), [], "", "its labels have changed since"),
        (newest(), [UPGRADED], "", "its labels have changed since"),
        (newest(failed_action=Action.FINALIZE_UPGRADE), [], "", "its labels have changed since"),
        (newest(failed_action=Action.UPGRADE), [], "", f"the label {PREPARED} is missing"),
    ],
)
def test_retryable_clusters_depend_on_labels_and_newer_rollouts(
    member: Member, labels: list[str] | None, newer: str, words: str
) -> None:
    marks = None if labels is None else {"name": "s1"} | dict.fromkeys(labels, "")
    found = change_failure(member, marks, newer)
    assert found.unproven.startswith(words)
    assert bool(words) == bool(found.unproven)
    if words:
        with pytest.raises(ChangeRefused, match=r"^can't be retried: s1 \(.* stragglers ran -n"):
            retry(target("Prep"), [found])


def test_a_retry_names_the_clusters_left_out() -> None:
    failures = [
        failure("s1"),
        FailedCluster("s2", "Prep", {}, "cancelled"),
        failure("s3", "Upgrade"),
    ]
    change = retry(target("Prep", "Upgrade"), failures)
    assert change.create is not None
    assert "s2" not in str(change.create)
    assert change.done.endswith(
        "; left out: s2 (cancelled); see `ibgu stragglers ran -n edge -o yaml`"
    )


def test_an_abort_that_failed_is_tried_again_alone() -> None:
    again = failure("s1", "AbortOnFailure", **{PREP_FAILED: ""})
    assert plan_of(retry(target("Prep", "AbortOnFailure"), [again])) == [["AbortOnFailure"]]


def test_annotations_for_the_clusters_go_with_them() -> None:
    found = target("Prep", pause="x")
    found.object["metadata"]["annotations"]["a.lca.openshift.io/b"] = "1"
    change = retry(found, [failure("s1")])
    assert change.create is not None
    assert change.create["metadata"]["annotations"] == {"a.lca.openshift.io/b": "1"}
    assert ";" not in change.done


@pytest.mark.parametrize(
    ("plan", "action", "left"),
    [
        (("Prep", "Upgrade", "FinalizeUpgrade"), "FinalizeUpgrade", [["FinalizeUpgrade"]]),
        (("Upgrade", "FinalizeUpgrade"), "Upgrade", [["Prep"], ["Upgrade"], ["FinalizeUpgrade"]]),
        (("Rollback FinalizeRollback",), "FinalizeRollback", [["FinalizeRollback"]]),
        (("Rollback FinalizeRollback",), "Rollback", [["Rollback", "FinalizeRollback"]]),
        (("Prep", "AbortOnFailure", "Upgrade"), "AbortOnFailure", [["AbortOnFailure"]]),
    ],
)
def test_a_retry_omits_completed_actions(
    plan: tuple[str, ...], action: str, left: list[list[str]]
) -> None:
    assert plan_of(retry(target(*plan), [failure("s1", action)])) == left


@pytest.mark.parametrize(
    ("failures", "words"),
    [
        ([], "none of these clusters has failed"),
        ([FailedCluster("s1", "Prep", None, "is gone")], "s1 (is gone)"),
        (
            [FailedCluster(f"s{n}", "Prep", {}) for n in range(7)],
            "s0, s1, s2, s3, s4 and 2 more can't",
        ),
        (
            [failure("s1"), failure("s2", "FinalizeUpgrade")],
            "failed in different actions (FinalizeUpgrade, Prep)",
        ),
        (
            [failure("s1", ""), failure("s2", "AbortOnFailure")],
            "failed in different actions (AbortOnFailure, none)",
        ),
    ],
)
def test_impossible_retries_are_refused(failures: list[FailedCluster], words: str) -> None:
    with pytest.raises(ChangeRefused) as refused:
        retry(target("Prep", "Upgrade", "FinalizeUpgrade"), failures)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("failures", "words"),
    [
        ([], "none of these clusters has failed"),
        ([failure("s1")], ""),
        ([failure("s1"), failure("s2", "FinalizeUpgrade")], ""),
        ([failure("s1", **{PREP_FAILED: ""})], ""),
        (
            [
                failure("s1", "Upgrade", **{PREP_FAILED: ""}),
                FailedCluster("s2", "Abort", None, "gone"),
            ],
            "",
        ),
        (
            [FailedCluster("s2", "Abort", None, "gone"), FailedCluster("s3", "", None, "no")],
            "s2 (gone), s3 (no)",
        ),
    ],
)
def test_a_retry_that_is_refused_explains_the_cause(
    failures: list[FailedCluster], words: str
) -> None:
    """Empty: those that failed in one of the actions can."""
    told = why_no_retry(target("Prep", "Upgrade", "FinalizeUpgrade"), failures)
    assert words in told
    assert bool(words) == bool(told)


def test_a_retry_of_clusters_not_at_idle_needs_abort_first() -> None:
    with pytest.raises(ChangeRefused, match="use --abort-first"):
        retry(target("Prep"), [failure("s1", **{PREP_FAILED: ""})])


def test_a_retry_without_a_valid_remaining_plan_is_refused() -> None:
    with pytest.raises(ChangeRefused, match="write a new one"):
        retry(target("Abort"), [failure("s1", "Prep")])


# -- what the state allows ---------------------------------------------------------------------


def situation(
    *steps: str,
    hold: ReasonKind | None = None,
    step_hold: ReasonKind | None = None,
    state: StepState | None = StepState.RUNNING,
    waiting: int = 0,
    failed: int = 0,
    deleted: bool = False,
    complete: bool = False,
) -> RolloutSituation:
    plan = [PlanItem(step.split(), RolloutStrategy(1, 60)) for step in steps]
    rollout = Rollout(
        uid="u1",
        namespace="edge",
        name="ran",
        created_at=NOW,
        spec=RolloutSpec(plan=plan),
        state=RolloutState.COMPLETE if complete else RolloutState.RUNNING,
        hold=held(hold),
        deleted_at=NOW if deleted else None,
    )
    newest = None
    if state is not None:
        newest = Step(
            rollout="u1",
            index=0,
            actions=(Action.PREP,),
            max_concurrency=1,
            timeout=timedelta(hours=1),
            state=state,
            hold=held(step_hold),
        )
    return RolloutSituation(rollout, IBU_ACTIONS, newest, waiting, failed)


def held(kind: ReasonKind | None) -> Reason | None:
    return Reason(kind, NOW, "its words", None, ActingParty.PERSON) if kind else None


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            situation("Prep", step_hold=ReasonKind.CIRCUIT_BREAKER),
            " after the hold (CircuitBreaker: its words); the failures so far no longer count for "
            "this rollout",
        ),
        (situation("Prep", hold=ReasonKind.RESTORED), " after the hold (Restored: its words)"),
        (
            replace(
                situation("Prep", hold=ReasonKind.RESTORED),
                kept={"RolloutPolicy/freeze": 3, "ClusterHold": 1},
            ),
            " after the hold (Restored: its words); RolloutPolicy/freeze still keeps 3 clusters, "
            "ClusterHold still keeps 1 cluster",
        ),
        (replace(situation("Prep"), to_accept=2), "; the warnings of 2 clusters are accepted"),
        (situation("Prep"), ""),
    ],
)
def test_a_resume_says_which_hold_it_ends(found: RolloutSituation, said: str) -> None:
    change = resume(target("Prep"), found)
    assert change.done == f"ran goes on{said}"
    assert marked(change) == {"ibgu.dev/resume": f"olga {STAMP}"}


def why(found: RolloutSituation) -> dict[str, str]:
    return {permit.name: permit.why for permit in permits(found)}


def test_changes_permitted_in_a_running_rollout() -> None:
    told = why(situation("Prep"))
    assert {name for name, words in told.items() if not words} == {
        *("pause", "append-step", "finalize", "cancel", "rollback")
    }
    assert told["skip"] == "no cluster waits in the running step"
    assert why(situation("Prep", waiting=1, failed=1))["skip"] == ""
    assert why(situation("Prep", waiting=1, failed=1))["retry"] == ""


UPGRADED, UPGRADE_FAILED, ROLLED_BACK = UPGRADE_LABELS
AFTER_PIVOT = Cause.UPGRADE_FAILED_AFTER_PIVOT
NOT_UPGRADED = "none of its clusters is upgraded and not finalized"


@pytest.mark.parametrize(
    ("plan", "cause", "labels", "finalize", "rollback"),
    [
        ("Prep", None, (), NOT_UPGRADED, NOT_UPGRADED),
        ("Upgrade", None, (UPGRADED,), "", ""),
        ("Upgrade", Cause.UPGRADE_FAILED, (UPGRADE_FAILED,), NOT_UPGRADED, NOT_UPGRADED),
        ("Upgrade", AFTER_PIVOT, (UPGRADE_FAILED,), NOT_UPGRADED, ""),
        ("Upgrade", AFTER_PIVOT, (UPGRADE_FAILED, ROLLED_BACK), NOT_UPGRADED, NOT_UPGRADED),
        ("Upgrade", None, (UPGRADED, ROLLED_BACK), NOT_UPGRADED, NOT_UPGRADED),
        ("Rollback", None, (UPGRADED, ROLLED_BACK), "", NOT_UPGRADED),
        (
            *("Rollback", None, (UPGRADED,)),
            *("none of its clusters is rolled back and not finalized", ""),
        ),
    ],
)
def test_a_finalization_and_a_rollback_need_clusters_that_they_fit(
    plan: str, cause: Cause | None, labels: tuple[str, ...], finalize: str, rollback: str
) -> None:
    found = frozenset([(None, frozenset[str]()), (cause, frozenset(labels))])
    told = why(replace(situation(plan), upgrade_labels=found))
    assert (told["finalize"], told["rollback"]) == (finalize, rollback)
    assert told["cancel"] == ""


def test_nothing_is_finalized_or_rolled_back_before_the_first_step() -> None:
    told = why(replace(situation("Prep", state=None), upgrade_labels=frozenset()))
    assert told["finalize"] == told["rollback"] == told["cancel"]
    assert told["cancel"].startswith("it has no clusters yet")


@pytest.mark.parametrize("state", [None, StepState.FINISHED, StepState.OPENING])
def test_nobody_is_skipped_outside_of_a_running_step(state: StepState | None) -> None:
    assert why(situation("Prep", state=state, waiting=1))["skip"] == "no step is running"
    assert why(situation("Prep", state=state))["resume"] == "nothing of ran is held"


@pytest.mark.parametrize(
    ("approvals", "way"),
    [
        (("Step",), "; `ibgu approve ran -n edge --step 1 --before Step`"),
        ((), "; `ibgu policy explain board`"),
    ],
)
def test_a_resume_that_ends_no_hold_of_a_policy_is_refused(
    approvals: tuple[str, ...], way: str
) -> None:
    kept = {"RolloutPolicy/board": 2}
    found = replace(situation("Prep", waiting=2), kept=kept, approvals=approvals)
    assert why(found)["resume"] == (
        "nothing of ran is held but by policies, which a resume does not end: "
        f"RolloutPolicy/board keeps 2 clusters{way}"
    )


def test_a_resume_that_ends_no_hold_of_a_cluster_is_refused() -> None:
    found = replace(situation("Prep", waiting=2), kept={"ClusterHold": 1})
    assert why(found)["resume"].endswith("does not end: ClusterHold keeps 1 cluster")


def test_an_approval_is_permitted_while_clusters_wait_for_it() -> None:
    found = replace(situation("Upgrade", waiting=1), approvals=("Rest", "Upgrade"))
    (permit,) = [each for each in permits(found) if each.name == "approve"]
    assert permit.why == ""
    assert [(each.step, each.before, each.what) for each in permit.approvals] == [
        (1, "Rest", "the rest of step 1"),
        (1, "Upgrade", "Upgrade of step 1"),
    ]
    nothing = "no cluster waits for an approval, and no policy asks for one"
    assert why(situation("Upgrade", waiting=1))["approve"] == nothing


def test_an_approval_that_a_policy_asks_for_may_come_before_a_cluster_waits() -> None:
    found = replace(
        situation("Prep", "FinalizeUpgrade"), approvals=("Rest",), ahead=((0, "Rest"), (1, "Step"))
    )
    (permit,) = [each for each in permits(found) if each.name == "approve"]
    assert [(each.what, each.ahead, each.danger) for each in permit.approvals] == [
        ("the rest of step 1", False, Danger.REVERSIBLE),
        ("step 2", True, Danger.IRREVERSIBLE),
    ]
    assert why(replace(found, approvals=()))["approve"] == ""


REST: JsonObject = {"approval": {"before": "Rest", "fourEyes": False}}


@pytest.mark.parametrize(
    ("state", "policies", "ahead"),
    [
        (StepState.RUNNING, {"a": REST}, ((0, "Rest"), (1, "Rest"))),
        (StepState.FINISHED, {"a": REST}, ((1, "Rest"),)),
        (None, {"a": REST, "b": REST}, ((0, "Rest"),)),
        (StepState.RUNNING, {"a": REST | {"actions": ["Upgrade"]}}, ((1, "Rest"),)),
        (StepState.RUNNING, {"a": REST | {"rollouts": {"namespaces": ["lab"]}}}, ()),
        (
            StepState.RUNNING,
            {"a": REST | {"rollouts": {"selector": {"matchLabels": {"a": "b"}}}}},
            (),
        ),
        (StepState.RUNNING, {"a": None, "b": {}}, ()),
    ],
)
def test_policies_ask_for_approvals_of_the_running_and_the_next_step(
    state: StepState | None, policies: JsonObject, ahead: tuple[tuple[int, str], ...]
) -> None:
    found = situation("Prep", "Upgrade", "FinalizeUpgrade", state=state)
    assert approvals_ahead(found.rollout, found.newest, policies, NOW) == ahead


def test_nothing_is_left_to_approve_once_enough_people_have() -> None:
    found = situation("Prep")
    given = Approval("u", "n", "nora", 0, "Rest")
    rollout = replace(found.rollout, grants=Grants((given,)))
    assert approvals_ahead(rollout, found.newest, {"a": REST}, NOW) == ()
    two: JsonObject = {"approval": {"before": "Rest", "approvers": 2, "fourEyes": False}}
    assert approvals_ahead(rollout, found.newest, {"a": two}, NOW) == ((0, "Rest"),)


@pytest.mark.parametrize(
    ("before", "actions", "lost"),
    [
        ("Prep", ("Prep", "Upgrade"), None),
        ("Upgrade", ("Prep", "Upgrade", "FinalizeUpgrade"), "FinalizeUpgrade"),
        ("Rest", ("FinalizeUpgrade",), "FinalizeUpgrade"),
        ("Step", ("Upgrade", "FinalizeUpgrade"), "FinalizeUpgrade"),
        ("Upgrade", ("Abort", "Upgrade"), None),
    ],
)
def test_an_approval_has_the_risk_of_what_may_start_then(
    before: str, actions: tuple[str, ...], lost: str | None
) -> None:
    waits = situation(" ".join(actions), waiting=1)
    assert waits.newest is not None
    found = replace(waits, newest=replace(waits.newest, actions=actions), approvals=(before,))
    (permit,) = [each for each in permits(found) if each.name == "approve"]
    [awaited] = permit.approvals
    expected = Risk()
    if lost is not None:
        risk = RISKS[Action(lost)]
        expected = Risk(risk.danger, f"The clusters may go on with {lost}. {risk.lost}")
    assert awaited.danger == expected.danger
    assert approve(target(" ".join(actions)), 1, before).risk == expected


def test_no_approval_is_awaited_before_the_first_step() -> None:
    found = replace(situation("Prep", waiting=1), approvals=("Prep",), newest=None)
    (permit,) = [each for each in permits(found) if each.name == "approve"]
    assert permit.approvals == ()


def test_a_resume_accepts_warnings_where_nothing_is_held() -> None:
    assert why(replace(situation("Upgrade", waiting=1), to_accept=1))["resume"] == ""


@pytest.mark.parametrize(
    "held_by",
    [
        {"hold": ReasonKind.PAUSED},
        {"hold": ReasonKind.RESTORED, "state": None},
        {"step_hold": ReasonKind.CIRCUIT_BREAKER},
        {"step_hold": ReasonKind.PAYLOAD_CHANGED},
        {"hold": ReasonKind.TALM, "step_hold": ReasonKind.CIRCUIT_BREAKER},
    ],
)
def test_resume_is_permitted_for_holds_that_a_person_ends(held_by: dict[str, Any]) -> None:
    assert why(situation("Prep", **held_by))["resume"] == ""


def test_resume_is_refused_for_other_holds() -> None:
    words = "a resume does not end this hold: its words"
    for state in (None, StepState.RUNNING):
        assert why(situation("Prep", hold=ReasonKind.TALM, state=state))["resume"] == words
    assert why(situation("Prep", step_hold=ReasonKind.FLOOR))["resume"] == words


def test_changes_without_effect_are_refused() -> None:
    assert why(situation("Prep", hold=ReasonKind.PAUSED))["pause"] == "it is paused already"
    over = why(situation("Prep", state=StepState.FINISHED, complete=True))
    assert over["pause"].startswith("it is complete: there is nothing left")
    planned = replace(situation("Prep", state=StepState.FINISHED, complete=True), planned=1)
    assert why(planned)["pause"] == ""
    appended = situation("Prep", "Upgrade", state=StepState.FINISHED, complete=True)
    assert why(appended)["pause"] == ""
    assert why(situation("Prep", hold=ReasonKind.ADOPTION))["adopt"] == ""
    told = why(situation("Rollback", "FinalizeRollback"))
    assert told["append-step"] == "nothing may follow [Rollback][FinalizeRollback]"
    assert why(situation("Prep", state=None))["cancel"].startswith("it has no clusters yet")


def test_a_deleted_rollout_takes_no_change() -> None:
    told = permits(situation("Prep", deleted=True))
    assert {each.why for each in told} == {"the ImageBasedGroupUpgrade was deleted"}
    assert not any(each.allowed for each in told)
    assert next(iter(permits(situation("Prep")))).allowed


def test_a_deleted_rollout_is_not_on_the_hub() -> None:
    require_on_hub(situation("Prep").rollout)
    with pytest.raises(ChangeRefused, match=r"^the ImageBasedGroupUpgrade was deleted$"):
        require_on_hub(situation("Prep", deleted=True).rollout)


def test_the_least_dangerous_comes_first() -> None:
    found = permits(situation("Prep", "Upgrade", "FinalizeUpgrade", failed=1))
    assert [each.danger for each in found] == sorted(
        (each.danger for each in found), key=list(Danger).index
    )
    names = [each.name for each in found]
    assert names.index("append-step") < names.index("retry") < names.index("skip")
    found = permits(situation("Prep", "Upgrade"))
    steps = {each.name: each.plans for each in found}["append-step"]
    assert steps == (("FinalizeUpgrade",), ("AbortOnFailure",))
    assert {each.plans for each in permits(situation("Prep"))} == {
        (),
        (("Upgrade",), ("Upgrade", "FinalizeUpgrade"), ("Abort",), ("AbortOnFailure",)),
    }


def test_a_resume_risks_what_its_step_does() -> None:
    """A circuit breaker in the middle of FinalizeUpgrade: a resume finalizes the others, too."""

    def risk(*actions: Action) -> Risk:
        found = situation("Prep", step_hold=ReasonKind.CIRCUIT_BREAKER)
        assert found.newest
        return risk_of_resume(replace(found, newest=replace(found.newest, actions=actions)))

    assert risk(Action.UPGRADE) == Risk()
    found = risk(Action.UPGRADE, Action.FINALIZE_UPGRADE)
    assert found.danger is Danger.IRREVERSIBLE
    assert found.lost.startswith("The rollout goes on with FinalizeUpgrade. The release from")
    assert risk(Action.ABORT_ON_FAILURE).danger is Danger.DESTRUCTIVE


def test_a_resume_between_steps_risks_what_the_next_one_does() -> None:
    def risk(*steps: str, state: StepState | None) -> Risk:
        return risk_of_resume(situation(*steps, hold=ReasonKind.RESTORED, state=state))

    first = risk("FinalizeUpgrade", state=None)
    assert first.danger is Danger.IRREVERSIBLE
    assert risk("Upgrade", "FinalizeUpgrade", state=StepState.FINISHED) == first
    assert risk("Upgrade", "FinalizeUpgrade", state=None) == Risk()
    assert risk("FinalizeUpgrade", state=StepState.FINISHED) == Risk()


def test_a_resume_risks_a_step_that_was_appended_a_moment_ago() -> None:
    over = situation("Prep", hold=ReasonKind.RESTORED, state=StepState.FINISHED)
    found = resume(target("Prep", "FinalizeUpgrade"), over).risk
    assert found.danger is Danger.IRREVERSIBLE
    assert resume(target("Prep"), over).risk == Risk()


def test_the_risk_of_a_resume_is_read_from_the_status() -> None:
    def risk(message: str, *, over: str = "True") -> Risk:
        found = target("Upgrade", "FinalizeUpgrade")
        condition = {"type": "Progressing", "status": over, "message": message}
        found.object["status"] = {"conditions": [condition]}
        return resume(found).risk

    words = "Waiting for plan step {} to be completed (1 of 3 clusters done)"
    assert risk(words.format(0)) == Risk()
    assert risk(words.format(1)).danger is Danger.IRREVERSIBLE
    assert risk("All plan steps are completed", over="False") == Risk()
    unsaid = resume(target("Upgrade", "FinalizeUpgrade")).risk
    assert unsaid.lost.startswith("The rollout goes on with FinalizeUpgrade.")
    assert resume(target("Upgrade")).risk == Risk()
    assert resume(target("FinalizeUpgrade", pause="olga")).risk.danger is Danger.IRREVERSIBLE


def test_a_retry_risks_what_the_plan_does() -> None:
    """The plan's aborts are no risk: they are not done again with it."""
    assert risk_of_retry([["Prep"], ["Upgrade"]]) == Risk()
    assert risk_of_retry([["Prep"], ["AbortOnFailure"]]) == Risk()
    found = risk_of_retry([["Prep"], ["Upgrade", "FinalizeUpgrade"]])
    assert found.danger is Danger.IRREVERSIBLE
    assert found.lost.startswith("The failed clusters go through FinalizeUpgrade. The release")
    both = risk_of_retry([["Rollback"], ["FinalizeRollback"]])
    assert both.danger is Danger.DESTRUCTIVE
    assert both.lost.startswith("The failed clusters go through Rollback and FinalizeRollback.")
    assert all(
        RISKS[each].lost in both.lost for each in (Action.ROLLBACK, Action.FINALIZE_ROLLBACK)
    )
    dangers = [
        danger_of("retry", situation("Prep", "FinalizeUpgrade", failed=failed)) for failed in (0, 1)
    ]
    assert dangers == [Danger.REVERSIBLE, Danger.IRREVERSIBLE]


def danger_of(name: str, found: RolloutSituation) -> Danger:
    return next(each.danger for each in permits(found) if each.name == name)


def risk_of_resume(found: RolloutSituation) -> Risk:
    """Returns the risk, by the journal; a button that may be pressed has its danger."""
    plan = [" ".join(item.actions) for item in found.rollout.spec.plan]
    risk = resume(target(*plan), found).risk
    allowed_now = why(found)["resume"] == ""
    assert danger_of("resume", found) == (risk.danger if allowed_now else Danger.REVERSIBLE)
    return risk


def test_every_irreversible_change_names_what_is_lost() -> None:
    last = target("Prep")
    changes = [
        append(last, NewStep(("Upgrade", "FinalizeUpgrade"))),
        skip(last),
        skip_named(last, ["a"]),
        adopt(last),
        break_glass(last, ["ClusterHold"], "INC-7", timedelta(hours=1)),
    ]
    assert all(each.risk.danger is not Danger.REVERSIBLE for each in changes)
    assert append(last, NewStep(("Upgrade",))).risk == pause(last).risk == Risk()
    of_actions = [each.risk for driver in DRIVERS.values() for each in driver.actions.actions]
    risks = [*of_actions, *(each.risk for each in changes)]
    assert set(RISKS) == set(Action)
    assert all((risk.danger is Danger.REVERSIBLE) == (not risk.lost) for risk in risks)
    back = {action for action, risk in RISKS.items() if risk.danger is Danger.REVERSIBLE}
    assert back == {Action.PREP, Action.UPGRADE}


def test_a_rollout_that_was_created_again_is_not_changed_by_its_name() -> None:
    found = target("Prep")
    found.require("u1")
    words = "ran was deleted and created again: look at the new one, then try again"
    with pytest.raises(ChangeRefused, match=re.escape(words)):
        found.require("u0")


def test_a_change_that_changes_nothing_risks_nothing() -> None:
    """Nobody confirms a change that changes nothing."""
    assert append(target("Prep", "Abort"), NewStep(("Abort",), 7, 60)).risk == Risk()
    paused = situation("FinalizeUpgrade", hold=ReasonKind.PAUSED)
    assert resume(target("FinalizeUpgrade"), paused).risk == Risk()


def test_a_missing_right_comes_before_the_state() -> None:
    found = denied([Permit("pause", "it is paused already"), Permit("skip")], {"pause": "no right"})
    assert [(each.name, each.why) for each in found] == [("pause", "no right"), ("skip", "")]
