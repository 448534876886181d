"""R50.13: a policy lets start what people have approved."""

import re
from datetime import timedelta
from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import ActingParty, Kind, MemberState, OnRollout, Outcome, ReasonKind
from ibgu.core.model.names import step_author
from ibgu.core.plan.grants import MAX_GRANTS
from tests.core.engine.decide.builders import START
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.grants import approve, withdraw
from tests.core.engine.gates.policies.policy import policy, reason, set_policies

ASKS: dict[str, Any] = {"approval": {"fourEyes": False}}
FINALIZE: dict[str, Any] = {
    "actions": ["FinalizeUpgrade"],
    "approval": {"before": "Action", "fourEyes": False},
}

REST = "1 person must approve the rest of step 1 behind its canaries (ibgu approve --before Rest)"


def fleet(*clusters: str, **spec: Any) -> InMemoryEngine:
    """A fleet under one policy."""
    twin = InMemoryEngine(*(clusters or ("site-1",)))
    Invariants(twin)
    set_policies(twin, policy(**spec))
    return twin


def start(twin: InMemoryEngine, *steps: str, author: str = "") -> None:
    """Applies the rollout; `author`: who says that they have written the first step."""
    twin.apply(ibgu("a", *steps))
    if author:
        twin.annotate("uid-a", **{step_author(0).removeprefix("ibgu.dev/"): author})
    twin.wait(minutes=5)


def message(twin: InMemoryEngine) -> str:
    return reason(twin, "uid-a", "site-1").message


def test_a_step_waits_until_somebody_approves_it() -> None:
    twin = fleet(**ASKS)
    start(twin, "Prep")
    found = reason(twin, "uid-a", "site-1")
    assert (found.kind, found.gate) == (ReasonKind.GATE, "RolloutPolicy/network")
    assert found.message == "1 person must approve step 1"
    assert found.who is ActingParty.PERSON
    twin.wait(days=3)
    assert twin.member("uid-a", 0, "site-1").state is MemberState.WAITING
    approve(twin, "alice", comment="CHG-4711")
    twin.wait(minutes=30)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    [told] = twin.decisions(Kind.APPROVAL)
    assert isinstance(told, OnRollout)
    assert (told.why, told.actor) == ("alice approves step 1: CHG-4711", "alice")


def test_an_approval_of_another_step_or_point_does_not_count() -> None:
    twin = fleet(**ASKS)
    start(twin, "Prep", "Upgrade")
    approve(twin, "alice", step=2)
    approve(twin, "alice", before="Rest")
    approve(twin, "alice", before="Prep")
    twin.wait(minutes=5)
    assert message(twin) == "1 person must approve step 1"


def test_an_action_waits_inside_the_chain_and_keeps_its_slot() -> None:
    twin = fleet("site-1", "site-2", **FINALIZE)
    twin.apply(ibgu("a", "Prep Upgrade FinalizeUpgrade", concurrency=1))
    twin.wait(hours=2)
    member = twin.member("uid-a", 0, "site-1")
    assert (member.state, member.reason.kind) == (MemberState.IN_FLIGHT, ReasonKind.GATE)
    assert message(twin) == (
        "1 person must approve FinalizeUpgrade of step 1 (ibgu approve --before FinalizeUpgrade)"
    )
    assert twin.member("uid-a", 0, "site-2").state is MemberState.WAITING
    assert twin.tracked("uid-a").steps[0].step.stopped_since is not None
    approve(twin, "alice", before="FinalizeUpgrade")
    twin.wait(hours=4)
    outcomes = [twin.member("uid-a", 0, name).outcome for name in ("site-1", "site-2")]
    assert outcomes == [Outcome.SUCCEEDED, Outcome.SUCCEEDED]


def test_an_approval_that_is_deleted_no_longer_counts_for_the_next() -> None:
    twin = fleet("site-1", "site-2", **ASKS)
    twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(minutes=5)
    name = approve(twin, "alice")
    twin.until(Kind.RUN_ACCEPTED)
    withdraw(twin, name)
    twin.wait(hours=2)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    assert reason(twin, "uid-a", "site-2").message == "1 person must approve step 1"
    assert twin.told(Kind.APPROVAL)[-1] == "the approval of step 1 by alice was deleted"


def test_a_cluster_that_waits_for_a_slot_is_kept_once_an_approval_is_deleted() -> None:
    twin = fleet("site-1", "site-2", **ASKS)
    twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(minutes=5)
    name = approve(twin, "alice")
    twin.until(Kind.RUN_ACCEPTED)
    assert reason(twin, "uid-a", "site-2").kind is ReasonKind.READY
    withdraw(twin, name)
    twin.until(Kind.APPROVAL)
    twin.step()
    assert twin.member("uid-a", 0, "site-1").state is MemberState.IN_FLIGHT
    assert reason(twin, "uid-a", "site-2").message == "1 person must approve step 1"


