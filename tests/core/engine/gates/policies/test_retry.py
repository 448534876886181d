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
from ibgu.core.model import Change, Kind, Outcome, PendingPatch, ReasonKind, RolloutState, names
from ibgu.core.model.follow_ups import PolicyFollowUp, ShownFollowUp
from ibgu.core.model.kinds import LabelSelector
from tests.core.engine.decide.builders import unreadable_rollout
from tests.core.engine.decide.fleet import TALM_RUNS, InMemoryEngine, ibgu
from tests.core.engine.decide.restores import backup, restore_hub
from tests.core.engine.gates.policies import policy as policies
from tests.core.engine.gates.policies.policy import set_policies
from tests.core.engine.gates.policies.test_canaries import fleet

PULL = "precache job failed to complete. job-name: lca-prep-precache"
WRONG = "failed to inspect image: reading manifest: unauthorized"
NORTH = {"matchLabels": {"example.com/site": "north"}}
PLAN = ("Prep", "AbortOnFailure")


def failing(*clusters: str, count: int = 4, said: str = PULL) -> InMemoryEngine:
    engine = fleet(count)
    for name in clusters:
        engine.spokes[name].faults[Stage.PREP] = "fail"
        engine.spokes[name].failures[Stage.PREP] = said
    return engine


def retry(engine: InMemoryEngine, attempts: int = 2, backoff: int = 10, **more: Any) -> None:
    asked = {"attempts": attempts, "backoffMinutes": backoff}
    set_policies(engine, policies.policy("again", retry=asked, **more))


def aborted(engine: InMemoryEngine, *plan: str) -> InMemoryEngine:
    """The rollout's failed clusters are taken back, and the plan is over."""
    engine.apply(ibgu("a", *(plan or PLAN)))
    until(engine, "uid-a")
    return engine


def until(engine: InMemoryEngine, uid: str) -> None:
    for _ in range(1000):
        engine.wait(minutes=1)
        if engine.tracked(uid).rollout.state is RolloutState.COMPLETE:
            return
    raise AssertionError(f"{uid} does not end")


def asked(engine: InMemoryEngine, uid: str = "uid-a", step: int = 1) -> tuple[PolicyFollowUp, ...]:
    return engine.tracked(uid).steps[step].step.follow_ups.made


def only(engine: InMemoryEngine, uid: str = "uid-a") -> PolicyFollowUp:
    [found] = asked(engine, uid)
    return found


def due(engine: InMemoryEngine, uid: str = "uid-a") -> PolicyFollowUp:
    """Waits until what is planned was due, and returns what became of it."""
    at = only(engine, uid).due
    assert at is not None
    engine.wait(minutes=(at - engine.now) // timedelta(minutes=1) + 1)
    return only(engine, uid)


def make(engine: InMemoryEngine, found: PolicyFollowUp, *plan: str) -> str:
    """The hub has the new rollout; returns its uid."""
    chosen = LabelSelector(match_labels={"name": found.clusters[0]})
    made = ibgu(
        found.name, *(plan or PLAN), age=-int((engine.now - found.decided_at).seconds / 60 + 60)
    )
    labels = {names.FOLLOW_UP_OF: "uid-a"}
    meta = replace(made.metadata, labels=labels, creation_timestamp=engine.now.isoformat())
    spec = replace(made.spec, cluster_label_selectors=[chosen])
    engine.follow_ups[found.name] = ShownFollowUp(ours=True)
    engine.touch("uid-a")
    return engine.apply(replace(made, metadata=meta, spec=spec))


def ended(engine: InMemoryEngine, uid: str = "uid-a") -> datetime:
    """Returns when the failed clusters were taken back."""
    at = engine.tracked(uid).steps[1].step.finished_at
    assert at is not None
    return at


WHY = f"site-1: {PULL}"
BY_HAND = "do it by hand: ibgu retry -n fleet a site-1"


def test_a_transient_failure_is_planned_and_then_tried_again() -> None:
    engine = failing("site-1")
    retry(engine)
    aborted(engine)
    planned = only(engine)
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
    assert engine.told(Kind.FOLLOW_UP) == [f"{words} at {at}, or {later}, by a new one; {WHY}"]
    assert planned.due == ended(engine) + timedelta(minutes=10)
    found = due(engine)
    assert found.pending
    assert found.name.startswith("a-retry-")
    assert engine.told(Kind.FOLLOW_UP)[1] == f"{words}, by the new rollout {found.name}; {WHY}"
    make(engine, found)
    engine.wait(minutes=1)
    assert only(engine).made_at is not None
    assert len(engine.told(Kind.FOLLOW_UP)) == 3


def test_the_new_rollout_takes_the_cluster_through_the_whole_plan() -> None:
    engine = failing("site-1")
    retry(engine)
    aborted(engine, *PLAN, "Upgrade")
    engine.spokes["site-1"].faults.clear()
    uid = make(engine, due(engine), *PLAN, "Upgrade")
    until(engine, uid)
    assert engine.spokes["site-1"].pivoted
    assert asked(engine, uid) == ()


def test_each_further_attempt_waits_twice_as_long_until_there_are_no_more() -> None:
    engine = failing("site-1")
    retry(engine)
    aborted(engine)
    first = make(engine, due(engine))
    until(engine, first)
    second = only(engine, first)
    assert (second.attempt, second.due) == (2, ended(engine, first) + timedelta(minutes=20))
    found = due(engine, first)
    assert found.name.startswith("a-retry-")
    assert found.name.count("retry") == 1
    engine.follow_ups[found.name] = ShownFollowUp(ours=True)
    last = make(engine, found)
    until(engine, last)
    refused = only(engine, last)
    by_hand = f"do it by hand: ibgu retry -n fleet {found.name} site-1"
    assert refused.refused == (
        f"it was tried again 2 times, and the policy allows no more; {by_hand}"
    )


def test_a_single_attempt_is_not_counted_as_several() -> None:
    engine = failing("site-1")
    retry(engine, attempts=1)
    aborted(engine)
    uid = make(engine, due(engine))
    until(engine, uid)
    assert only(engine, uid).refused.startswith("it was tried again once, and the policy allows no")


def test_attempts_whose_beginning_is_unknown_end() -> None:
    engine = failing("site-1")
    retry(engine)
    aborted(engine)
    found = due(engine)
    made = replace(found, name="another")
    step = engine.tracked("uid-a").steps[1]
    uid = make(engine, found)
    # The journal of the first rollout does not have it any more.
    step.step = replace(step.step, follow_ups=replace(step.step.follow_ups, made=(made,)))
    until(engine, uid)
    assert "so its attempts can't be counted" in only(engine, uid).refused


def test_rollouts_of_other_namespaces_do_not_count() -> None:
    engine = failing("site-1")
    retry(engine)
    aborted(engine)
    other = engine.tracked("uid-a")
    other.rollout = replace(other.rollout, name="b", namespace="elsewhere")
    again = ibgu("b", *PLAN, age=-600, selectors=[LabelSelector(match_labels={"name": "site-1"})])
    engine.apply(again)
    until(engine, "uid-b")
    assert only(engine, "uid-b").attempt == 1


@pytest.mark.parametrize(
    ("said", "fault"),
    [(WRONG, "fail"), (PULL, "hang"), ("the moon is full", "fail")],
)
def test_other_failures_are_not_tried_again(said: str, fault: str) -> None:
    engine = failing("site-1", said=said)
    engine.spokes["site-1"].faults[Stage.PREP] = fault
    retry(engine)
    aborted(engine)
    engine.wait(hours=2)
    assert asked(engine) == ()


def test_a_failed_upgrade_is_not_tried_again() -> None:
    engine = fleet(2)
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "fail"
    retry(engine)
    aborted(engine, "Prep", "Upgrade", "AbortOnFailure")
    engine.wait(hours=2)
    assert asked(engine, step=2) == ()


def test_a_cluster_that_failed_elsewhere_is_not_tried_again() -> None:
    engine = fleet(1)
    retry(engine)
    engine.spokes["site-1"].to("Prep")
    engine.labels["site-1"]["lcm.openshift.io/ibgu-prep-failed"] = ""
    aborted(engine, "AbortOnFailure")
    assert asked(engine, step=0) == ()


def test_a_cluster_that_no_policy_selects_is_not_tried_again() -> None:
    engine = failing("site-1", "site-4")
    retry(engine, clusters={"selector": NORTH})
    aborted(engine)
    assert only(engine).clusters == ("site-4",)


def test_the_strictest_of_several_policies_counts() -> None:
    engine = failing("site-1", "site-4")
    set_policies(
        engine,
        policies.policy("many", retry={"attempts": 5, "backoffMinutes": 30}),
        policies.policy(
            "few", retry={"attempts": 2, "backoffMinutes": 5}, clusters={"selector": NORTH}
        ),
    )
    aborted(engine)
    found = {each.clusters: (each.policy, each.due) for each in asked(engine)}
    half = ended(engine) + timedelta(minutes=30)
    assert found == {("site-1",): ("many", half), ("site-4",): ("few", half)}


def test_many_clusters_are_one_rollout_or_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CLUSTERS", 2)
    engine = failing("site-1", "site-2", "site-3")
    retry(engine)
    aborted(engine)
    first, second = asked(engine)
    assert first.clusters == ("site-1", "site-2")
    assert first.why == f"{WHY}; 1 more failed, too"
    assert second.clusters == ("site-3",)
    engine.wait(minutes=12)
    first, second = asked(engine)
    assert first.pending
    uid = make(engine, first)
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    engine.wait(minutes=30)
    assert asked(engine)[1].planned, "one after the other"
    until(engine, uid)
    engine.wait(minutes=1)
    assert asked(engine)[1].pending
    engine.delete(uid)


def test_a_policy_that_comes_late_says_nothing_about_old_failures() -> None:
    engine = failing("site-1")
    aborted(engine)
    engine.wait(minutes=62)
    retry(engine)
    engine.wait(hours=1)
    assert asked(engine) == ()


def test_a_step_that_leaves_nothing_to_plan_is_read_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state, "MAX_STEPS", 1)
    engine, asked_for = failing("site-1", said=WRONG), list[str]()
    failure = type(engine.driver).failure

    def counted(driver: Any, action: str, message: str) -> Any:
        asked_for.append(message)
        return failure(driver, action, message)

    monkeypatch.setattr(type(engine.driver), "failure", counted)
    retry(engine)
    aborted(engine)
    asked_for.clear()
    engine.touch("uid-a")
    engine.wait(minutes=1)
    assert asked_for == []
    retry(engine)
    engine.wait(minutes=1)
    assert asked_for == [WRONG]
    second = replace(engine.tracked("uid-a").steps[1].step, index=7)
    [holding] = engine.policy_gates.of(engine.rollout_policies, "fleet", {}).retries
    holding.settle(second.key)
    assert holding.settled == {second.key}


def test_nothing_is_planned_for_a_cluster_that_was_installed_again() -> None:
    engine = failing("site-1")
    aborted(engine)
    engine.spokes["site-1"].uid = "another"
    retry(engine)
    engine.wait(minutes=5)
    assert asked(engine) == ()


def test_a_cluster_that_completed_late_is_not_tried_again() -> None:
    engine = failing("site-1")
    aborted(engine)
    step = engine.tracked("uid-a").steps[0]
    step.members["site-1"] = replace(step.members["site-1"], uid="another")
    retry(engine)
    engine.wait(minutes=5)
    assert asked(engine) == ()


def refusal(engine: InMemoryEngine) -> str:
    engine.touch("uid-a")
    engine.wait(minutes=12)
    found = only(engine)
    assert found.name == ""
    assert not found.superseded
    words, by_hand = found.refused.split("; ")
    assert by_hand == BY_HAND
    return words


def superseded(engine: InMemoryEngine) -> str:
    """Nobody has to do anything."""
    engine.touch("uid-a")
    engine.wait(minutes=12)
    found = only(engine)
    assert found.name == ""
    assert found.superseded
    return found.refused


@pytest.fixture
def engine() -> InMemoryEngine:
    """An attempt is planned, and not due yet."""
    made = failing("site-1")
    retry(made)
    return aborted(made)


def test_a_policy_that_is_withdrawn_begins_nothing(engine: InMemoryEngine) -> None:
    set_policies(engine)
    assert refusal(engine) == "the RolloutPolicies do not ask for it any more"


def test_a_policy_that_allows_fewer_attempts_begins_nothing() -> None:
    engine = failing("site-1")
    retry(engine)
    aborted(engine)
    first = make(engine, due(engine))
    until(engine, first)
    retry(engine, attempts=1)
    assert "do not ask for it any more" in due(engine, first).refused


def test_changed_labels_begin_nothing(engine: InMemoryEngine) -> None:
    engine.labels["site-1"]["lcm.openshift.io/ibgu-prep-completed"] = ""
    assert superseded(engine) == "its labels have changed since"


def test_a_cluster_without_the_label_of_its_name_begins_nothing(engine: InMemoryEngine) -> None:
    engine.labels["site-1"].pop("name")
    assert refusal(engine) == "its ManagedCluster lacks the label name with its name"


def test_a_newer_rollout_keeps_the_cluster(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    chosen = LabelSelector(match_labels={"name": "site-1"})
    engine.apply(ibgu("b", "Prep", age=-600, selectors=[chosen]))
    assert superseded(engine) == "another rollout has it"


def test_a_newer_rollout_that_goes_on_without_the_cluster_keeps_it(engine: InMemoryEngine) -> None:
    engine.frozen.update(("site-1", "site-2"))
    engine.apply(ibgu("b", "Prep", age=-600))
    engine.wait(seconds=5)
    engine.annotate("uid-b", skip="site-1")
    engine.settle()
    assert engine.member("uid-b", 0, "site-1").outcome is Outcome.SKIPPED
    assert superseded(engine) == "another rollout has it"


def test_a_newer_rollout_that_has_begun_on_the_cluster_keeps_it(engine: InMemoryEngine) -> None:
    chosen = LabelSelector(match_labels={"name": "site-1"})
    engine.apply(ibgu("b", "Prep", "AbortOnFailure", age=-600, selectors=[chosen]))
    until(engine, "uid-b")
    engine.delete("uid-b")
    assert superseded(engine) == "another rollout has it"


def test_a_newer_rollout_that_found_its_action_done_keeps_the_cluster(
    engine: InMemoryEngine,
) -> None:
    chosen = LabelSelector(match_labels={"name": "site-1"})
    engine.apply(ibgu("b", "Abort", age=-600, selectors=[chosen]))
    until(engine, "uid-b")
    assert engine.member("uid-b", 0, "site-1").started_at is None
    assert superseded(engine) == "another rollout has it"


def test_a_newer_rollout_that_was_deleted_before_it_began_stops_no_retry() -> None:
    engine = failing("site-1")
    retry(engine)
    engine.apply(ibgu("a", *PLAN))
    engine.until(Kind.RUN_ACCEPTED)
    chosen = LabelSelector(match_labels={"name": "site-1"})
    engine.apply(ibgu("b", "Prep", age=-1, selectors=[chosen]))
    engine.wait(seconds=5)
    engine.delete("uid-b")
    until(engine, "uid-a")
    assert engine.member("uid-b", 0, "site-1").outcome is Outcome.CANCELLED
    found = due(engine)
    assert (found.refused, found.clusters) == ("", ("site-1",))
    assert found.pending


def test_a_rollout_that_can_not_be_read_keeps_the_cluster(engine: InMemoryEngine) -> None:
    engine.fleet.unreadable["uid-x"] = unreadable_rollout("site-1")
    assert refusal(engine) == "a rollout that ibgu can't read has it"


def test_a_cluster_that_is_gone_is_not_tried_again(engine: InMemoryEngine) -> None:
    del engine.spokes["site-1"]
    assert refusal(engine) == "its ManagedCluster is gone, or is another one"


def test_the_others_go_on_where_one_can_not() -> None:
    engine = failing("site-1", "site-2")
    retry(engine)
    aborted(engine)
    engine.labels["site-1"].pop("name")
    engine.wait(minutes=12)
    refused, named = sorted(asked(engine), key=lambda each: each.name)
    assert refused.clusters == ("site-1",)
    assert named.clusters == ("site-2",)
    assert named.pending


def test_labels_that_are_still_to_be_written_are_waited_for(engine: InMemoryEngine) -> None:
    pending = PendingPatch(
        uid="uid-site-1", cluster="site-1", rollout="uid-a", labels={"x": Change(None, "y")}
    )
    engine.fleet.pending_patches["uid-site-1"] = pending
    engine.wait(minutes=15)
    assert only(engine).planned
    del engine.fleet.pending_patches["uid-site-1"]
    engine.wait(minutes=1)
    assert only(engine).pending


def test_a_pause_keeps_it_though_the_plan_is_over(engine: InMemoryEngine) -> None:
    engine.annotate("uid-a", pause="me")
    engine.wait(minutes=30)
    assert only(engine).planned
    held = engine.tracked("uid-a").rollout.hold
    assert held is not None
    assert held.kind is ReasonKind.PAUSED
    obj = engine.ibgus["uid-a"]
    engine.apply(replace(obj, metadata=replace(obj.metadata, annotations={})))
    engine.wait(minutes=1)
    assert only(engine).pending


def test_a_pause_from_before_the_end_keeps_it() -> None:
    engine = failing("site-1")
    retry(engine)
    engine.apply(ibgu("a", "Prep", "AbortOnFailure"))
    engine.wait(minutes=1)
    while not engine.tracked("uid-a").steps[1:]:
        engine.wait(minutes=1)
    engine.annotate("uid-a", pause="me")
    engine.wait(minutes=60)
    held = engine.tracked("uid-a").rollout.hold
    assert held is not None
    assert all(each.planned for each in asked(engine))


def test_a_live_talm_and_unknown_policies_keep_it(engine: InMemoryEngine) -> None:
    engine.facts = replace(engine.facts, talm_hold=TALM_RUNS)
    engine.wait(minutes=15)
    assert only(engine).planned
    engine.facts = replace(engine.facts, talm_hold="")
    known = engine.rollout_policies
    engine.rollout_policies = replace(known, problem="they are not read")
    engine.wait(minutes=15)
    assert only(engine).planned
    engine.rollout_policies = known
    engine.wait(minutes=1)
    assert only(engine).pending


def test_a_deleted_rollout_tries_nothing_again(engine: InMemoryEngine) -> None:
    engine.delete("uid-a")
    engine.wait(minutes=30)
    assert only(engine).planned


def test_a_name_that_somebody_has_taken_is_refused(engine: InMemoryEngine) -> None:
    found = due(engine)
    engine.follow_ups[found.name] = ShownFollowUp(problem="it is somebody else's")
    engine.touch("uid-a")
    engine.wait(minutes=1)
    assert only(engine).refused == f"it is somebody else's; {BY_HAND}"


def test_a_failed_canary_of_the_rollout_holds_its_failed_clusters_too() -> None:
    engine = failing("site-4")
    again = policies.policy("again", retry={"backoffMinutes": 10})
    chosen = {"selector": {"matchLabels": {"name": "site-1"}}}
    set_policies(engine, again, policies.policy("first", actions=["Upgrade"], canaries=chosen))
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "fail"
    engine.apply(ibgu("a", *PLAN, "Upgrade"))
    engine.wait(hours=3)
    [planned] = asked(engine)
    assert planned.planned, "the step waits for a person, and so does what has failed before"
    engine.annotate("uid-a", resume="me")
    until(engine, "uid-a")
    engine.wait(minutes=1)
    assert only(engine).pending


def test_nothing_begins_once_somebody_takes_other_clusters_back(engine: InMemoryEngine) -> None:
    other = LabelSelector(match_labels={"name": "site-2"})
    engine.apply(ibgu("b", "Abort", age=-600, selectors=[other]))
    assert refusal(engine) == "fleet/b takes clusters of this rollout back"


@pytest.mark.slow("every-point")
def test_an_attempt_that_could_not_begin_for_a_day_is_left_to_a_person(
    engine: InMemoryEngine,
) -> None:
    engine.annotate("uid-a", pause="me")
    engine.wait(hours=30)
    assert only(engine).planned
    obj = engine.ibgus["uid-a"]
    engine.apply(replace(obj, metadata=replace(obj.metadata, annotations={})))
    assert refusal(engine) == "it could not begin for a day"


def test_only_the_newest_end_of_a_cluster_counts() -> None:
    engine = failing("site-1", said=PULL)
    aborted(engine)
    found = engine.tracked("uid-a")
    assert module._failure(
        DecisionContext(engine.snapshot(found), engine.now, lambda _: None), 1, "site-1"
    )
    succeeded = replace(found.steps[0].members["site-2"], cluster="site-1", uid="uid-site-1")
    found.steps[0].members["site-1"] = succeeded
    assert not module._failure(
        DecisionContext(engine.snapshot(found), engine.now, lambda _: None), 1, "site-1"
    )


def test_a_new_rollout_that_is_gone_again_keeps_none_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_CLUSTERS", 1)
    engine = failing("site-1", "site-2")
    retry(engine)
    aborted(engine)
    engine.wait(minutes=12)
    first, _ = asked(engine)
    engine.follow_ups[first.name] = ShownFollowUp(ours=True)
    engine.touch("uid-a")
    engine.wait(minutes=5)
    assert all(each.name for each in asked(engine))


def test_a_name_never_ends_with_a_dot_before_its_mark(engine: InMemoryEngine) -> None:
    tracked = engine.tracked("uid-a")
    tracked.rollout = replace(tracked.rollout, name="a" * 199 + "." + "b")
    found = replace(only(engine), decided_at=engine.now)
    ctx = DecisionContext(engine.snapshot(tracked), engine.now, lambda _: None)
    assert name_of(ctx, tracked.steps[1], found).startswith("a" * 199 + "-retry-")


def test_after_a_restore_a_person_tries_again(engine: InMemoryEngine) -> None:
    """The plan is from before it; nothing begins by itself (R31.3)."""
    restore_hub(engine, backup(engine))
    engine.wait(hours=2)
    assert not only(engine).pending
    assert "was restored since" in only(engine).refused


def test_a_rollout_that_a_restore_has_forestalled_is_not_made_after_it(
    engine: InMemoryEngine,
) -> None:
    named = due(engine)
    assert named.pending
    restore_hub(engine, backup(engine))
    engine.wait(minutes=1)
    assert not only(engine).pending
    assert "was restored since" in only(engine).refused
