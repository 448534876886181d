"""R50.13: a policy lets start what people have approved."""

import re
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import ActingParty, Kind, MemberState, OnRollout, Outcome, ReasonKind
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.model.names import step_author
from ibgu.core.plan.grants import MAX_GRANTS
from ibgu.core.views.preview import Proposal, preview
from tests.core.engine.decide.builders import START
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.grants import STEP_1, STEP_2, approve, withdraw
from tests.core.engine.gates.policies.policy import policy, reason, set_policies

ASKS: dict[str, Any] = {"approval": {"fourEyes": False}}
FINALIZE: dict[str, Any] = {
    "actions": ["FinalizeUpgrade"],
    "approval": {"before": "Action", "fourEyes": False},
}

UNPROVEN = (
    f"1 person must approve {STEP_1}; the approval by alice does not count: it is older than the "
    "admission policy ibgu-grants"
)
REST = (
    "1 person must approve the rest of step 1 behind its canaries "
    "(`ibgu approve a -n fleet --step 1 --before Rest`)"
)


def fleet(*clusters: str, **spec: Any) -> InMemoryEngine:
    """A fleet under one policy."""
    engine = InMemoryEngine(*(clusters or ("site-1",)))
    Invariants(engine)
    set_policies(engine, policy(**spec))
    return engine


def start(engine: InMemoryEngine, *steps: str, author: str = "") -> None:
    """Applies the rollout; `author`: who says that they have written the first step."""
    engine.apply(ibgu("a", *steps))
    if author:
        engine.annotate("uid-a", **{step_author(0).removeprefix("ibgu.dev/"): author})
    engine.wait(minutes=5)


def message(engine: InMemoryEngine) -> str:
    return reason(engine, "uid-a", "site-1").message


def test_a_step_waits_until_somebody_approves_it() -> None:
    engine = fleet(**ASKS)
    start(engine, "Prep")
    found = reason(engine, "uid-a", "site-1")
    assert (found.kind, found.gate) == (ReasonKind.GATE, "RolloutPolicy/network")
    assert found.message == f"1 person must approve {STEP_1}"
    assert found.who is ActingParty.PERSON
    engine.wait(days=3)
    assert engine.member("uid-a", 0, "site-1").state is MemberState.WAITING
    approve(engine, "alice", comment="CHG-4711")
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    [told] = engine.decisions(Kind.APPROVAL)
    assert isinstance(told, OnRollout)
    assert (told.why, told.actor) == ("alice approves step 1: CHG-4711", "alice")


def test_an_approval_of_another_step_or_point_does_not_count() -> None:
    engine = fleet(**ASKS)
    start(engine, "Prep", "Upgrade")
    approve(engine, "alice", step=2)
    approve(engine, "alice", before="Rest")
    approve(engine, "alice", before="Prep")
    engine.wait(minutes=5)
    assert message(engine) == f"1 person must approve {STEP_1}"


def test_an_action_waits_inside_the_chain_and_keeps_its_slot() -> None:
    engine = fleet("site-1", "site-2", **FINALIZE)
    engine.apply(ibgu("a", "Prep Upgrade FinalizeUpgrade", concurrency=1))
    engine.wait(hours=2)
    member = engine.member("uid-a", 0, "site-1")
    assert (member.state, member.reason.kind) == (MemberState.IN_FLIGHT, ReasonKind.GATE)
    assert message(engine) == (
        "1 person must approve FinalizeUpgrade of step 1 "
        "(`ibgu approve a -n fleet --step 1 --before FinalizeUpgrade`)"
    )
    assert engine.member("uid-a", 0, "site-2").state is MemberState.WAITING
    assert engine.tracked("uid-a").steps[0].step.stopped_since is not None
    approve(engine, "alice", before="FinalizeUpgrade")
    engine.wait(hours=4)
    outcomes = [engine.member("uid-a", 0, name).outcome for name in ("site-1", "site-2")]
    assert outcomes == [Outcome.SUCCEEDED, Outcome.SUCCEEDED]


def test_an_approval_that_is_deleted_no_longer_counts_for_the_next() -> None:
    engine = fleet("site-1", "site-2", **ASKS)
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(minutes=5)
    name = approve(engine, "alice")
    engine.until(Kind.RUN_ACCEPTED)
    withdraw(engine, name)
    engine.wait(hours=2)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    assert reason(engine, "uid-a", "site-2").message == f"1 person must approve {STEP_1}"
    assert engine.told(Kind.APPROVAL)[-1] == "the approval of step 1 by alice was deleted"


def test_a_cluster_that_waits_for_a_slot_is_kept_once_an_approval_is_deleted() -> None:
    engine = fleet("site-1", "site-2", **ASKS)
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(minutes=5)
    name = approve(engine, "alice")
    engine.until(Kind.RUN_ACCEPTED)
    assert reason(engine, "uid-a", "site-2").kind is ReasonKind.READY
    withdraw(engine, name)
    engine.until(Kind.APPROVAL)
    engine.step()
    assert engine.member("uid-a", 0, "site-1").state is MemberState.IN_FLIGHT
    assert reason(engine, "uid-a", "site-2").message == f"1 person must approve {STEP_1}"


@pytest.mark.parametrize("end", ["deleted", "over", "asked for later"])
def test_a_cluster_whose_first_action_was_skipped_still_needs_approval(end: str) -> None:
    engine = fleet("site-1", "site-2", **ASKS)
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    engine.spokes["site-2"].to(Stage.PREP)
    if end == "asked for later":
        set_policies(engine)
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=1, timeout=2000))
    engine.wait(minutes=5)
    until = (engine.now + timedelta(minutes=30)).isoformat() if end == "over" else ""
    name = approve(engine, "alice", until=until)
    engine.wait(minutes=5)
    assert reason(engine, "uid-a", "site-2").kind is ReasonKind.READY
    assert engine.member("uid-a", 0, "site-2").action_index == 1
    if end == "deleted":
        withdraw(engine, name)
    elif end == "asked for later":
        withdraw(engine, name)
        set_policies(engine, policy(**ASKS))
    engine.wait(hours=10)
    assert reason(engine, "uid-a", "site-2").message == f"1 person must approve {STEP_1}"


def test_an_approval_counts_until_its_end() -> None:
    engine = fleet(**ASKS)
    start(engine, "Prep")
    engine.spokes["site-1"].dark = True
    approve(engine, "alice", until=(engine.now + timedelta(hours=1)).isoformat())
    engine.wait(hours=2)
    engine.spokes["site-1"].dark = False
    engine.touch_everything()
    engine.wait(minutes=10)
    assert message(engine) == f"1 person must approve {STEP_1}"


def test_clusters_that_wait_for_a_slot_are_kept_when_the_approval_ends() -> None:
    engine = fleet("site-1", "site-2", **ASKS)
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=2000))
    engine.wait(minutes=1)
    for hours in (1, 2):
        approve(engine, "alice", until=(engine.now + timedelta(hours=hours)).isoformat())
    engine.wait(minutes=30)
    assert reason(engine, "uid-a", "site-2").kind is ReasonKind.READY
    engine.wait(hours=1)
    assert reason(engine, "uid-a", "site-2").kind is ReasonKind.READY
    asked = len(engine.told(Kind.APPROVAL_ASKED))
    engine.wait(minutes=31)
    assert reason(engine, "uid-a", "site-2").message == f"1 person must approve {STEP_1}"
    assert len(engine.told(Kind.APPROVAL_ASKED)) == asked + 1


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
    engine = fleet(**ASKS)
    start(engine, "Prep")
    approve(engine, "alice", **spec)
    engine.wait(minutes=1)
    shown = f"; the approval by alice does not count: {words}" if spec.keys() == {"until"} else ""
    assert message(engine) == f"1 person must approve {STEP_1}{shown}"
    assert engine.told(Kind.APPROVAL)[-1].endswith(f"does not count: {words}")


def test_an_approval_from_before_its_step_was_planned_never_counts() -> None:
    engine = fleet(**ASKS)
    start(engine, "Prep")
    approve(engine, "alice", step=2)
    approve(engine, "alice", step=1)
    engine.wait(minutes=30)
    engine.append("uid-a", "Upgrade")
    engine.wait(minutes=5)
    found = engine.member("uid-a", 1, "site-1")
    assert not found.finished
    assert found.reason.message == (
        f"1 person must approve {STEP_2}; the approval by alice does not count: the plan had no "
        "step 2 when ibgu saw it"
    )
    approve(engine, "alice", step=2)
    engine.wait(hours=1)
    assert engine.member("uid-a", 1, "site-1").outcome is Outcome.SUCCEEDED


def test_an_approval_from_before_the_admission_policy_is_refused() -> None:
    engine = fleet(**ASKS)
    start(engine, "Prep")
    engine.proven_since = engine.now - timedelta(seconds=5)
    approve(engine, "alice")
    engine.wait(minutes=1)
    assert message(engine).startswith(UNPROVEN)
    assert "ibgu-grants" in engine.told(Kind.APPROVAL)[-1]
    engine.wait(minutes=1)
    approve(engine, "alice")
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_an_approval_counts_no_longer_once_the_admission_policy_is_another_one() -> None:
    engine = fleet("site-1", "site-2", **ASKS)
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(minutes=5)
    approve(engine, "alice")
    engine.until(Kind.RUN_ACCEPTED)
    engine.proven_since = engine.now
    engine.touch("uid-a")
    engine.wait(hours=2)
    assert reason(engine, "uid-a", "site-2").message.startswith(UNPROVEN)


def test_grants_that_can_not_be_read_hold_what_starts() -> None:
    engine = fleet(**ASKS)
    start(engine, "Prep")
    approve(engine, "alice")
    engine.grants_readable = False
    engine.touch_everything()
    engine.wait(minutes=5)
    assert message(engine) == "the policy asks for approval of step 1, and grants can't be read"
    engine.grants_readable = True
    engine.touch_everything()
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_an_approval_for_an_older_rollout_of_the_name_does_not_count() -> None:
    engine = fleet(**ASKS)
    approve(engine, "alice", created=START - timedelta(minutes=1))
    start(engine, "Prep")
    assert message(engine) == f"1 person must approve {STEP_1}"
    approve(engine, "alice", rollout={"name": "a", "uid": "another"})
    engine.wait(minutes=5)
    assert message(engine) == f"1 person must approve {STEP_1}"
    approve(engine, "alice", rollout={"name": "a", "uid": "uid-a"})
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_an_approval_of_the_second_of_the_rollouts_creation_does_not_count() -> None:
    """The author may have deleted what was approved, and applied another one under its name."""
    engine = fleet(**ASKS)
    approve(engine, "alice", created=START)
    start(engine, "Prep")
    assert message(engine).startswith(f"1 person must approve {STEP_1}")
    [known] = engine.tracked("uid-a").rollout.grants.approvals
    assert known.refused.startswith("it was written in the second in which the rollout was created")
    approve(engine, "bert", created=START + timedelta(seconds=1))
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_two_people_must_approve_if_the_author_is_not_proven() -> None:
    engine = fleet(approval={})
    start(engine, "Prep")
    assert message(engine) == (
        f"2 people must approve {STEP_1}; 1 is enough once the step's author is proven: they "
        "annotate the rollout with ibgu.dev/step-1-author"
    )
    approve(engine, "alice")
    approve(engine, "alice")
    engine.wait(minutes=5)
    assert message(engine).startswith(f"2 people must approve {STEP_1}, and alice has; 1 is enough")
    approve(engine, "bob")
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_the_author_of_a_step_does_not_count() -> None:
    engine = fleet(approval={})
    start(engine, "Prep", author="alice")
    approve(engine, "alice")
    engine.wait(minutes=5)
    assert message(engine) == (
        f"1 person must approve {STEP_1}; alice, who is the step's author, does not count"
    )
    approve(engine, "bob")
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_rollout_older_than_the_admission_policy_has_no_proven_author() -> None:
    engine = fleet(approval={})
    engine.proven_since = START
    start(engine, "Prep", author="alice")
    assert message(engine) == (
        f"2 people must approve {STEP_1}; the author of the step can't be proven, because the "
        "rollout is older than the admission policy ibgu-grants"
    )


def test_the_policy_says_the_number_of_approvers() -> None:
    engine = fleet(approval={"approvers": 3, "fourEyes": False})
    start(engine, "Prep")
    for user in ("alice", "bob"):
        approve(engine, user)
    engine.wait(minutes=5)
    assert message(engine) == f"3 people must approve {STEP_1}, and alice, bob have"
    approve(engine, "carol")
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_the_service_accounts_of_a_namespace_are_one_person() -> None:
    """An editor of the namespace could approve as each of them."""
    engine = fleet(approval={"approvers": 2, "fourEyes": False})
    start(engine, "Prep")
    for name in ("one", "two", "three"):
        approve(engine, f"system:serviceaccount:fleet:{name}")
    engine.wait(minutes=5)
    assert engine.member("uid-a", 0, "site-1").state is MemberState.WAITING
    assert message(engine).endswith(" (the service accounts of a namespace count as one person)")
    approve(engine, "system:serviceaccount:other:one")
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_service_account_as_author_has_somebody_behind_it_who_may_approve() -> None:
    """The person who makes its tokens may be alice, or one who may edit its namespace."""
    engine = fleet(approval={})
    start(engine, "Prep", author="system:serviceaccount:fleet:one")
    approve(engine, "system:serviceaccount:fleet:two")
    approve(engine, "alice")
    engine.wait(minutes=5)
    assert engine.member("uid-a", 0, "site-1").state is MemberState.WAITING
    assert message(engine) == (
        f"2 people must approve {STEP_1}, and alice has; system:serviceaccount:fleet:one, who is "
        "the step's author, does not count, and one person more must approve: one of them may make "
        "its tokens"
    )
    approve(engine, "bob")
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_an_author_who_is_not_known_counts_for_nothing() -> None:
    """Two of three people who approve are not the author."""
    engine = fleet(approval={"approvers": 2})
    start(engine, "Prep")
    for user in ("alice", "bob"):
        approve(engine, user)
    engine.wait(minutes=5)
    assert message(engine) == (
        f"3 people must approve {STEP_1}, and alice, bob have; 2 are enough once the step's author "
        "is proven: they annotate the rollout with ibgu.dev/step-1-author"
    )
    approve(engine, "carol")
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("before", "then"), [("Rest", "; what comes behind them also takes approval"), ("Step", "")]
)
def test_while_canaries_soak_the_others_learn_of_the_approval(before: str, then: str) -> None:
    canaries = {"count": 1, "soakMinutes": 120}
    approval = {"before": before, "fourEyes": False}
    engine = fleet("site-1", "site-2", canaries=canaries, approval=approval)
    if before == "Step":
        start(engine, "Prep")
        approve(engine, "alice")
    else:
        engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    found = reason(engine, "uid-a", "site-2").message
    assert re.fullmatch(
        f"the canaries have succeeded, and must stay available until [-0-9T:]+Z{then}", found
    )


def behind_a_canary() -> InMemoryEngine:
    """Three clusters, of which the first is a canary, and the others need approval."""
    approval = {"before": "Rest", "fourEyes": False}
    return fleet("site-1", "site-2", "site-3", canaries={"count": 1}, approval=approval)


def test_the_rest_waits_behind_the_canaries_until_it_is_approved() -> None:
    engine = behind_a_canary()
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    found = reason(engine, "uid-a", "site-2")
    assert found.message == REST
    approve(engine, "alice", before="Rest")
    engine.wait(hours=1)
    assert engine.member("uid-a", 0, "site-3").outcome is Outcome.SUCCEEDED


def test_a_policy_asks_a_person_since_it_does_and_not_since_it_holds() -> None:
    """A person who is called at night learns how long somebody has had to act."""
    engine = fleet(
        "site-1",
        "site-2",
        canaries={"count": 1, "soakMinutes": 600},
        approval={"before": "Rest", "fourEyes": False},
    )
    start(engine, "Prep")
    engine.wait(hours=2)
    soaking = engine.member("uid-a", 0, "site-2").reason
    engine.wait(hours=12)
    asked = engine.member("uid-a", 0, "site-2").reason
    assert (soaking.who, asked.who) == (ActingParty.IBGU, ActingParty.PERSON)
    assert asked.since - soaking.since >= timedelta(hours=10)
    engine.wait(hours=1)
    assert engine.member("uid-a", 0, "site-2").reason.since == asked.since


def test_a_cluster_that_takes_a_canary_s_place_needs_no_approval() -> None:
    engine = behind_a_canary()
    engine.spokes["site-1"].dark = True
    engine.apply(ibgu("a", "Prep", timeout=600))
    engine.wait(hours=1)
    engine.annotate("uid-a", skip="site-1")
    engine.wait(hours=1)
    assert engine.member("uid-a", 0, "site-2").outcome is Outcome.SUCCEEDED
    assert reason(engine, "uid-a", "site-3").message == REST


def test_one_person_lets_no_more_clusters_begin_by_taking_canaries_over() -> None:
    """Their author has a newer rollout cancel the canary on its way."""
    engine = behind_a_canary()
    engine.labels["site-1"] = {"name": "site-1"}
    engine.apply(ibgu("a", "Prep Upgrade", timeout=6000))
    engine.until(Kind.RUN_ACCEPTED)
    engine.apply(ibgu("b", "Abort", selectors=[LabelSelector({"name": "site-1"})]))
    engine.wait(hours=3)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.CANCELLED
    assert engine.member("uid-a", 0, "site-2").run is None
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=1)
    assert reason(engine, "uid-a", "site-2").message == REST


def test_clusters_that_the_policy_does_not_select_need_no_approval() -> None:
    engine = fleet("site-1", **ASKS, clusters={"selector": {"matchLabels": {"network": "ran"}}})
    start(engine, "Prep")
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_step_without_an_action_of_the_policy_needs_no_approval() -> None:
    engine = fleet("site-1", actions=["Upgrade"], **ASKS)
    start(engine, "Prep")
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_no_way_back_waits_for_approval() -> None:
    engine = fleet(**ASKS)
    start(engine, "Prep")
    approve(engine, "alice")
    engine.wait(minutes=30)
    engine.append("uid-a", "Abort")
    engine.wait(minutes=30)
    assert engine.member("uid-a", 1, "site-1").outcome is Outcome.SUCCEEDED


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
    engine = fleet(**spec)
    start(engine, "Prep")
    assert message(engine) == f"the policy can't be followed: {words}"


def test_a_failed_canary_holds_the_step_although_the_rest_needs_approval() -> None:
    engine = fleet(
        "site-1",
        "site-2",
        canaries={"count": 1},
        approval={"before": "Rest", "fourEyes": False},
    )
    engine.spokes["site-1"].faults[Stage.PREP] = "fail"
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=5)
    [held] = engine.told(Kind.STEP_HELD)
    assert held.startswith("1 of 1 canaries failed")


def test_the_rest_needs_approval_also_in_a_step_without_canaries() -> None:
    nobody = {"selector": {"matchLabels": {"canary": "yes"}}}
    engine = fleet(canaries=nobody, approval={"before": "Rest", "fourEyes": False})
    start(engine, "Prep")
    assert message(engine) == REST


def test_approvals_beyond_the_bound_are_not_read_and_the_reason_says_so() -> None:
    engine = fleet(**ASKS)
    start(engine, "Prep")
    old = [approve(engine, "alice", step=2) for _ in range(MAX_GRANTS)]
    engine.wait(minutes=1)
    late = approve(engine, "alice")
    engine.wait(minutes=5)
    assert message(engine) == (
        f"1 person must approve {STEP_1}; the rollout has 51 RolloutApprovals, and only the 50 "
        "oldest are read: delete those of no use, then approve again (`kubectl get "
        "rolloutapprovals --sort-by=.metadata.creationTimestamp -n fleet`)"
    )
    assert engine.decisions(Kind.APPROVAL)[-1].why.startswith("1 of the rollout's approvals and")
    withdraw(engine, old[0])
    engine.wait(minutes=5)
    assert message(engine).startswith(f"1 person must approve {STEP_1}; the approval by alice does")
    refused, deleted, read = (each.why for each in engine.decisions(Kind.APPROVAL)[-3:])
    assert "write it again" in refused
    assert deleted == "the approval of step 2 by alice was deleted"
    assert read == "all approvals and BreakGlasses of the rollout are read"
    withdraw(engine, late)
    engine.wait(minutes=1)
    approve(engine, "alice")
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("plan", "rules"),
    [("Prep", 0), ("FinalizeUpgrade", 0), ("Upgrade", 2), ("Prep Upgrade", 2)],
)
def test_the_preview_of_a_step_warns_only_of_policies_about_its_actions(
    plan: str, rules: int
) -> None:
    engine = fleet(
        actions=["Upgrade"],
        canaries={"count": 1},
        inFlight=1,
        approval={"before": "Rest", "fourEyes": False},
    )
    found = ibgu("a", plan)
    gates = engine.policy_gates.of(engine.rollout_policies, "fleet", {}).gates
    clusters = [view for name in engine.spokes if (view := engine.cluster(name))]
    proposal = Proposal(IBU, found.spec, policies=gates)
    shown = [each for each in preview(proposal, clusters, {}, START).warnings if "network" in each]
    assert len(shown) == rules
    assert any("asks for approval" in each for each in shown) is bool(rules)


def test_a_backup_before_an_action_that_was_skipped_is_no_beginning() -> None:
    """A person upgrades the cluster that ibgu has backed up and holds."""
    engine = fleet(approval={"fourEyes": False}, actions=["Upgrade", "FinalizeUpgrade"])
    engine.facts = replace(engine.facts, upgrade_backups=True)
    engine.apply(ibgu("a", "Prep", "Upgrade FinalizeUpgrade", timeout=600))
    image = f"quay.example/mine@sha256:{'0' * 64}"
    engine.annotate("uid-a", backup="Etcd", backup_image=image)
    engine.wait(minutes=1)
    name = approve(engine, "alice", step=2)
    while len(engine.told(Kind.RUN_ACCEPTED)) < 2:
        engine.step()
    engine.annotations["site-1"]["ibgu.dev/hold"] = "yes"
    engine.touch_cluster("site-1")
    engine.wait(hours=1)
    engine.spokes["site-1"].to(Stage.UPGRADE)
    engine.touch_cluster("site-1")
    engine.wait(hours=2)
    withdraw(engine, name)
    engine.wait(minutes=1)
    del engine.annotations["site-1"]["ibgu.dev/hold"]
    engine.touch_cluster("site-1")
    engine.wait(hours=2)
    member = engine.member("uid-a", 1, "site-1")
    assert [done.action for done in member.completed] == ["Upgrade"]
    assert member.reason.message.startswith("1 person must approve step 2 ")
