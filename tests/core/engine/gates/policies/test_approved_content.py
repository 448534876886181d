"""R50.13: an approval counts for what the step was when ibgu saw it."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.engine.decide.rollout.approved_content import changes
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Kind, MemberState, Outcome, ReasonKind
from ibgu.core.model.grants import ApprovedContent
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.grants import STEP_1, approve, withdraw
from tests.core.engine.gates.policies.policy import policy, reason, set_policies

ONE, TWO, UNREAD = PayloadState(digest="one"), PayloadState(digest="two"), PayloadState(read=False)
BROKEN = PayloadState(problem="ibgu may not read ConfigMap ran/site")
WAITS = f"1 person must approve {STEP_1}; the approval by alice does not count: "
PAYLOAD = "the ConfigMaps and Secrets that go to the clusters have changed since"
ANNOTATIONS = (
    "annotations of the rollout that decide what happens on its clusters have changed since"
)
PLAN = "the rollout's plan or selectors have changed since"
IMAGE = f"quay.example/mine@sha256:{'0' * 64}"
UPGRADE: dict[str, Any] = {
    "actions": ["Upgrade"],
    "approval": {"before": "Action", "fourEyes": False},
}


def fleet(payload: PayloadState = ONE, **spec: Any) -> InMemoryEngine:
    """A fleet whose policy asks for one approval of each step."""
    engine = InMemoryEngine("site-1", "site-2")
    Invariants(engine)
    set_policies(engine, policy(**(spec or {"approval": {"fourEyes": False}})))
    engine.payload = payload
    engine.facts = replace(engine.facts, upgrade_backups=True)
    return engine


def approved(*steps: str) -> InMemoryEngine:
    """A rollout whose first step is approved and in flight on the first of two clusters."""
    engine = fleet()
    engine.apply(ibgu("a", *steps, concurrency=1))
    engine.wait(minutes=5)
    approve(engine, "alice")
    engine.until(Kind.RUN_ACCEPTED)
    return engine


def show(engine: InMemoryEngine, payload: PayloadState) -> None:
    """Has the hub show this to go to the clusters."""
    engine.payload = payload
    engine.touch("uid-a")
    engine.wait(minutes=1)


def exchange_config_map(engine: InMemoryEngine) -> None:
    """Has the author change what the step carries, and go on with it."""
    show(engine, TWO)
    engine.until(Kind.STEP_HELD)
    engine.annotate("uid-a", resume="1")


def exchange_backup(engine: InMemoryEngine) -> None:
    engine.annotate("uid-a", backup="Etcd", backup_image=IMAGE)


def exchange_annotation(engine: InMemoryEngine) -> None:
    engine.carry("uid-a", extra="yes")


def refused(engine: InMemoryEngine) -> str:
    """Returns why the last approval does not count."""
    said = engine.told(Kind.APPROVAL)[-1]
    return said.partition(" does not count: ")[2]


@pytest.mark.parametrize(
    ("change", "said"), [(exchange_config_map, PAYLOAD), (exchange_annotation, ANNOTATIONS)]
)
def test_an_approval_counts_no_longer_once_its_step_is_another_one(
    change: Callable[[InMemoryEngine], None], said: str
) -> None:
    engine = approved("Prep")
    change(engine)
    engine.wait(hours=5)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    assert engine.member("uid-a", 0, "site-2").state is MemberState.WAITING
    why = f"{said}: approve it again"
    assert reason(engine, "uid-a", "site-2").message == f"{WAITS}{why}"
    assert refused(engine) == why
    approve(engine, "alice")
    engine.wait(hours=5)
    assert engine.member("uid-a", 0, "site-2").outcome is Outcome.SUCCEEDED


def test_an_exchanged_backup_ends_an_approval() -> None:
    engine = approved("Prep Upgrade")
    exchange_backup(engine)
    engine.wait(minutes=1)
    assert refused(engine) == f"{ANNOTATIONS}: approve it again"


def test_a_member_in_flight_waits_between_two_actions_once_they_are_others() -> None:
    """The backup before Upgrade runs an image of the author's on the cluster."""
    engine = approved("Prep Upgrade")
    exchange_backup(engine)
    engine.wait(hours=2)
    member = engine.member("uid-a", 0, "site-1")
    assert (member.state, member.reason.kind) == (MemberState.IN_FLIGHT, ReasonKind.GATE)
    assert member.reason.message.startswith(WAITS)
    found = engine.ibgus["uid-a"]
    engine.apply(replace(found, metadata=replace(found.metadata, annotations={})))
    approve(engine, "alice")
    engine.wait(hours=2)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def withdraw_all(engine: InMemoryEngine) -> None:
    for each in engine.tracked("uid-a").rollout.grants.approvals:
        withdraw(engine, each.name)
    engine.settle()


def between(engine: InMemoryEngine) -> str:
    """Returns why the first cluster, which has done its Prep, waits."""
    member = engine.member("uid-a", 0, "site-1")
    assert [done.action for done in member.completed] == ["Prep"]
    return member.reason.message


@pytest.mark.parametrize("restarted", [False, True])
def test_the_deletion_of_an_approval_that_has_ended_lets_nothing_go_on(*, restarted: bool) -> None:
    engine = approved("Prep Upgrade")
    exchange_backup(engine)
    engine.wait(hours=1)
    withdraw_all(engine)
    if restarted:
        engine.restart()
    engine.wait(hours=5)
    assert between(engine) == f"1 person must approve {STEP_1}"
    approve(engine, "bob")
    engine.wait(hours=5)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_content_that_is_exchanged_after_a_withdrawal_needs_approval() -> None:
    engine = approved("Prep Upgrade")
    withdraw_all(engine)
    exchange_backup(engine)
    engine.wait(hours=5)
    assert between(engine) == f"1 person must approve {STEP_1}"
    assert engine.told(Kind.APPROVAL)[-1] == (
        f"step 1 is another one than alice had approved: {ANNOTATIONS}: approve it again"
    )


def test_a_later_approval_that_is_gone_lets_no_changed_content_through() -> None:
    engine = fleet(approval={"fourEyes": False, "approvers": 2})
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=1))
    engine.wait(minutes=5)
    for user in ("alice", "bob"):
        approve(engine, user)
    engine.until(Kind.RUN_ACCEPTED)
    withdraw_all(engine)
    exchange_backup(engine)
    engine.settle()
    approve(engine, "carol")
    engine.settle()
    withdraw_all(engine)
    engine.wait(hours=5)
    assert between(engine) == f"2 people must approve {STEP_1}"


@pytest.mark.parametrize("note", ["", "by TALM"])
def test_an_action_that_somebody_else_has_finished_is_a_beginning(note: str) -> None:
    engine = approved("Prep Upgrade")
    withdraw_all(engine)
    while not engine.member("uid-a", 0, "site-1").completed:
        engine.step()
    member = engine.member("uid-a", 0, "site-1")
    done = tuple(replace(each, note=note) for each in member.completed)
    engine.tracked("uid-a").steps[0].put(replace(member, completed=done))
    engine.wait(hours=5)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_withdrawal_alone_keeps_no_cluster_that_has_begun() -> None:
    engine = approved("Prep Upgrade")
    withdraw_all(engine)
    engine.wait(hours=5)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    assert reason(engine, "uid-a", "site-2").message == f"1 person must approve {STEP_1}"


def test_the_newest_withdrawn_approval_of_each_point_is_kept() -> None:
    engine = approved("Prep Upgrade")
    for user in ("bob", "carol"):
        approve(engine, user)
    approve(engine, "dan", step=9)
    engine.settle()
    withdraw_all(engine)
    [kept] = engine.tracked("uid-a").rollout.grants.withdrawn
    assert (kept.user, kept.point) == ("carol", (0, "Step"))


def test_content_that_can_not_be_read_hides_no_other_change() -> None:
    engine = fleet(**UPGRADE)
    engine.apply(ibgu("a", "Prep Upgrade"))
    approve(engine, "alice", before="Upgrade")
    engine.until(Kind.RUN_ACCEPTED)
    show(engine, BROKEN)
    exchange_backup(engine)
    engine.wait(hours=2)
    assert refused(engine) == f"{ANNOTATIONS}: approve it again"
    assert engine.member("uid-a", 0, "site-1").reason.kind is ReasonKind.GATE


def test_an_approval_that_a_change_has_ended_counts_no_more_once_it_is_undone() -> None:
    engine = approved("Prep")
    exchange_config_map(engine)
    engine.wait(minutes=1)
    show(engine, ONE)
    engine.annotate("uid-a", resume="2")
    engine.wait(hours=5)
    assert reason(engine, "uid-a", "site-2").message.startswith(WAITS)


def test_a_cluster_that_waits_for_a_slot_is_kept_once_an_approval_has_ended() -> None:
    engine = approved("Prep")
    assert reason(engine, "uid-a", "site-2").kind is ReasonKind.READY
    exchange_annotation(engine)
    engine.until(Kind.APPROVAL)
    engine.step()
    assert engine.member("uid-a", 0, "site-1").state is MemberState.IN_FLIGHT
    assert reason(engine, "uid-a", "site-2").message.startswith(WAITS)


def test_backup_annotations_end_no_approval_of_a_step_without_upgrade() -> None:
    engine = approved("Prep")
    exchange_backup(engine)
    engine.wait(hours=5)
    assert engine.member("uid-a", 0, "site-2").outcome is Outcome.SUCCEEDED


def test_a_step_that_is_added_behind_ends_no_approval() -> None:
    engine = approved("Prep")
    engine.append("uid-a", "Upgrade")
    engine.wait(hours=5)
    assert engine.member("uid-a", 0, "site-2").outcome is Outcome.SUCCEEDED


def test_selectors_that_are_added_end_an_approval() -> None:
    engine = fleet()
    engine.apply(ibgu("a", "Prep", selectors=[]))
    engine.wait(minutes=1)
    approve(engine, "alice", before="Prep")
    engine.wait(minutes=1)
    engine.apply(ibgu("a", "Prep", generation=2))
    engine.wait(minutes=1)
    assert refused(engine) == f"{PLAN}: approve it again"


# -- what an earlier step brings -------------------------------------------------------------------


def test_an_approval_of_a_later_step_is_one_of_what_the_steps_before_bring() -> None:
    engine = fleet(actions=["Upgrade"], approval={"fourEyes": False})
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.annotate("uid-a", pause="yes")
    engine.wait(minutes=1)
    approve(engine, "alice", step=2)
    engine.wait(minutes=1)
    assert engine.told(Kind.APPROVAL) == ["alice approves step 2"]
    show(engine, TWO)
    assert refused(engine) == f"{PAYLOAD}: approve it again"


def test_nobody_approves_what_the_clusters_carry_by_what_the_hub_shows_later() -> None:
    engine = fleet(**UPGRADE)
    engine.apply(ibgu("a", "Prep Upgrade"))
    engine.until(Kind.RUN_ACCEPTED)
    show(engine, TWO)
    approve(engine, "alice", before="Upgrade")
    engine.wait(hours=2)
    assert refused(engine) == (
        "the ConfigMaps and Secrets on the hub are not those that the clusters have got by step 1: "
        "put those back, or resume the rollout if it waits for that; then approve again"
    )
    assert engine.member("uid-a", 0, "site-1").reason.kind is ReasonKind.GATE
    show(engine, ONE)
    approve(engine, "alice", before="Upgrade")
    engine.wait(hours=2)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_change_on_the_hub_after_prep_ends_no_approval_of_upgrade() -> None:
    engine = fleet(actions=["Upgrade"], approval={"fourEyes": False})
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=1))
    engine.wait(hours=1)
    approve(engine, "alice", step=2)
    engine.until(Kind.APPROVAL)
    show(engine, TWO)
    engine.wait(hours=5)
    assert engine.member("uid-a", 1, "site-2").outcome is Outcome.SUCCEEDED


# -- content that is not known ---------------------------------------------------------------------


def test_an_approval_counts_once_it_is_known_what_it_approves() -> None:
    engine = fleet(UNREAD)
    engine.apply(ibgu("a", "Prep"))
    approve(engine, "alice")
    engine.wait(minutes=5)
    assert engine.told(Kind.APPROVAL) == []
    show(engine, ONE)
    engine.wait(hours=1)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_payload_from_before_an_approval_is_read_again_first() -> None:
    engine = fleet(replace(ONE, outdated=True))
    engine.apply(ibgu("a", "Prep"))
    approve(engine, "alice")
    engine.wait(minutes=5)
    assert engine.told(Kind.APPROVAL) == []
    assert reason(engine, "uid-a", "site-1").message == f"1 person must approve {STEP_1}"
    show(engine, ONE)
    assert engine.told(Kind.APPROVAL) == ["alice approves step 1"]


def test_an_approval_of_what_can_not_be_read_does_not_count() -> None:
    engine = fleet(BROKEN)
    engine.apply(ibgu("a", "Prep"))
    approve(engine, "alice")
    engine.wait(minutes=5)
    assert refused(engine) == (
        "what the rollout brings to its clusters is not known: ibgu may not read ConfigMap "
        "ran/site; then approve again"
    )


def test_an_approval_stays_while_the_content_can_not_be_read() -> None:
    engine = approved("Prep")
    show(engine, UNREAD)
    engine.wait(minutes=5)
    show(engine, ONE)
    engine.wait(hours=5)
    assert engine.member("uid-a", 0, "site-2").outcome is Outcome.SUCCEEDED


def test_an_approval_of_a_step_with_unknown_actions_waits_for_a_valid_plan() -> None:
    engine = fleet()
    engine.apply(ibgu("a", "Reboot"))
    engine.wait(minutes=1)
    approve(engine, "alice")
    engine.wait(minutes=5)
    assert engine.told(Kind.APPROVAL) == []


def test_a_step_that_brings_nothing_is_approved_whatever_can_be_read() -> None:
    engine = fleet(BROKEN)
    engine.apply(ibgu("a", "Abort"))
    approve(engine, "alice")
    engine.wait(minutes=5)
    assert engine.told(Kind.APPROVAL) == ["alice approves step 1"]


def test_an_approval_stays_while_a_restored_plan_lacks_its_step() -> None:
    assert changes(ApprovedContent(plan="a", annotations="b"), None) == ""


def test_nobody_who_counts_is_shown_with_an_older_approval() -> None:
    engine = fleet(approval={"approvers": 2, "fourEyes": False})
    engine.apply(ibgu("a", "Prep", concurrency=1))
    for user in ("alice", "bob"):
        approve(engine, user)
    engine.until(Kind.RUN_ACCEPTED)
    exchange_annotation(engine)
    approve(engine, "alice")
    engine.wait(hours=1)
    assert reason(engine, "uid-a", "site-2").message == (
        f"2 people must approve {STEP_1}, and alice has; the approval by bob does not count: "
        f"{ANNOTATIONS}: approve it again"
    )


def test_an_approval_of_which_the_journal_has_no_content_does_not_count() -> None:
    engine = approved("Prep")
    rollout = engine.tracked("uid-a").rollout
    bare = tuple(replace(each, content=None) for each in rollout.grants.approvals)
    engine.fleet._put_rollout(replace(rollout, grants=replace(rollout.grants, approvals=bare)))
    engine.touch("uid-a")
    engine.wait(minutes=1)
    assert refused(engine) == "ibgu does not know what it approved: approve it again"
