"""R50.9: with more failures than a policy allows, nothing new starts until a person resumes, or the
budget is raised."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.engine.state import budgets
from ibgu.core.engine.state.failures import FailedMember
from ibgu.core.model import Kind, MemberState, Outcome, ReasonKind
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.model.names import CIRCUIT_BREAKER_OFF
from ibgu.core.model.rollout_policy import PolicyState
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.policy import SITE, policy, set_policies


def fleet(count: int, bad: set[int], stage: Stage = Stage.PREP) -> InMemoryEngine:
    """The bad ones fail in that stage."""
    engine = InMemoryEngine(*(f"site-{n:02}" for n in range(1, count + 1)))
    Invariants(engine)
    for n, (name, spoke) in enumerate(engine.spokes.items(), 1):
        engine.labels[name] = {"name": name, SITE: "north" if n % 2 else "south"}
        if stage is Stage.UPGRADE:
            spoke.to("Prep")
            engine.labels[name]["lcm.openshift.io/ibgu-prep-completed"] = ""
        spoke.faults[stage] = "fail" if n in bad else ""
    return engine


def budget(engine: InMemoryEngine, maximum: int | str, **other: Any) -> None:
    clusters = other.pop("clusters", {})
    actions = other.pop("actions", [])
    spec = {"failureBudget": {"maximum": maximum, **other}}
    set_policies(engine, policy("ran", clusters=clusters, actions=actions, **spec))


def of(*names: str) -> tuple[LabelSelector, ...]:
    return tuple(LabelSelector({"name": name}) for name in names)


def hold(engine: InMemoryEngine, uid: str = "uid-a", step: int = 0) -> str:
    """Returns what the failure budget says; empty: it holds nothing."""
    found = engine.tracked(uid).steps[step].step.hold
    assert found is None or found.kind is ReasonKind.FAILURE_BUDGET
    return found.message if found else ""


def ended(engine: InMemoryEngine, uid: str = "uid-a", step: int = 0) -> tuple[int, int]:
    """Returns how many clusters have succeeded, and how many have failed."""
    counts = engine.tracked(uid).steps[step].counts
    return counts[Outcome.SUCCEEDED], counts[Outcome.FAILED]


def test_one_failure_more_than_allowed_holds_the_rest() -> None:
    engine = fleet(10, {2, 4, 6})
    budget(engine, 2)
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    engine.wait(hours=1)
    assert ended(engine) == (3, 3)
    assert hold(engine) == (
        "3 clusters of this rollout have failed, and RolloutPolicy ran allows 2; annotate the "
        "rollout with ibgu.dev/resume to go on"
    )
    assert engine.tracked("uid-a").steps[0].step.stopped_since is not None


def test_clusters_in_flight_go_on() -> None:
    engine = fleet(6, {1})
    engine.spokes["site-02"].faults[Stage.PREP] = "slow"
    budget(engine, 0)
    engine.apply(ibgu("a", "Prep", concurrency=2, timeout=600))
    engine.wait(minutes=30)
    assert hold(engine).startswith(
        "1 cluster of this rollout has failed, and RolloutPolicy ran allow"
    )
    assert engine.member("uid-a", 0, "site-02").state is MemberState.IN_FLIGHT
    engine.wait(hours=2)
    assert ended(engine) == (1, 1)


def test_a_person_resumes_and_the_budget_counts_again() -> None:
    engine = fleet(8, {1, 3})
    budget(engine, 0)
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    engine.wait(hours=1)
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=1)
    assert ended(engine) == (1, 2)
    assert hold(engine)
    engine.annotate("uid-a", resume="2")
    engine.wait(hours=1)
    assert ended(engine) == (6, 2)


def test_a_larger_budget_lets_the_rest_go_on() -> None:
    engine = fleet(6, {1, 2})
    budget(engine, 1)
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    engine.wait(hours=1)
    assert hold(engine)
    budget(engine, 2)
    engine.wait(hours=1)
    assert ended(engine) == (4, 2)
    assert engine.told(Kind.STEP_RELEASED) == ["no failure budget is spent any more"]


def test_a_restart_counts_the_same() -> None:
    engine = fleet(6, {1, 2})
    budget(engine, 1)
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    engine.until(Kind.STEP_HELD)
    engine.restart()
    engine.wait(hours=1)
    assert (ended(engine), bool(hold(engine))) == ((0, 2), True)


@pytest.mark.parametrize(("maximum", "failed"), [("10%", 2), ("9%", 1), ("0%", 1)])
def test_a_share_is_rounded_down(maximum: str, failed: int) -> None:
    engine = fleet(10, {1, 2, 3, 4})
    budget(engine, maximum)
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    engine.wait(hours=2)
    assert ended(engine) == (0, failed)


@pytest.mark.parametrize(("per", "second"), [("Step", (3, 1)), ("Rollout", (0, 1))])
def test_failures_of_a_step_or_of_the_whole_rollout(per: str, second: tuple[int, int]) -> None:
    """One cluster fails in its Prep, another one in its Upgrade."""
    engine = fleet(5, {1})
    engine.spokes["site-02"].faults[Stage.UPGRADE] = "fail"
    budget(engine, 1, per=per)
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=1, timeout=600))
    engine.wait(hours=5)
    assert ended(engine) == (4, 1)
    assert ended(engine, step=1) == second


def test_a_share_of_the_rollout_counts_each_cluster_once() -> None:
    engine = fleet(10, {1, 2})
    budget(engine, "20%")
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=2, timeout=600))
    engine.wait(hours=5)
    assert ended(engine, step=1) == (8, 0)


def test_failures_on_the_whole_hub_within_a_time() -> None:
    """Those of the first rollout hold the second one, until a person resumes it."""
    engine = fleet(6, {1, 2})
    budget(engine, 1, per="Hub", withinMinutes=600)
    engine.apply(ibgu("a", "Prep", timeout=600, selectors=of("site-01", "site-02")))
    engine.wait(hours=1)
    engine.delete("uid-a")
    engine.wait(minutes=5)
    engine.apply(ibgu("b", "Prep", concurrency=1, timeout=600, selectors=of("site-03", "site-04")))
    engine.wait(hours=1)
    assert hold(engine, "uid-b").startswith(
        "2 clusters of the hub have failed within 10 h, and RolloutPolicy ran allows 1"
    )
    engine.wait(hours=24)
    assert ended(engine, "uid-b") == (0, 0)
    engine.annotate("uid-b", resume="1")
    engine.wait(hours=1)
    assert ended(engine, "uid-b") == (2, 0)


def test_failures_that_are_far_apart_spend_no_budget() -> None:
    engine = fleet(6, {1, 4})
    budget(engine, 1, withinMinutes=2)
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    engine.wait(hours=2)
    assert ended(engine) == (4, 2)


def test_a_cluster_counts_once_however_often_it_fails() -> None:
    engine = fleet(4, {1})
    budget(engine, 1, per="Hub", withinMinutes=600)
    for name in "ab":
        engine.apply(ibgu(name, "Prep", timeout=600, selectors=of("site-01")))
        engine.wait(hours=1)
        engine.spokes["site-01"].stage = Stage.IDLE
        engine.spokes["site-01"].conditions.clear()
        engine.labels["site-01"] = {"name": "site-01"}
    engine.apply(ibgu("c", "Prep", timeout=600, selectors=of("site-02")))
    engine.wait(hours=1)
    assert ended(engine, "uid-c") == (1, 0)


def test_other_clusters_and_other_actions_count_for_nothing() -> None:
    engine = fleet(8, {2, 4})
    north = {"selector": {"matchLabels": {SITE: "north"}}}
    budget(engine, 0, clusters=north)
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    engine.wait(hours=2)
    assert ended(engine) == (6, 2)
    engine = fleet(8, {2, 4})
    budget(engine, 0, actions=["Upgrade"])
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    engine.wait(hours=2)
    assert ended(engine) == (6, 2)


def test_a_step_without_clusters_of_the_policy_goes_on() -> None:
    engine = fleet(6, {1})
    north = {"selector": {"matchLabels": {SITE: "north"}}}
    budget(engine, 0, per="Hub", withinMinutes=600, clusters=north)
    engine.apply(ibgu("a", "Prep", timeout=600, selectors=of("site-01", "site-03")))
    engine.wait(hours=1)
    engine.apply(ibgu("b", "Prep", timeout=600, selectors=of("site-02", "site-04")))
    engine.apply(ibgu("c", "Prep", timeout=600, selectors=of("site-05")))
    engine.wait(hours=1)
    assert (ended(engine, "uid-b"), ended(engine, "uid-c")) == ((2, 0), (0, 0))


def test_a_cluster_that_never_started_has_not_failed() -> None:
    engine = fleet(3, set())
    engine.spokes["site-01"].dark = True
    budget(engine, 0)
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=2, timeout=60))
    engine.wait(hours=5)
    assert (ended(engine), ended(engine, step=1)) == ((2, 1), (2, 0))


def test_a_chain_waits_before_its_reboot() -> None:
    engine = fleet(4, {1})
    engine.spokes["site-02"].faults[Stage.PREP] = "slow"
    budget(engine, 0)
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=2, timeout=600))
    engine.wait(hours=3)
    member = engine.member("uid-a", 0, "site-02")
    assert (member.state, member.reason.kind) == (MemberState.IN_FLIGHT, ReasonKind.FAILURE_BUDGET)
    budget(engine, 1)
    engine.wait(hours=3)
    assert ended(engine) == (3, 1)
    assert engine.told(Kind.WAITS)


def test_the_way_back_is_open() -> None:
    engine = fleet(4, {1, 2, 3})
    budget(engine, 0)
    engine.apply(ibgu("a", "Prep", "AbortOnFailure", concurrency=4, timeout=600))
    engine.wait(hours=3)
    assert ended(engine) == (1, 3)
    assert ended(engine, step=1) == (3, 0)


def test_the_steps_own_circuit_breaker_may_be_off() -> None:
    """A person turns off the circuit breaker; the policy is not theirs."""
    engine = fleet(20, set(range(1, 11)), Stage.UPGRADE)
    budget(engine, "10%", actions=["Upgrade"])
    engine.apply(ibgu("a", "Upgrade", concurrency=1, timeout=2000))
    engine.annotate("uid-a", circuit_breaker=CIRCUIT_BREAKER_OFF)
    engine.wait(hours=12)
    assert ended(engine) == (0, 3)


def test_outdated_failures_are_dropped() -> None:
    engine = fleet(4, {1, 2})
    budget(engine, 0, per="Hub", withinMinutes=600)
    engine.apply(ibgu("a", "Prep", timeout=600, selectors=of("site-01", "site-02")))
    engine.wait(hours=1)
    engine.delete("uid-a")
    engine.wait(minutes=5)
    engine.fleet.forget("uid-a")
    failures, version = engine.fleet.failures, engine.fleet.failures.version
    engine.now += timedelta(days=15)
    engine.fleet.drop_outdated(engine.now)
    assert list(failures.of("uid-a", engine.now - timedelta(days=30))) == []
    assert list(failures.on_hub(engine.now - timedelta(days=30))) == []
    assert failures.version > version
    version = failures.version
    engine.fleet.drop_outdated(engine.now)
    assert failures.version == version


def test_a_failure_that_was_dropped_is_replaced_by_nothing() -> None:
    engine = fleet(2, {1})
    engine.apply(ibgu("a", "Prep", timeout=600))
    engine.wait(hours=1)
    failures = engine.fleet.failures
    (failed,) = failures.on_hub(engine.now - timedelta(days=1))
    undo = failures.replace(failed, None)
    assert list(failures.of("uid-a", engine.now - timedelta(days=1))) == []
    failures.replace(failed, None)
    undo()
    assert list(failures.on_hub(engine.now - timedelta(days=1))) == [failed]


def test_a_budget_is_about_clusters_that_are_gone_as_well() -> None:
    engine = fleet(3, {1})
    north = {"selector": {"matchLabels": {SITE: "north"}}}
    budget(engine, 0, clusters=north)
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    engine.until(Kind.RUN_ENDED)
    del engine.spokes["site-01"]
    engine.touch_cluster("site-01")
    engine.wait(hours=1)
    assert hold(engine)


def test_failures_are_loaded_from_the_journal() -> None:
    engine = fleet(2, set())
    long_ago = FailedMember(engine.now - timedelta(days=1), "site-09", "uid-z", 0, Action.PREP)
    engine.fleet.failures.load([long_ago])
    assert list(engine.fleet.failures.of("uid-z", engine.now - timedelta(days=2))) == [long_ago]


@pytest.mark.parametrize(("minutes", "started"), [(2, 3), (3, 0)])
def test_a_cluster_that_fails_twice_counts_until_both_are_outdated(
    minutes: int, started: int
) -> None:
    engine = fleet(3, set())
    engine.fleet.failures.load(
        FailedMember(engine.now + timedelta(minutes=n), name, "uid-z", 0, Action.PREP)
        for n, name in enumerate(["site-08", "site-08", "site-09", "site-08", "site-07"])
    )
    budget(engine, 2, per="Hub", withinMinutes=minutes)
    engine.apply(ibgu("a", "Prep", timeout=600))
    engine.wait(hours=1)
    assert ended(engine) == (started, 0)


def test_a_chain_that_alone_is_left_is_held_and_resumed() -> None:
    """Nobody waits for a slot, so nothing but the chain asks the gate."""
    engine = fleet(2, {1})
    engine.spokes["site-02"].faults[Stage.PREP] = "slow"
    budget(engine, 0)
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=2, timeout=240))
    engine.wait(hours=9)
    assert hold(engine)
    assert engine.tracked("uid-a").steps[0].step.stopped_since is not None
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=2)
    assert ended(engine) == (1, 1)


def test_a_late_success_gives_back_what_it_took_of_the_budget() -> None:
    """Another rollout of the hub waits for that."""
    engine = fleet(4, set())
    engine.spokes["site-01"].faults[Stage.PREP] = "slow"
    budget(engine, 0, per="Hub", withinMinutes=600)
    engine.apply(ibgu("a", "Prep", timeout=40, selectors=of("site-01")))
    engine.wait(minutes=45)
    engine.apply(ibgu("b", "Prep", timeout=600, selectors=of("site-04")))
    engine.wait(minutes=5)
    assert hold(engine, "uid-b")
    engine.wait(minutes=15)
    assert ended(engine, "uid-b") == (1, 0)


def test_nothing_is_released_while_the_policies_are_not_known() -> None:
    engine = fleet(4, {1})
    budget(engine, 0)
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    engine.wait(hours=1)
    engine.rollout_policies = PolicyState(problem="not read yet")
    engine.touch_everything()
    engine.wait(hours=1)
    assert hold(engine)
    engine.rollout_policies = PolicyState()
    engine.touch_everything()
    engine.wait(hours=1)
    assert ended(engine) == (3, 1)


def test_failures_on_a_way_back_spend_no_budget() -> None:
    engine = fleet(3, {1})
    engine.spokes["site-01"].faults[Stage.IDLE] = "fail"
    budget(engine, 1, per="Hub", withinMinutes=6000)
    engine.apply(ibgu("a", "Prep", "AbortOnFailure", timeout=60, selectors=of("site-01")))
    engine.wait(hours=5)
    assert ended(engine, step=1) == (0, 1)
    assert len(list(engine.fleet.failures.on_hub(engine.now - timedelta(days=1)))) == 1


def test_a_cluster_that_was_asked_for_nothing_has_not_failed() -> None:
    """The cluster is in a state from which the action can not start."""
    engine = fleet(2, set())
    engine.spokes["site-01"].faults[Stage.PREP] = "fail"
    engine.spokes["site-01"].to("Prep")
    budget(engine, 0)
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    engine.wait(hours=3)
    assert engine.member("uid-a", 0, "site-01").run is None
    assert ended(engine) == (1, 1)


def test_a_cluster_of_others_that_is_gone_spends_no_budget_of_the_hub() -> None:
    engine = fleet(4, {2})
    north = {"selector": {"matchLabels": {SITE: "north"}}}
    budget(engine, 0, per="Hub", withinMinutes=600, clusters=north)
    engine.apply(ibgu("a", "Prep", timeout=600, selectors=of("site-02")))
    engine.wait(hours=1)
    del engine.spokes["site-02"]
    engine.touch_cluster("site-02")
    engine.apply(ibgu("b", "Prep", timeout=600, selectors=of("site-01", "site-03")))
    engine.wait(hours=1)
    assert ended(engine, "uid-b") == (2, 0)


def test_only_so_many_answers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "MAX_STEPS", 1)
    engine = fleet(4, {1})
    budget(engine, 1)
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=1, timeout=600))
    engine.wait(hours=5)
    assert ended(engine, step=1) == (3, 0)


def counted_again(engine: InMemoryEngine, *changed: str) -> bool:
    """Has ibgu learn of the changed clusters, and count again; returns whether that changes
    anything."""
    for name in changed:
        engine.touch_cluster(name)
    engine.settle()
    found = engine.policy_gates.recount(engine.now)
    assert not engine.policy_gates.recount(engine.now)
    engine.touch_everything()
    engine.wait(hours=3)
    return found


NORTHERN = {"clusters": {"selector": {"matchLabels": {SITE: "north"}}}}
OF_HUB: dict[str, Any] = {"per": "Hub", "withinMinutes": 1440, **NORTHERN}


@pytest.mark.parametrize("failed_one", [True, False])
def test_clusters_that_get_the_label_of_a_spent_budget_are_held(*, failed_one: bool) -> None:
    engine = fleet(6, {1})
    engine.spokes["site-02"].faults[Stage.PREP] = "slow"
    budget(engine, 0, **OF_HUB)
    for name in engine.spokes:
        engine.labels[name][SITE] = "south"
    moving = ["site-05", "site-06", *(["site-01"] if failed_one else [])]
    if not failed_one:
        engine.labels["site-01"][SITE] = "north"
    engine.apply(ibgu("b", "Prep", selectors=of("site-01")))
    engine.wait(hours=1)
    names = [name for name in engine.spokes if name != "site-01"]
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=600, selectors=of(*names)))
    engine.wait(minutes=1)
    assert hold(engine) == ""
    for name in moving:
        engine.labels[name][SITE] = "north"
    assert counted_again(engine, *moving)
    assert hold(engine).startswith("1 cluster of the hub has failed within 1 d")
    assert ended(engine) == (1, 0)


@pytest.mark.parametrize("then", ["deleted", "relabelled"])
def test_a_budget_stays_spent_without_the_cluster_that_has_spent_it(then: str) -> None:
    engine = fleet(6, {1})
    budget(engine, 0, **OF_HUB)
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    engine.wait(hours=1)
    assert hold(engine)
    if then == "deleted":
        del engine.spokes["site-01"]
    else:
        engine.labels["site-01"][SITE] = "south"
    assert not counted_again(engine, "site-01")
    assert hold(engine)
    assert ended(engine) == (0, 1)


def restarted(engine: InMemoryEngine) -> None:
    engine.restart()


def under_another_policy(engine: InMemoryEngine) -> None:
    set_policies(engine, *engine.rollout_policies.policies, policy("zone", inFlight=5))


def beside_another_failure(engine: InMemoryEngine) -> None:
    engine.join("site-07").faults[Stage.PREP] = "fail"
    engine.labels["site-07"] = {"name": "site-07", SITE: "south"}
    engine.apply(ibgu("b", "Prep", selectors=of("site-07")))


@pytest.mark.parametrize("then", [restarted, under_another_policy, beside_another_failure])
@pytest.mark.parametrize("spec", [OF_HUB, {"clusters": NORTHERN["clusters"]}, {"maximum": "34%"}])
def test_nothing_but_a_person_ends_the_hold_once_labels_have_changed(
    spec: dict[str, Any], then: Callable[[InMemoryEngine], None]
) -> None:
    engine = fleet(6, {1, 3})
    maximum = spec.get("maximum", 1)
    budget(engine, maximum, **NORTHERN | {k: v for k, v in spec.items() if k != "maximum"})
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    engine.wait(hours=1)
    assert hold(engine)
    if maximum == 1:
        engine.labels["site-01"][SITE] = "south"
    else:
        engine.labels["site-02"][SITE] = engine.labels["site-04"][SITE] = "north"
        engine.labels["site-06"][SITE] = "north"
    engine.touch_everything()
    then(engine)
    engine.wait(hours=2)
    assert hold(engine)
    assert ended(engine) == (1, 2)
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=2)
    assert ended(engine) == (4, 2)


def test_a_larger_budget_of_chosen_clusters_lets_the_rest_go_on() -> None:
    engine = fleet(6, {1, 3})
    budget(engine, 1, **NORTHERN)
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    engine.wait(hours=1)
    assert hold(engine)
    budget(engine, 2, **NORTHERN)
    engine.wait(hours=1)
    assert ended(engine) == (4, 2)


def test_a_budget_of_another_action_has_nothing_to_count_again() -> None:
    engine = fleet(2, {1})
    budget(engine, 0, actions=["Upgrade"], **NORTHERN)
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    assert not counted_again(engine, "site-01")
    assert ended(engine) == (1, 1)
