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
    """A twin whose rollout's first step is opening."""
    twin = InMemoryEngine(*clusters)
    uid = twin.apply(ibgu("a", step, selectors=[LabelSelector()]))
    twin.turn()
    return twin, uid


def members(twin: InMemoryEngine, uid: str, listed: list[ClusterView]) -> list[str]:
    result = drafted(twin.snapshot(twin.tracked(uid)), (), twin.now, listed)
    return [d.member.cluster for d in result.decisions if isinstance(d, OnMember)]


def view(twin: InMemoryEngine, name: str, **changes: object) -> ClusterView:
    found = twin.cluster(name)
    assert found is not None
    return replace(found, **changes)


def test_the_labels_decide() -> None:
    twin = InMemoryEngine("site-1", "site-2")
    twin.labels["site-2"]["region"] = "north"
    uid = twin.apply(ibgu("a", "Prep", selectors=[SELECTOR]))
    twin.settle()
    assert list(twin.tracked(uid).steps[0].members) == ["site-2"]


@pytest.mark.parametrize(
    "changes", [{"local": True}, {"accepted": False}, {"deleting": True}], ids=str
)
def test_some_clusters_never_match(changes: dict[str, object]) -> None:
    twin, uid = opened("site-1", "site-2")
    listed = [view(twin, "site-1", **changes), view(twin, "site-2")]
    assert members(twin, uid, listed) == ["site-2"]


def test_labels_that_are_pending_count_as_written() -> None:
    """The next step starts in the turn that queues the last label patch of the one before."""
    twin = InMemoryEngine("site-1")
    uid = twin.apply(ibgu("a", "Prep", "Upgrade"))
    twin.settle()
    while len(twin.tracked(uid).steps) < 2 or not twin.tracked(uid).steps[1].members:
        twin.stalled = twin.now if twin.tracked(uid).steps[0].in_flight else twin.stalled
        twin.step()
    assert list(twin.tracked(uid).steps[1].members) == ["site-1"]


def test_membership_is_fixed_once_the_step_runs() -> None:
    twin = InMemoryEngine("site-1")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.settle()
    twin.join("site-2")
    twin.labels["site-1"]["region"] = "south"
    twin.touch_everything()
    twin.wait(hours=1)
    assert list(twin.tracked(uid).steps[0].members) == ["site-1"]


def test_the_start_stores_members_and_step_together() -> None:
    twin, uid = opened("site-1", "site-2")
    listed = [view(twin, "site-1"), view(twin, "site-2")]
    result = drafted(twin.snapshot(twin.tracked(uid)), (), twin.now, listed)
    (started,) = [d for d in result.decisions if isinstance(d, OnStep)]
    assert started.kind is Kind.STEP_STARTED
    assert started.step.total == 2
    assert started.step.started_at == twin.now
    assert "2 clusters" in started.why


def test_no_selectors_match_nobody_and_say_so() -> None:
    twin = InMemoryEngine("site-1")
    twin.apply(ibgu("a", "Prep", selectors=[]))
    twin.settle()
    assert "spec.clusterLabelSelectors is absent or empty" in twin.warnings()[0]


def test_a_new_uid_under_an_old_name_ends_the_waiting_member() -> None:
    twin = InMemoryEngine("site-1", "site-2")
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(seconds=10)
    twin.spokes["site-2"].uid = "another"
    twin.touch_cluster("site-2")
    twin.settle()
    member = twin.member(uid, 0, "site-2")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.RECREATED)


def test_a_new_uid_under_an_old_name_ends_the_running_member_without_a_label() -> None:
    twin = InMemoryEngine("site-1")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.wait(seconds=10)
    twin.spokes["site-1"].uid = "another"
    twin.touch_cluster("site-1")
    twin.settle()
    member = twin.member(uid, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.RECREATED)
    assert twin.labels["site-1"] == {}


def test_a_deleted_cluster_ends_its_member_and_the_rollout_goes_on() -> None:
    twin = InMemoryEngine("site-1", "site-2")
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(seconds=10)
    del twin.spokes["site-1"]
    twin.touch_cluster("site-1")
    twin.wait(hours=1)
    assert twin.member(uid, 0, "site-1").cause is Cause.GONE
    assert twin.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED


def test_a_waiting_cluster_that_is_deleted_ends_too() -> None:
    twin = InMemoryEngine("site-1", "site-2")
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(seconds=10)
    del twin.spokes["site-2"]
    twin.touch_cluster("site-2")
    twin.settle()
    assert twin.member(uid, 0, "site-2").cause is Cause.GONE


def test_a_step_reopened_after_a_deletion_takes_no_members() -> None:
    twin, uid = opened("site-1")
    del twin.ibgus[uid]
    assert members(twin, uid, [view(twin, "site-1")]) == []


def test_a_payload_that_can_not_be_carried_keeps_the_step_closed() -> None:
    twin, uid = opened("site-1")
    twin.payload = PayloadState(problem="ConfigMap fleet/extra is over 500 KB")
    twin.turn()
    twin.touch(uid)
    twin.turn()
    step = twin.tracked(uid).steps[0].step
    assert step.state is StepState.OPENING
    assert step.hold is not None
    assert step.hold.kind is ReasonKind.PAYLOAD_BLOCKED
    assert twin.warnings() == ["ConfigMap fleet/extra is over 500 KB"]
    twin.payload = PayloadState(digest="digest")
    twin.touch(uid)
    twin.wait(hours=1)
    assert twin.tracked(uid).steps[0].step.hold is None
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_payload_that_is_not_read_yet_keeps_it_closed_without_a_warning() -> None:
    twin, uid = opened("site-1")
    twin.payload = PayloadState(read=False)
    twin.turn()
    assert twin.tracked(uid).steps[0].step.state is StepState.OPENING
    assert twin.warnings() == []


def test_a_step_without_prep_does_not_care() -> None:
    twin, uid = opened("site-1", step="Abort")
    twin.payload = PayloadState(problem="forbidden")
    twin.turn()
    step = twin.tracked(uid).steps[0].step
    assert (step.state, step.payload_digest) == (StepState.RUNNING, "")


def test_a_namespace_takes_only_the_clusters_that_are_bound_to_it() -> None:
    twin, uid = opened("site-1", "site-2", "site-3")
    twin.labels["site-2"]["region"] = "north"
    twin.scope = NORTH
    twin.wait(hours=1)
    assert list(twin.tracked(uid).steps[0].members) == ["site-2"]
    assert [name for name, spoke in twin.spokes.items() if spoke.executed] == ["site-2"]
    (started,) = twin.told(Kind.STEP_STARTED)
    assert "starts with 1 cluster; 2 more clusters that match are in no" in started


def test_a_namespace_without_a_set_keeps_the_step_closed_until_there_is_one() -> None:
    twin, uid = opened("site-1")
    twin.scope = Scope("fleet", (), "no ManagedClusterSet is bound to namespace fleet")
    twin.settle()
    step = twin.tracked(uid).steps[0].step
    assert step.state is StepState.OPENING
    assert step.hold is not None
    assert step.hold.kind is ReasonKind.UNBOUND
    assert twin.warnings() == ["no ManagedClusterSet is bound to namespace fleet"]
    twin.scope = NORTH
    twin.labels["site-1"]["region"] = "north"
    twin.touch(uid)
    twin.wait(hours=1)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("scope", [Scope("fleet", ()), Scope("fleet", (), "not known")])
def test_a_cluster_outside_the_namespaces_sets_does_not_start(scope: Scope) -> None:
    """The step's membership is fixed; who is in flight goes through its actions."""
    twin = InMemoryEngine("site-1", "site-2")
    uid = twin.apply(ibgu("a", "Prep Upgrade", concurrency=1))
    twin.wait(seconds=10)
    twin.scope = scope
    twin.touch_everything()
    twin.wait(hours=1)
    reason = twin.member(uid, 0, "site-2").reason
    assert (reason.kind, reason.who) == (ReasonKind.UNBOUND, ActingParty.PERSON)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert twin.spokes["site-2"].executed == []
    twin.scope = EVERYWHERE
    twin.touch_everything()
    twin.wait(hours=1)
    assert twin.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED
