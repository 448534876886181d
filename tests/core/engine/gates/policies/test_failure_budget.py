"""R50.9: with more failures than a policy allows, nothing new starts until a person resumes, or the
budget is raised."""

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
    twin = InMemoryEngine(*(f"site-{n:02}" for n in range(1, count + 1)))
    Invariants(twin)
    for n, (name, spoke) in enumerate(twin.spokes.items(), 1):
        twin.labels[name] = {"name": name, SITE: "north" if n % 2 else "south"}
        if stage is Stage.UPGRADE:
            spoke.to("Prep")
            twin.labels[name]["lcm.openshift.io/ibgu-prep-completed"] = ""
        spoke.faults[stage] = "fail" if n in bad else ""
    return twin


def budget(twin: InMemoryEngine, maximum: int | str, **other: Any) -> None:
    clusters = other.pop("clusters", {})
    actions = other.pop("actions", [])
    spec = {"failureBudget": {"maximum": maximum, **other}}
    set_policies(twin, policy("ran", clusters=clusters, actions=actions, **spec))


def of(*names: str) -> tuple[LabelSelector, ...]:
    return tuple(LabelSelector({"name": name}) for name in names)


def hold(twin: InMemoryEngine, uid: str = "uid-a", step: int = 0) -> str:
    """Returns what the failure budget says; empty: it holds nothing."""
    found = twin.tracked(uid).steps[step].step.hold
    assert found is None or found.kind is ReasonKind.FAILURE_BUDGET
    return found.message if found else ""


def ended(twin: InMemoryEngine, uid: str = "uid-a", step: int = 0) -> tuple[int, int]:
    """Returns how many clusters have succeeded, and how many have failed."""
    counts = twin.tracked(uid).steps[step].counts
    return counts[Outcome.SUCCEEDED], counts[Outcome.FAILED]


def test_one_failure_more_than_allowed_holds_the_rest() -> None:
    twin = fleet(10, {2, 4, 6})
    budget(twin, 2)
    twin.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    twin.wait(hours=1)
    assert ended(twin) == (3, 3)
    assert hold(twin) == (
        "3 clusters of this rollout have failed, and RolloutPolicy ran allows 2; annotate the "
        "rollout with ibgu.dev/resume to go on"
    )
    assert twin.tracked("uid-a").steps[0].step.stopped_since is not None


def test_clusters_in_flight_go_on() -> None:
    twin = fleet(6, {1})
    twin.spokes["site-02"].faults[Stage.PREP] = "slow"
    budget(twin, 0)
    twin.apply(ibgu("a", "Prep", concurrency=2, timeout=600))
    twin.wait(minutes=30)
    assert hold(twin).startswith(
        "1 cluster of this rollout has failed, and RolloutPolicy ran allow"
    )
    assert twin.member("uid-a", 0, "site-02").state is MemberState.IN_FLIGHT
    twin.wait(hours=2)
    assert ended(twin) == (1, 1)


def test_a_person_resumes_and_the_budget_counts_again() -> None:
    twin = fleet(8, {1, 3})
    budget(twin, 0)
    twin.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    twin.wait(hours=1)
    twin.annotate("uid-a", resume="1")
    twin.wait(hours=1)
    assert ended(twin) == (1, 2)
    assert hold(twin)
    twin.annotate("uid-a", resume="2")
    twin.wait(hours=1)
    assert ended(twin) == (6, 2)


def test_a_larger_budget_lets_the_rest_go_on() -> None:
    twin = fleet(6, {1, 2})
    budget(twin, 1)
    twin.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    twin.wait(hours=1)
    assert hold(twin)
    budget(twin, 2)
    twin.wait(hours=1)
    assert ended(twin) == (4, 2)


def test_a_restart_counts_the_same() -> None:
    twin = fleet(6, {1, 2})
    budget(twin, 1)
    twin.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    twin.until(Kind.STEP_HELD)
    twin.restart()
    twin.wait(hours=1)
    assert (ended(twin), bool(hold(twin))) == ((0, 2), True)


@pytest.mark.parametrize(("maximum", "failed"), [("10%", 2), ("9%", 1), ("0%", 1)])
def test_a_share_is_rounded_down(maximum: str, failed: int) -> None:
    twin = fleet(10, {1, 2, 3, 4})
    budget(twin, maximum)
    twin.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    twin.wait(hours=2)
    assert ended(twin) == (0, failed)


