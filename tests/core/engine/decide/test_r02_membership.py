"""R2: membership is taken when the step starts, and then it is fixed."""

import pytest
from msgspec.structs import replace

from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import (
    ActingParty,
    Cause,
    ClusterView,
    Kind,
    OnMember,
    OnStep,
    Outcome,
    ReasonKind,
    StepState,
)
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.plan import EVERYWHERE, Scope
from tests.core.engine.decide.drafts import drafted
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu

NORTH = Scope("fleet", (LabelSelector(match_labels={"region": "north"}),))
SELECTOR = LabelSelector(match_labels={"region": "north"})


def opened(*clusters: str, step: str = "Prep") -> tuple[InMemoryEngine, str]:
    """An engine whose rollout's first step is opening."""
    engine = InMemoryEngine(*clusters)
    uid = engine.apply(ibgu("a", step, selectors=[LabelSelector()]))
    engine.turn()
    return engine, uid


def members(engine: InMemoryEngine, uid: str, listed: list[ClusterView]) -> list[str]:
    result = drafted(engine.snapshot(engine.tracked(uid)), (), engine.now, listed)
    return [d.member.cluster for d in result.decisions if isinstance(d, OnMember)]


def view(engine: InMemoryEngine, name: str, **changes: object) -> ClusterView:
    found = engine.cluster(name)
    assert found is not None
    return replace(found, **changes)


def test_the_labels_decide() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.labels["site-2"]["region"] = "north"
    uid = engine.apply(ibgu("a", "Prep", selectors=[SELECTOR]))
    engine.settle()
    assert list(engine.tracked(uid).steps[0].members) == ["site-2"]


@pytest.mark.parametrize(
    "changes", [{"local": True}, {"accepted": False}, {"deleting": True}], ids=str
)
def test_some_clusters_never_match(changes: dict[str, object]) -> None:
    engine, uid = opened("site-1", "site-2")
    listed = [view(engine, "site-1", **changes), view(engine, "site-2")]
    assert members(engine, uid, listed) == ["site-2"]


def test_labels_that_are_pending_count_as_written() -> None:
    """The next step starts in the turn that queues the last label patch of the one before."""
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.settle()
    while len(engine.tracked(uid).steps) < 2 or not engine.tracked(uid).steps[1].members:
        engine.stalled = engine.now if engine.tracked(uid).steps[0].in_flight else engine.stalled
        engine.step()
    assert list(engine.tracked(uid).steps[1].members) == ["site-1"]


def test_membership_is_fixed_once_the_step_runs() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.settle()
    engine.join("site-2")
    engine.labels["site-1"]["region"] = "south"
    engine.touch_everything()
    engine.wait(hours=1)
    assert list(engine.tracked(uid).steps[0].members) == ["site-1"]


def test_the_start_stores_members_and_step_together() -> None:
    engine, uid = opened("site-1", "site-2")
    listed = [view(engine, "site-1"), view(engine, "site-2")]
    result = drafted(engine.snapshot(engine.tracked(uid)), (), engine.now, listed)
    (started,) = [d for d in result.decisions if isinstance(d, OnStep)]
    assert started.kind is Kind.STEP_STARTED
    assert started.step.total == 2
    assert started.step.started_at == engine.now
    assert "2 clusters" in started.why


def test_no_selectors_match_nobody_and_say_so() -> None:
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep", selectors=[]))
    engine.settle()
    assert "spec.clusterLabelSelectors is absent or empty" in engine.warnings()[0]


def test_a_new_uid_under_an_old_name_ends_the_waiting_member() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=10)
    engine.spokes["site-2"].uid = "another"
    engine.touch_cluster("site-2")
    engine.settle()
    member = engine.member(uid, 0, "site-2")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.RECREATED)


def test_a_new_uid_under_an_old_name_ends_the_running_member_without_a_label() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(seconds=10)
    engine.spokes["site-1"].uid = "another"
    engine.touch_cluster("site-1")
    engine.settle()
    member = engine.member(uid, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.RECREATED)
    assert engine.labels["site-1"] == {}


def test_a_deleted_cluster_ends_its_member_and_the_rollout_goes_on() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=10)
    del engine.spokes["site-1"]
    engine.touch_cluster("site-1")
    engine.wait(hours=1)
    assert engine.member(uid, 0, "site-1").cause is Cause.GONE
    assert engine.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED


def test_a_waiting_cluster_that_is_deleted_ends_too() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=10)
    del engine.spokes["site-2"]
    engine.touch_cluster("site-2")
    engine.settle()
    assert engine.member(uid, 0, "site-2").cause is Cause.GONE


def test_a_step_reopened_after_a_deletion_takes_no_members() -> None:
    engine, uid = opened("site-1")
    del engine.ibgus[uid]
    assert members(engine, uid, [view(engine, "site-1")]) == []


def test_a_payload_that_can_not_be_carried_keeps_the_step_closed() -> None:
    engine, uid = opened("site-1")
    engine.payload = PayloadState(problem="ConfigMap fleet/extra is over 500 KB")
    engine.turn()
    engine.touch(uid)
    engine.turn()
    step = engine.tracked(uid).steps[0].step
    assert step.state is StepState.OPENING
    assert step.hold is not None
    assert step.hold.kind is ReasonKind.PAYLOAD_BLOCKED
    assert engine.warnings() == ["ConfigMap fleet/extra is over 500 KB"]
    engine.payload = PayloadState(digest="digest")
    engine.touch(uid)
    engine.wait(hours=1)
    assert engine.tracked(uid).steps[0].step.hold is None
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_payload_that_is_not_read_yet_keeps_it_closed_without_a_warning() -> None:
    engine, uid = opened("site-1")
    engine.payload = PayloadState(read=False)
    engine.turn()
    assert engine.tracked(uid).steps[0].step.state is StepState.OPENING
    assert engine.warnings() == []


def test_a_step_without_prep_does_not_care() -> None:
    engine, uid = opened("site-1", step="Abort")
    engine.payload = PayloadState(problem="forbidden")
    engine.turn()
    step = engine.tracked(uid).steps[0].step
    assert (step.state, step.payload_digest) == (StepState.RUNNING, "")


def test_a_namespace_takes_only_the_clusters_that_are_bound_to_it() -> None:
    engine, uid = opened("site-1", "site-2", "site-3")
    engine.labels["site-2"]["region"] = "north"
    engine.scope = NORTH
    engine.wait(hours=1)
    assert list(engine.tracked(uid).steps[0].members) == ["site-2"]
    assert [name for name, spoke in engine.spokes.items() if spoke.executed] == ["site-2"]
    (started,) = engine.told(Kind.STEP_STARTED)
    assert started.endswith(
        "starts with 1 cluster of the cluster sets that are bound to namespace fleet"
    )


def test_a_namespace_without_a_set_keeps_the_step_closed_until_there_is_one() -> None:
    engine, uid = opened("site-1")
    engine.scope = Scope("fleet", (), "no ManagedClusterSet is bound to namespace fleet")
    engine.settle()
    step = engine.tracked(uid).steps[0].step
    assert step.state is StepState.OPENING
    assert step.hold is not None
    assert step.hold.kind is ReasonKind.UNBOUND
    assert engine.warnings() == ["no ManagedClusterSet is bound to namespace fleet"]
    engine.scope = NORTH
    engine.labels["site-1"]["region"] = "north"
    engine.touch(uid)
    engine.wait(hours=1)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("scope", [Scope("fleet", ()), Scope("fleet", (), "not known")])
def test_a_cluster_outside_the_namespaces_sets_does_not_start(scope: Scope) -> None:
    """The step's membership is fixed; who is in flight goes through its actions."""
    engine = InMemoryEngine("site-1", "site-2")
    uid = engine.apply(ibgu("a", "Prep Upgrade", concurrency=1))
    engine.wait(seconds=10)
    engine.scope = scope
    engine.touch_everything()
    engine.wait(hours=1)
    reason = engine.member(uid, 0, "site-2").reason
    assert (reason.kind, reason.who) == (ReasonKind.UNBOUND, ActingParty.PERSON)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert engine.spokes["site-2"].executed == []
    engine.scope = EVERYWHERE
    engine.touch_everything()
    engine.wait(hours=1)
    assert engine.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED
