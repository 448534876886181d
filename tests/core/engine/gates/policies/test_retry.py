"""R50.20: clusters whose Prep failed of a transient cause are tried again by a second rollout."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.step import retries as module
from ibgu.core.engine.decide.step.follow_ups import name_of
from ibgu.core.engine.state import retries as state
from ibgu.core.engine.state.claims import UnreadableRollout
from ibgu.core.model import Change, Kind, PendingPatch, ReasonKind, RolloutState, names
from ibgu.core.model.follow_ups import PolicyFollowUp, ShownFollowUp
from ibgu.core.model.kinds import LabelSelector
from tests.core.engine.decide.fleet import TALM_RUNS, InMemoryEngine, ibgu
from tests.core.engine.gates.policies import policy as policies
from tests.core.engine.gates.policies.policy import set_policies
from tests.core.engine.gates.policies.test_canaries import fleet

PULL = "precache job failed to complete. job-name: lca-prep-precache"
WRONG = "failed to inspect image: reading manifest: unauthorized"
NORTH = {"matchLabels": {"example.com/site": "north"}}
PLAN = ("Prep", "AbortOnFailure")


def failing(*clusters: str, count: int = 4, said: str = PULL) -> InMemoryEngine:
    twin = fleet(count)
    for name in clusters:
        twin.spokes[name].faults[Stage.PREP] = "fail"
        twin.spokes[name].failures[Stage.PREP] = said
    return twin


def retry(twin: InMemoryEngine, attempts: int = 2, backoff: int = 10, **more: Any) -> None:
    asked = {"attempts": attempts, "backoffMinutes": backoff}
    set_policies(twin, policies.policy("again", retry=asked, **more))


def aborted(twin: InMemoryEngine, *plan: str) -> InMemoryEngine:
    """The rollout's failed clusters are taken back, and the plan is over."""
    twin.apply(ibgu("a", *(plan or PLAN)))
    until(twin, "uid-a")
    return twin


def until(twin: InMemoryEngine, uid: str) -> None:
    for _ in range(1000):
        twin.wait(minutes=1)
        if twin.tracked(uid).rollout.state is RolloutState.COMPLETE:
            return
    raise AssertionError(f"{uid} does not end")


def asked(twin: InMemoryEngine, uid: str = "uid-a", step: int = 1) -> tuple[PolicyFollowUp, ...]:
    return twin.tracked(uid).steps[step].step.follow_ups.made


def only(twin: InMemoryEngine, uid: str = "uid-a") -> PolicyFollowUp:
    [found] = asked(twin, uid)
    return found


def due(twin: InMemoryEngine, uid: str = "uid-a") -> PolicyFollowUp:
    """Waits until what is planned was due, and returns what became of it."""
    at = only(twin, uid).due
    assert at is not None
    twin.wait(minutes=(at - twin.now) // timedelta(minutes=1) + 1)
    return only(twin, uid)


def make(twin: InMemoryEngine, found: PolicyFollowUp, *plan: str) -> str:
    """The hub has the new rollout; returns its uid."""
    chosen = LabelSelector(match_labels={"name": found.clusters[0]})
    made = ibgu(
        found.name, *(plan or PLAN), age=-int((twin.now - found.decided_at).seconds / 60 + 60)
    )
    labels = {names.FOLLOW_UP_OF: "uid-a"}
    meta = replace(made.metadata, labels=labels, creation_timestamp=twin.now.isoformat())
    spec = replace(made.spec, cluster_label_selectors=[chosen])
    twin.follow_ups[found.name] = ShownFollowUp(ours=True)
    twin.touch("uid-a")
    return twin.apply(replace(made, metadata=meta, spec=spec))


def ended(twin: InMemoryEngine, uid: str = "uid-a") -> datetime:
    """Returns when the failed clusters were taken back."""
    at = twin.tracked(uid).steps[1].step.finished_at
    assert at is not None
    return at


WHY = f"site-1: {PULL}"
BY_HAND = "do it by hand: ibgu retry -n fleet a site-1"


def test_a_transient_failure_is_planned_and_then_tried_again() -> None:
    twin = failing("site-1")
    retry(twin)
    aborted(twin)
    planned = only(twin)
    assert planned.planned
    assert not planned.pending
    assert (planned.clusters, planned.uids) == (("site-1",), ("uid-site-1",))
    assert (planned.policy, planned.action, planned.attempt) == ("again", "Prep", 1)
    assert planned.why == WHY
    at = f"{planned.due:%Y-%m-%d %H:%M} UTC"
    words, later = (
        "Prep of site-1 again (retry 1) for RolloutPolicy again",
        "once this rollout is over",
    )
    assert twin.told(Kind.FOLLOW_UP) == [f"{words} at {at}, or {later}, by a new one; {WHY}"]
    assert planned.due == ended(twin) + timedelta(minutes=10)
    found = due(twin)
    assert found.pending
    assert found.name.startswith("a-retry-")
    assert twin.told(Kind.FOLLOW_UP)[1] == f"{words}, by the new rollout {found.name}; {WHY}"
    make(twin, found)
    twin.wait(minutes=1)
    assert only(twin).made_at is not None
    assert len(twin.told(Kind.FOLLOW_UP)) == 3


def test_the_new_rollout_takes_the_cluster_through_the_whole_plan() -> None:
    twin = failing("site-1")
    retry(twin)
    aborted(twin, *PLAN, "Upgrade")
    twin.spokes["site-1"].faults.clear()
    uid = make(twin, due(twin), *PLAN, "Upgrade")
    until(twin, uid)
    assert twin.spokes["site-1"].pivoted
    assert asked(twin, uid) == ()


def test_each_further_attempt_waits_twice_as_long_until_there_are_no_more() -> None:
    twin = failing("site-1")
    retry(twin)
    aborted(twin)
    first = make(twin, due(twin))
    until(twin, first)
    second = only(twin, first)
    assert (second.attempt, second.due) == (2, ended(twin, first) + timedelta(minutes=20))
    found = due(twin, first)
    assert found.name.startswith("a-retry-")
    assert found.name.count("retry") == 1
    twin.follow_ups[found.name] = ShownFollowUp(ours=True)
    last = make(twin, found)
    until(twin, last)
    refused = only(twin, last)
    by_hand = f"do it by hand: ibgu retry -n fleet {found.name} site-1"
    assert refused.refused == (
        f"it was tried again 2 times, and the policy allows no more; {by_hand}"
    )


def test_a_single_attempt_is_not_counted_as_several() -> None:
    twin = failing("site-1")
    retry(twin, attempts=1)
    aborted(twin)
    uid = make(twin, due(twin))
    until(twin, uid)
    assert only(twin, uid).refused.startswith("it was tried again once, and the policy allows no")


def test_attempts_whose_beginning_is_unknown_end() -> None:
    twin = failing("site-1")
    retry(twin)
    aborted(twin)
    found = due(twin)
    made = replace(found, name="another")
    step = twin.tracked("uid-a").steps[1]
    uid = make(twin, found)
    # The journal of the first rollout does not have it any more.
    step.step = replace(step.step, follow_ups=replace(step.step.follow_ups, made=(made,)))
    until(twin, uid)
    assert "so its attempts can't be counted" in only(twin, uid).refused


def test_rollouts_of_other_namespaces_do_not_count() -> None:
    twin = failing("site-1")
    retry(twin)
    aborted(twin)
    other = twin.tracked("uid-a")
    other.rollout = replace(other.rollout, name="b", namespace="elsewhere")
    again = ibgu("b", *PLAN, age=-600, selectors=[LabelSelector(match_labels={"name": "site-1"})])
    twin.apply(again)
    until(twin, "uid-b")
    assert only(twin, "uid-b").attempt == 1


@pytest.mark.parametrize(
    ("said", "fault"),
    [(WRONG, "fail"), (PULL, "hang"), ("the moon is full", "fail")],
)
def test_other_failures_are_not_tried_again(said: str, fault: str) -> None:
    twin = failing("site-1", said=said)
    twin.spokes["site-1"].faults[Stage.PREP] = fault
    retry(twin)
    aborted(twin)
    twin.wait(hours=2)
    assert asked(twin) == ()


def test_a_failed_upgrade_is_not_tried_again() -> None:
    twin = fleet(2)
    twin.spokes["site-1"].faults[Stage.UPGRADE] = "fail"
    retry(twin)
    aborted(twin, "Prep", "Upgrade", "AbortOnFailure")
    twin.wait(hours=2)
    assert asked(twin, step=2) == ()


def test_a_cluster_that_failed_elsewhere_is_not_tried_again() -> None:
    twin = fleet(1)
    retry(twin)
    twin.spokes["site-1"].to("Prep")
    twin.labels["site-1"]["lcm.openshift.io/ibgu-prep-failed"] = ""
    aborted(twin, "AbortOnFailure")
    assert asked(twin, step=0) == ()


def test_a_cluster_that_no_policy_selects_is_not_tried_again() -> None:
    twin = failing("site-1", "site-4")
    retry(twin, clusters={"selector": NORTH})
    aborted(twin)
    assert only(twin).clusters == ("site-4",)


def test_the_strictest_of_several_policies_counts() -> None:
    twin = failing("site-1", "site-4")
    set_policies(
        twin,
        policies.policy("many", retry={"attempts": 5, "backoffMinutes": 30}),
        policies.policy(
            "few", retry={"attempts": 2, "backoffMinutes": 5}, clusters={"selector": NORTH}
        ),
    )
    aborted(twin)
    found = {each.clusters: (each.policy, each.due) for each in asked(twin)}
    half = ended(twin) + timedelta(minutes=30)
    assert found == {("site-1",): ("many", half), ("site-4",): ("few", half)}


def test_many_clusters_are_one_rollout_or_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CLUSTERS", 2)
    twin = failing("site-1", "site-2", "site-3")
    retry(twin)
    aborted(twin)
    first, second = asked(twin)
    assert first.clusters == ("site-1", "site-2")
    assert first.why == f"{WHY}; 1 more failed, too"
    assert second.clusters == ("site-3",)
    twin.wait(minutes=12)
    first, second = asked(twin)
    assert first.pending
    uid = make(twin, first)
    twin.spokes["site-1"].faults[Stage.PREP] = "hang"
    twin.wait(minutes=30)
    assert asked(twin)[1].planned, "one after the other"
    until(twin, uid)
    twin.wait(minutes=1)
    assert asked(twin)[1].pending
    twin.delete(uid)


def test_a_policy_that_comes_late_says_nothing_about_old_failures() -> None:
    twin = failing("site-1")
    aborted(twin)
    twin.wait(minutes=62)
    retry(twin)
    twin.wait(hours=1)
    assert asked(twin) == ()


def test_a_step_that_leaves_nothing_to_plan_is_read_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state, "MAX_STEPS", 1)
    twin, asked_for = failing("site-1", said=WRONG), list[str]()
    failure = type(twin.driver).failure

    def counted(driver: Any, action: str, message: str) -> Any:
        asked_for.append(message)
        return failure(driver, action, message)

    monkeypatch.setattr(type(twin.driver), "failure", counted)
    retry(twin)
    aborted(twin)
    asked_for.clear()
    twin.touch("uid-a")
    twin.wait(minutes=1)
    assert asked_for == []
    retry(twin)
    twin.wait(minutes=1)
    assert asked_for == [WRONG]
    second = replace(twin.tracked("uid-a").steps[1].step, index=7)
    [holding] = twin.policy_gates.of(twin.rollout_policies, "fleet", {}).retries
    holding.settle(second.key)
    assert holding.settled == {second.key}


def test_nothing_is_planned_for_a_cluster_that_was_installed_again() -> None:
    twin = failing("site-1")
    aborted(twin)
    twin.spokes["site-1"].uid = "another"
    retry(twin)
    twin.wait(minutes=5)
    assert asked(twin) == ()


def test_a_cluster_that_completed_late_is_not_tried_again() -> None:
    twin = failing("site-1")
    aborted(twin)
    step = twin.tracked("uid-a").steps[0]
    step.members["site-1"] = replace(step.members["site-1"], uid="another")
    retry(twin)
    twin.wait(minutes=5)
    assert asked(twin) == ()


def refusal(twin: InMemoryEngine) -> str:
    twin.touch("uid-a")
    twin.wait(minutes=12)
    found = only(twin)
    assert found.name == ""
    assert not found.superseded
    words, by_hand = found.refused.split("; ")
    assert by_hand == BY_HAND
    return words


def superseded(twin: InMemoryEngine) -> str:
    """Nobody has to do anything."""
    twin.touch("uid-a")
    twin.wait(minutes=12)
    found = only(twin)
    assert found.name == ""
    assert found.superseded
    return found.refused


@pytest.fixture
def twin() -> InMemoryEngine:
    """An attempt is planned, and not due yet."""
    made = failing("site-1")
    retry(made)
    return aborted(made)


def test_a_policy_that_is_withdrawn_begins_nothing(twin: InMemoryEngine) -> None:
    set_policies(twin)
    assert refusal(twin) == "the RolloutPolicies do not ask for it any more"


def test_a_policy_that_allows_fewer_attempts_begins_nothing() -> None:
    twin = failing("site-1")
    retry(twin)
    aborted(twin)
    first = make(twin, due(twin))
    until(twin, first)
    retry(twin, attempts=1)
    assert "do not ask for it any more" in due(twin, first).refused


def test_changed_labels_begin_nothing(twin: InMemoryEngine) -> None:
    twin.labels["site-1"]["lcm.openshift.io/ibgu-prep-completed"] = ""
    assert superseded(twin) == "its labels have changed since"


def test_a_cluster_without_the_label_of_its_name_begins_nothing(twin: InMemoryEngine) -> None:
    twin.labels["site-1"].pop("name")
    assert refusal(twin) == "its ManagedCluster lacks the label name with its name"


def test_a_newer_rollout_keeps_the_cluster(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].faults[Stage.PREP] = "hang"
    chosen = LabelSelector(match_labels={"name": "site-1"})
    twin.apply(ibgu("b", "Prep", age=-600, selectors=[chosen]))
    assert superseded(twin) == "another rollout has it"


def test_a_rollout_that_can_not_be_read_keeps_the_cluster(twin: InMemoryEngine) -> None:
    lost = UnreadableRollout(
        uid="uid-x",
        namespace="fleet",
        name="x",
        error="broken",
        claims={},
        cancellers={},
        clusters=frozenset({"site-1"}),
    )
    twin.fleet.unreadable["uid-x"] = lost
    assert refusal(twin) == "a rollout that ibgu can't read has it"


def test_a_cluster_that_is_gone_is_not_tried_again(twin: InMemoryEngine) -> None:
    del twin.spokes["site-1"]
    assert refusal(twin) == "its ManagedCluster is gone, or is another one"


def test_the_others_go_on_where_one_can_not() -> None:
    twin = failing("site-1", "site-2")
    retry(twin)
    aborted(twin)
    twin.labels["site-1"].pop("name")
    twin.wait(minutes=12)
    refused, named = sorted(asked(twin), key=lambda each: each.name)
    assert refused.clusters == ("site-1",)
    assert named.clusters == ("site-2",)
    assert named.pending


def test_labels_that_are_still_to_be_written_are_waited_for(twin: InMemoryEngine) -> None:
    pending = PendingPatch(
        uid="uid-site-1", cluster="site-1", rollout="uid-a", labels={"x": Change(None, "y")}
    )
    twin.fleet.pending_patches["uid-site-1"] = pending
    twin.wait(minutes=15)
    assert only(twin).planned
    del twin.fleet.pending_patches["uid-site-1"]
    twin.wait(minutes=1)
    assert only(twin).pending


def test_a_pause_keeps_it_though_the_plan_is_over(twin: InMemoryEngine) -> None:
    twin.annotate("uid-a", pause="me")
    twin.wait(minutes=30)
    assert only(twin).planned
    held = twin.tracked("uid-a").rollout.hold
    assert held is not None
    assert held.kind is ReasonKind.PAUSED
    obj = twin.ibgus["uid-a"]
    twin.apply(replace(obj, metadata=replace(obj.metadata, annotations={})))
    twin.wait(minutes=1)
    assert only(twin).pending


def test_a_pause_from_before_the_end_keeps_it() -> None:
    twin = failing("site-1")
    retry(twin)
    twin.apply(ibgu("a", "Prep", "AbortOnFailure"))
    twin.wait(minutes=1)
    while not twin.tracked("uid-a").steps[1:]:
        twin.wait(minutes=1)
    twin.annotate("uid-a", pause="me")
    twin.wait(minutes=60)
    held = twin.tracked("uid-a").rollout.hold
    assert held is not None
    assert all(each.planned for each in asked(twin))


def test_a_live_talm_and_unknown_policies_keep_it(twin: InMemoryEngine) -> None:
    twin.facts = replace(twin.facts, talm_hold=TALM_RUNS)
    twin.wait(minutes=15)
    assert only(twin).planned
    twin.facts = replace(twin.facts, talm_hold="")
    known = twin.rollout_policies
    twin.rollout_policies = replace(known, problem="they are not read")
    twin.wait(minutes=15)
    assert only(twin).planned
    twin.rollout_policies = known
    twin.wait(minutes=1)
    assert only(twin).pending


def test_a_deleted_rollout_tries_nothing_again(twin: InMemoryEngine) -> None:
    twin.delete("uid-a")
    twin.wait(minutes=30)
    assert only(twin).planned


def test_a_name_that_somebody_has_taken_is_refused(twin: InMemoryEngine) -> None:
    found = due(twin)
    twin.follow_ups[found.name] = ShownFollowUp(problem="it is somebody else's")
    twin.touch("uid-a")
    twin.wait(minutes=1)
    assert only(twin).refused == f"it is somebody else's; {BY_HAND}"


def test_a_failed_canary_of_the_rollout_holds_its_failed_clusters_too() -> None:
    twin = failing("site-4")
    again = policies.policy("again", retry={"backoffMinutes": 10})
    chosen = {"selector": {"matchLabels": {"name": "site-1"}}}
    set_policies(twin, again, policies.policy("first", actions=["Upgrade"], canaries=chosen))
    twin.spokes["site-1"].faults[Stage.UPGRADE] = "fail"
    twin.apply(ibgu("a", *PLAN, "Upgrade"))
    twin.wait(hours=3)
    [planned] = asked(twin)
    assert planned.planned, "the step waits for a person, and so does what has failed before"
    twin.annotate("uid-a", resume="me")
    until(twin, "uid-a")
    twin.wait(minutes=1)
    assert only(twin).pending


def test_nothing_begins_once_somebody_takes_other_clusters_back(twin: InMemoryEngine) -> None:
    other = LabelSelector(match_labels={"name": "site-2"})
    twin.apply(ibgu("b", "Abort", age=-600, selectors=[other]))
    assert refusal(twin) == "fleet/b takes clusters of this rollout back"


def test_an_attempt_that_could_not_begin_for_a_day_is_left_to_a_person(
    twin: InMemoryEngine,
) -> None:
    twin.annotate("uid-a", pause="me")
    twin.wait(hours=30)
    assert only(twin).planned
    obj = twin.ibgus["uid-a"]
    twin.apply(replace(obj, metadata=replace(obj.metadata, annotations={})))
    assert refusal(twin) == "it could not begin for a day"


def test_only_the_newest_end_of_a_cluster_counts() -> None:
    twin = failing("site-1", said=PULL)
    aborted(twin)
    found = twin.tracked("uid-a")
    assert module._failure(
        DecisionContext(twin.snapshot(found), twin.now, lambda _: None), 1, "site-1"
    )
    succeeded = replace(found.steps[0].members["site-2"], cluster="site-1", uid="uid-site-1")
    found.steps[0].members["site-1"] = succeeded
    assert not module._failure(
        DecisionContext(twin.snapshot(found), twin.now, lambda _: None), 1, "site-1"
    )


def test_a_new_rollout_that_is_gone_again_keeps_none_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_CLUSTERS", 1)
    twin = failing("site-1", "site-2")
    retry(twin)
    aborted(twin)
    twin.wait(minutes=12)
    first, _ = asked(twin)
    twin.follow_ups[first.name] = ShownFollowUp(ours=True)
    twin.touch("uid-a")
    twin.wait(minutes=5)
    assert all(each.name for each in asked(twin))


def test_a_name_never_ends_with_a_dot_before_its_mark(twin: InMemoryEngine) -> None:
    tracked = twin.tracked("uid-a")
    tracked.rollout = replace(tracked.rollout, name="a" * 199 + "." + "b")
    found = replace(only(twin), decided_at=twin.now)
    ctx = DecisionContext(twin.snapshot(tracked), twin.now, lambda _: None)
    assert name_of(ctx, tracked.steps[1], found).startswith("a" * 199 + "-retry-")