@pytest.mark.parametrize(("per", "second"), [("Step", (3, 1)), ("Rollout", (0, 1))])
def test_failures_of_a_step_or_of_the_whole_rollout(per: str, second: tuple[int, int]) -> None:
    """One cluster fails in its Prep, another one in its Upgrade."""
    twin = fleet(5, {1})
    twin.spokes["site-02"].faults[Stage.UPGRADE] = "fail"
    budget(twin, 1, per=per)
    twin.apply(ibgu("a", "Prep", "Upgrade", concurrency=1, timeout=600))
    twin.wait(hours=5)
    assert ended(twin) == (4, 1)
    assert ended(twin, step=1) == second


def test_a_share_of_the_rollout_counts_each_cluster_once() -> None:
    twin = fleet(10, {1, 2})
    budget(twin, "20%")
    twin.apply(ibgu("a", "Prep", "Upgrade", concurrency=2, timeout=600))
    twin.wait(hours=5)
    assert ended(twin, step=1) == (8, 0)


def test_failures_on_the_whole_hub_within_a_time() -> None:
    """Those of the first rollout hold the second one, until a person resumes it."""
    twin = fleet(6, {1, 2})
    budget(twin, 1, per="Hub", withinMinutes=600)
    twin.apply(ibgu("a", "Prep", timeout=600, selectors=of("site-01", "site-02")))
    twin.wait(hours=1)
    twin.delete("uid-a")
    twin.wait(minutes=5)
    twin.apply(ibgu("b", "Prep", concurrency=1, timeout=600, selectors=of("site-03", "site-04")))
    twin.wait(hours=1)
    assert hold(twin, "uid-b").startswith(
        "2 clusters of the hub have failed within 10 h, and RolloutPolicy ran allows 1"
    )
    twin.wait(hours=24)
    assert ended(twin, "uid-b") == (0, 0)
    twin.annotate("uid-b", resume="1")
    twin.wait(hours=1)
    assert ended(twin, "uid-b") == (2, 0)


def test_failures_that_are_far_apart_spend_no_budget() -> None:
    twin = fleet(6, {1, 4})
    budget(twin, 1, withinMinutes=2)
    twin.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    twin.wait(hours=2)
    assert ended(twin) == (4, 2)


def test_a_cluster_counts_once_however_often_it_fails() -> None:
    twin = fleet(4, {1})
    budget(twin, 1, per="Hub", withinMinutes=600)
    for name in "ab":
        twin.apply(ibgu(name, "Prep", timeout=600, selectors=of("site-01")))
        twin.wait(hours=1)
        twin.spokes["site-01"].stage = Stage.IDLE
        twin.spokes["site-01"].conditions.clear()
        twin.labels["site-01"] = {"name": "site-01"}
    twin.apply(ibgu("c", "Prep", timeout=600, selectors=of("site-02")))
    twin.wait(hours=1)
    assert ended(twin, "uid-c") == (1, 0)


def test_other_clusters_and_other_actions_count_for_nothing() -> None:
    twin = fleet(8, {2, 4})
    north = {"selector": {"matchLabels": {SITE: "north"}}}
    budget(twin, 0, clusters=north)
    twin.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    twin.wait(hours=2)
    assert ended(twin) == (6, 2)
    twin = fleet(8, {2, 4})
    budget(twin, 0, actions=["Upgrade"])
    twin.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    twin.wait(hours=2)
    assert ended(twin) == (6, 2)


def test_a_step_without_clusters_of_the_policy_goes_on() -> None:
    twin = fleet(6, {1})
    north = {"selector": {"matchLabels": {SITE: "north"}}}
    budget(twin, 0, per="Hub", withinMinutes=600, clusters=north)
    twin.apply(ibgu("a", "Prep", timeout=600, selectors=of("site-01", "site-03")))
    twin.wait(hours=1)
    twin.apply(ibgu("b", "Prep", timeout=600, selectors=of("site-02", "site-04")))
    twin.apply(ibgu("c", "Prep", timeout=600, selectors=of("site-05")))
    twin.wait(hours=1)
    assert (ended(twin, "uid-b"), ended(twin, "uid-c")) == ((2, 0), (0, 0))


def test_a_cluster_that_never_started_has_not_failed() -> None:
    twin = fleet(3, set())
    twin.spokes["site-01"].dark = True
    budget(twin, 0)
    twin.apply(ibgu("a", "Prep", "Upgrade", concurrency=2, timeout=60))
    twin.wait(hours=5)
    assert (ended(twin), ended(twin, step=1)) == ((2, 1), (2, 0))


def test_a_chain_waits_before_its_reboot() -> None:
    twin = fleet(4, {1})
    twin.spokes["site-02"].faults[Stage.PREP] = "slow"
    budget(twin, 0)
    twin.apply(ibgu("a", "Prep Upgrade", concurrency=2, timeout=600))
    twin.wait(hours=3)
    member = twin.member("uid-a", 0, "site-02")
    assert (member.state, member.reason.kind) == (MemberState.IN_FLIGHT, ReasonKind.FAILURE_BUDGET)
    budget(twin, 1)
    twin.wait(hours=3)
    assert ended(twin) == (3, 1)
    assert twin.told(Kind.WAITS)


def test_the_way_back_is_open() -> None:
    twin = fleet(4, {1, 2, 3})
    budget(twin, 0)
    twin.apply(ibgu("a", "Prep", "AbortOnFailure", concurrency=4, timeout=600))
    twin.wait(hours=3)
    assert ended(twin) == (1, 3)
    assert ended(twin, step=1) == (3, 0)


def test_the_steps_own_circuit_breaker_may_be_off() -> None:
    """A person turns off the circuit breaker; the policy is not theirs."""
    twin = fleet(20, set(range(1, 11)), Stage.UPGRADE)
    budget(twin, "10%", actions=["Upgrade"])
    twin.apply(ibgu("a", "Upgrade", concurrency=1, timeout=2000))
    twin.annotate("uid-a", circuit_breaker=CIRCUIT_BREAKER_OFF)
    twin.wait(hours=12)
    assert ended(twin) == (0, 3)


def test_outdated_failures_are_dropped() -> None:
    twin = fleet(4, {1, 2})
    budget(twin, 0, per="Hub", withinMinutes=600)
    twin.apply(ibgu("a", "Prep", timeout=600, selectors=of("site-01", "site-02")))
    twin.wait(hours=1)
    twin.delete("uid-a")
    twin.wait(minutes=5)
    twin.fleet.forget("uid-a")
    failures, version = twin.fleet.failures, twin.fleet.failures.version
    twin.now += timedelta(days=15)
    twin.fleet.drop_outdated(twin.now)
    assert list(failures.of("uid-a", twin.now - timedelta(days=30))) == []
    assert list(failures.on_hub(twin.now - timedelta(days=30))) == []
    assert failures.version > version
    version = failures.version
    twin.fleet.drop_outdated(twin.now)
    assert failures.version == version


def test_a_failure_that_was_dropped_is_replaced_by_nothing() -> None:
    twin = fleet(2, {1})
    twin.apply(ibgu("a", "Prep", timeout=600))
    twin.wait(hours=1)
    failures = twin.fleet.failures
    (failed,) = failures.on_hub(twin.now - timedelta(days=1))
    undo = failures.replace(failed, None)
    assert list(failures.of("uid-a", twin.now - timedelta(days=1))) == []
    failures.replace(failed, None)
    undo()
    assert list(failures.on_hub(twin.now - timedelta(days=1))) == [failed]


def test_a_budget_is_about_clusters_that_are_gone_as_well() -> None:
    twin = fleet(3, {1})
    north = {"selector": {"matchLabels": {SITE: "north"}}}
    budget(twin, 0, clusters=north)
    twin.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    twin.until(Kind.RUN_ENDED)
    del twin.spokes["site-01"]
    twin.touch_cluster("site-01")
    twin.wait(hours=1)
    assert hold(twin)


def test_failures_are_loaded_from_the_journal() -> None:
    twin = fleet(2, set())
    long_ago = FailedMember(twin.now - timedelta(days=1), "site-09", "uid-z", 0, Action.PREP)
    twin.fleet.failures.load([long_ago])
    assert list(twin.fleet.failures.of("uid-z", twin.now - timedelta(days=2))) == [long_ago]


@pytest.mark.parametrize(("minutes", "started"), [(2, 3), (3, 0)])
def test_a_cluster_that_fails_twice_counts_until_both_are_outdated(
    minutes: int, started: int
) -> None:
    twin = fleet(3, set())
    twin.fleet.failures.load(
        FailedMember(twin.now + timedelta(minutes=n), name, "uid-z", 0, Action.PREP)
        for n, name in enumerate(["site-08", "site-08", "site-09", "site-08", "site-07"])
    )
    budget(twin, 2, per="Hub", withinMinutes=minutes)
    twin.apply(ibgu("a", "Prep", timeout=600))
    twin.wait(hours=1)
    assert ended(twin) == (started, 0)


def test_a_chain_that_alone_is_left_is_held_and_resumed() -> None:
    """Nobody waits for a slot, so nothing but the chain asks the gate."""
    twin = fleet(2, {1})
    twin.spokes["site-02"].faults[Stage.PREP] = "slow"
    budget(twin, 0)
    twin.apply(ibgu("a", "Prep Upgrade", concurrency=2, timeout=240))
    twin.wait(hours=9)
    assert hold(twin)
    assert twin.tracked("uid-a").steps[0].step.stopped_since is not None
    twin.annotate("uid-a", resume="1")
    twin.wait(hours=2)
    assert ended(twin) == (1, 1)


def test_a_late_success_gives_back_what_it_took_of_the_budget() -> None:
    """Another rollout of the hub waits for that."""
    twin = fleet(4, set())
    twin.spokes["site-01"].faults[Stage.PREP] = "slow"
    budget(twin, 0, per="Hub", withinMinutes=600)
    twin.apply(ibgu("a", "Prep", timeout=40, selectors=of("site-01")))
    twin.wait(minutes=45)
    twin.apply(ibgu("b", "Prep", timeout=600, selectors=of("site-04")))
    twin.wait(minutes=5)
    assert hold(twin, "uid-b")
    twin.wait(minutes=15)
    assert ended(twin, "uid-b") == (1, 0)


def test_nothing_is_released_while_the_policies_are_not_known() -> None:
    twin = fleet(4, {1})
    budget(twin, 0)
    twin.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    twin.wait(hours=1)
    twin.rollout_policies = PolicyState(problem="not read yet")
    twin.touch_everything()
    twin.wait(hours=1)
    assert hold(twin)
    twin.rollout_policies = PolicyState()
    twin.touch_everything()
    twin.wait(hours=1)
    assert ended(twin) == (3, 1)


def test_failures_on_a_way_back_spend_no_budget() -> None:
    twin = fleet(3, {1})
    twin.spokes["site-01"].faults[Stage.IDLE] = "fail"
    budget(twin, 1, per="Hub", withinMinutes=6000)
    twin.apply(ibgu("a", "Prep", "AbortOnFailure", timeout=60, selectors=of("site-01")))
    twin.wait(hours=5)
    assert ended(twin, step=1) == (0, 1)
    assert len(list(twin.fleet.failures.on_hub(twin.now - timedelta(days=1)))) == 1


def test_a_cluster_that_was_asked_for_nothing_has_not_failed() -> None:
    """The cluster is in a state from which the action can not start."""
    twin = fleet(2, set())
    twin.spokes["site-01"].faults[Stage.PREP] = "fail"
    twin.spokes["site-01"].to("Prep")
    budget(twin, 0)
    twin.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    twin.wait(hours=3)
    assert twin.member("uid-a", 0, "site-01").run is None
    assert ended(twin) == (1, 1)


def test_a_cluster_of_others_that_is_gone_spends_no_budget_of_the_hub() -> None:
    twin = fleet(4, {2})
    north = {"selector": {"matchLabels": {SITE: "north"}}}
    budget(twin, 0, per="Hub", withinMinutes=600, clusters=north)
    twin.apply(ibgu("a", "Prep", timeout=600, selectors=of("site-02")))
    twin.wait(hours=1)
    del twin.spokes["site-02"]
    twin.touch_cluster("site-02")
    twin.apply(ibgu("b", "Prep", timeout=600, selectors=of("site-01", "site-03")))
    twin.wait(hours=1)
    assert ended(twin, "uid-b") == (2, 0)


def test_only_so_many_answers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "MAX_STEPS", 1)
    twin = fleet(4, {1})
    budget(twin, 1)
    twin.apply(ibgu("a", "Prep", "Upgrade", concurrency=1, timeout=600))
    twin.wait(hours=5)
    assert ended(twin, step=1) == (3, 0)