def test_an_approval_counts_until_its_end() -> None:
    twin = fleet(**ASKS)
    start(twin, "Prep")
    twin.spokes["site-1"].dark = True
    approve(twin, "alice", until=(twin.now + timedelta(hours=1)).isoformat())
    twin.wait(hours=2)
    twin.spokes["site-1"].dark = False
    twin.touch_everything()
    twin.wait(minutes=10)
    assert message(twin) == "1 person must approve step 1"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"until": "tomorrow"}, "until is no time such as 2026-12-02T00:00:00Z"),
        ({"step": 4}, "the plan had no step 4 when ibgu saw it"),
        ({"step": 0}, "the plan had no step 0 when ibgu saw it"),
        ({"before": "Upgrade"}, "step 1 has no Upgrade"),
    ],
)
def test_an_approval_that_approves_nothing_is_refused(spec: dict[str, Any], words: str) -> None:
    twin = fleet(**ASKS)
    start(twin, "Prep")
    approve(twin, "alice", **spec)
    twin.wait(minutes=1)
    assert message(twin) == "1 person must approve step 1"
    assert twin.told(Kind.APPROVAL)[-1].endswith(f"does not count: {words}")


def test_an_approval_from_before_its_step_was_planned_never_counts() -> None:
    twin = fleet(**ASKS)
    start(twin, "Prep")
    approve(twin, "alice", step=2)
    approve(twin, "alice", step=1)
    twin.wait(minutes=30)
    twin.append("uid-a", "Upgrade")
    twin.wait(minutes=5)
    found = twin.member("uid-a", 1, "site-1")
    assert not found.finished
    assert found.reason.message == "1 person must approve step 2"
    approve(twin, "alice", step=2)
    twin.wait(hours=1)
    assert twin.member("uid-a", 1, "site-1").outcome is Outcome.SUCCEEDED


def test_an_approval_from_before_the_admission_policy_is_refused() -> None:
    twin = fleet(**ASKS)
    start(twin, "Prep")
    twin.proven_since = twin.now - timedelta(seconds=5)
    approve(twin, "alice")
    twin.wait(minutes=1)
    assert message(twin) == "1 person must approve step 1"
    assert "ibgu-grants" in twin.told(Kind.APPROVAL)[-1]
    twin.wait(minutes=1)
    approve(twin, "alice")
    twin.wait(minutes=30)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_an_approval_counts_no_longer_once_the_admission_policy_is_another_one() -> None:
    twin = fleet("site-1", "site-2", **ASKS)
    twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(minutes=5)
    approve(twin, "alice")
    twin.until(Kind.RUN_ACCEPTED)
    twin.proven_since = twin.now
    twin.touch("uid-a")
    twin.wait(hours=2)
    assert reason(twin, "uid-a", "site-2").message == "1 person must approve step 1"


def test_grants_that_can_not_be_read_hold_what_starts() -> None:
    twin = fleet(**ASKS)
    start(twin, "Prep")
    approve(twin, "alice")
    twin.grants_readable = False
    twin.touch_everything()
    twin.wait(minutes=5)
    assert message(twin) == "the policy asks for approval of step 1, and grants can't be read"
    twin.grants_readable = True
    twin.touch_everything()
    twin.wait(minutes=30)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_an_approval_for_an_older_rollout_of_the_name_does_not_count() -> None:
    twin = fleet(**ASKS)
    approve(twin, "alice", created=START - timedelta(minutes=1))
    start(twin, "Prep")
    assert message(twin) == "1 person must approve step 1"
    approve(twin, "alice", rollout={"name": "a", "uid": "another"})
    twin.wait(minutes=5)
    assert message(twin) == "1 person must approve step 1"
    approve(twin, "alice", rollout={"name": "a", "uid": "uid-a"})
    twin.wait(minutes=30)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_two_people_must_approve_if_the_author_is_not_proven() -> None:
    twin = fleet(approval={})
    start(twin, "Prep")
    assert message(twin) == (
        "2 people must approve step 1; 1 is enough once the step's author is proven: they annotate "
        "the rollout with ibgu.dev/step-1-author"
    )
    approve(twin, "alice")
    approve(twin, "alice")
    twin.wait(minutes=5)
    assert message(twin).startswith("2 people must approve step 1, and alice has; 1 is enough")
    approve(twin, "bob")
    twin.wait(minutes=30)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_the_author_of_a_step_does_not_count() -> None:
    twin = fleet(approval={})
    start(twin, "Prep", author="alice")
    approve(twin, "alice")
    twin.wait(minutes=5)
    assert message(twin) == (
        "1 person must approve step 1; alice, who is the step's author, does not count"
    )
    approve(twin, "bob")
    twin.wait(minutes=30)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_rollout_older_than_the_admission_policy_has_no_proven_author() -> None:
    twin = fleet(approval={})
    twin.proven_since = START
    start(twin, "Prep", author="alice")
    assert message(twin) == (
        "2 people must approve step 1; the author of the step is not proven, because the rollout "
        "is too old for that"
    )


def test_the_policy_says_the_number_of_approvers() -> None:
    twin = fleet(approval={"approvers": 3})
    start(twin, "Prep")
    for user in ("alice", "bob"):
        approve(twin, user)
    twin.wait(minutes=5)
    assert message(twin) == "3 people must approve step 1, and alice, bob have"
    approve(twin, "carol")
    twin.wait(minutes=30)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("before", "then"), [("Rest", "; what comes behind them also takes approval"), ("Step", "")]
)
def test_while_canaries_soak_the_others_learn_of_the_approval(before: str, then: str) -> None:
    canaries = {"count": 1, "soakMinutes": 120}
    approval = {"before": before, "fourEyes": False}
    twin = fleet("site-1", "site-2", canaries=canaries, approval=approval)
    if before == "Step":
        start(twin, "Prep")
        approve(twin, "alice")
    else:
        twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=1)
    found = reason(twin, "uid-a", "site-2").message
    assert re.fullmatch(
        f"the canaries have succeeded, and must stay available until [-0-9T:]+Z{then}", found
    )


def test_the_rest_waits_behind_the_canaries_until_it_is_approved() -> None:
    twin = fleet(
        "site-1",
        "site-2",
        "site-3",
        canaries={"count": 1},
        approval={"before": "Rest", "fourEyes": False},
    )
    twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=1)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    found = reason(twin, "uid-a", "site-2")
    assert found.message == REST
    approve(twin, "alice", before="Rest")
    twin.wait(hours=1)
    assert twin.member("uid-a", 0, "site-3").outcome is Outcome.SUCCEEDED


def test_clusters_that_the_policy_does_not_select_need_no_approval() -> None:
    twin = fleet("site-1", **ASKS, clusters={"selector": {"matchLabels": {"network": "ran"}}})
    start(twin, "Prep")
    twin.wait(minutes=30)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_step_without_an_action_of_the_policy_needs_no_approval() -> None:
    twin = fleet("site-1", actions=["Upgrade"], **ASKS)
    start(twin, "Prep")
    twin.wait(minutes=30)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_no_way_back_waits_for_approval() -> None:
    twin = fleet(**ASKS)
    start(twin, "Prep")
    approve(twin, "alice")
    twin.wait(minutes=30)
    twin.append("uid-a", "Abort")
    twin.wait(minutes=30)
    assert twin.member("uid-a", 1, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"approval": {"approvers": 0}}, "spec.approval.approvers: is less than 1"),
        (
            {"approval": {"before": "Action"}},
            "spec.approval.before: Action needs spec.actions, the actions to approve",
        ),
        (
            {"approval": {"before": "Rest"}},
            "spec.approval.before: Rest needs spec.canaries, behind which the rest comes",
        ),
    ],
)
def test_an_approval_that_can_not_be_followed_holds(spec: dict[str, Any], words: str) -> None:
    twin = fleet(**spec)
    start(twin, "Prep")
    assert message(twin) == f"the policy can't be followed: {words}"


def test_a_failed_canary_holds_the_step_although_the_rest_needs_approval() -> None:
    twin = fleet(
        "site-1",
        "site-2",
        canaries={"count": 1},
        approval={"before": "Rest", "fourEyes": False},
    )
    twin.spokes["site-1"].faults[Stage.PREP] = "fail"
    twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=5)
    [held] = twin.told(Kind.STEP_HELD)
    assert held.startswith("1 of 1 canaries failed")


def test_the_rest_needs_approval_also_in_a_step_without_canaries() -> None:
    nobody = {"selector": {"matchLabels": {"canary": "yes"}}}
    twin = fleet(canaries=nobody, approval={"before": "Rest", "fourEyes": False})
    start(twin, "Prep")
    assert message(twin) == REST


def test_approvals_beyond_the_bound_are_not_read_and_the_reason_says_so() -> None:
    twin = fleet(**ASKS)
    start(twin, "Prep")
    old = [approve(twin, "alice", step=2) for _ in range(MAX_GRANTS)]
    twin.wait(minutes=1)
    late = approve(twin, "alice")
    twin.wait(minutes=5)
    assert message(twin) == (
        "1 person must approve step 1; the rollout has 51 RolloutApprovals, and only the 50 oldest "
        "are read: delete those of no use, then approve again (kubectl get rolloutapprovals "
        "--sort-by=.metadata.creationTimestamp -n fleet)"
    )
    assert twin.decisions(Kind.APPROVAL)[-1].why.startswith("1 of the rollout's approvals and")
    withdraw(twin, old[0])
    twin.wait(minutes=5)
    assert message(twin) == "1 person must approve step 1"
    refused, deleted, read = (each.why for each in twin.decisions(Kind.APPROVAL)[-3:])
    assert "write it again" in refused
    assert deleted == "the approval of step 2 by alice was deleted"
    assert read == "all approvals and BreakGlasses of the rollout are read"
    withdraw(twin, late)
    twin.wait(minutes=1)
    approve(twin, "alice")
    twin.wait(minutes=30)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
