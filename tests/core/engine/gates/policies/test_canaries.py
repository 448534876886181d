"""R50.11: the canaries of a step go first; the others wait until they were well for a while."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.engine.state import canaries as module
from ibgu.core.engine.state.canaries import PolicyCanaries, has_begun
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import (
    ActingParty,
    ActionName,
    CompletedAction,
    Kind,
    MemberState,
    Outcome,
    ReasonKind,
    RunResult,
    RunState,
)
from ibgu.core.model.kinds import LabelSelector
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import prepared
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.policy import SITE, drive, policy, reason, set_policies
from tests.core.engine.state.records import member
from tests.core.engine.state.records import run as ended_run

FIRST = {"selector": {"matchLabels": {"name": "site-1"}}}
NORTH = {"selector": {"matchLabels": {SITE: "north"}}}


def fleet(count: int = 8) -> InMemoryEngine:
    """Every fourth cluster is in the north."""
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, count + 1)))
    Invariants(engine)
    for n, name in enumerate(engine.spokes, 1):
        engine.labels[name] = {SITE: "south" if n % 4 else "north", "name": name}
    return engine


def canaries(engine: InMemoryEngine, *, spec: dict[str, Any] | None = None, **found: Any) -> None:
    set_policies(engine, policy("first", canaries=found, **(spec or {})))


def words(engine: InMemoryEngine, cluster: str) -> str:
    found = reason(engine, "uid-a", cluster)
    assert found.gate == "RolloutPolicy/first"
    return found.message


def started(engine: InMemoryEngine, step: int = 0) -> set[str]:
    members = engine.tracked("uid-a").steps[step].members.values()
    return {each.cluster for each in members if each.state is not MemberState.WAITING}


def succeeded(engine: InMemoryEngine, step: int = 0) -> int:
    return engine.tracked("uid-a").steps[step].counts[Outcome.SUCCEEDED]


def test_the_first_clusters_go_first_and_the_others_after_the_soak() -> None:
    engine = fleet()
    canaries(engine, count=2, soakMinutes=30)
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    assert started(engine) == {"site-1", "site-2"}
    assert words(engine, "site-3") == "the canaries go first: site-1, site-2"
    assert reason(engine, "uid-a", "site-3").who is ActingParty.IBGU
    engine.until(Kind.FINISHED)
    engine.settle()
    ended = engine.now
    assert words(engine, "site-8") == (
        "the canaries have succeeded, and must stay available until 2026-01-01T00:31:01Z"
    )
    engine.drive(timedelta(minutes=29))
    assert started(engine) == {"site-1", "site-2"}
    engine.drive(timedelta(minutes=2))
    assert len(started(engine)) == 8
    assert min(run_of(engine, name) for name in ("site-3", "site-8")) >= ended + timedelta(
        minutes=30
    )


def run_of(engine: InMemoryEngine, name: str) -> Any:
    run = engine.member("uid-a", 0, name).run
    assert run is not None
    return run.intended_at


def test_labels_choose_the_canaries_wherever_they_stand() -> None:
    engine = fleet()
    canaries(engine, **NORTH)
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.settle()
    assert started(engine) == {"site-4"}
    engine.wait(hours=2)
    assert succeeded(engine) == 8


def test_each_step_has_its_canaries() -> None:
    engine = fleet(4)
    canaries(engine, count=1, soakMinutes=60, spec={"actions": ["Upgrade"]})
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.until(Kind.FINISHED)
    assert started(engine) == set(engine.spokes)
    engine.wait(minutes=30)
    assert started(engine, step=1) == {"site-1"}
    engine.wait(hours=2)
    assert succeeded(engine, step=1) == 4


def test_a_chain_waits_before_its_first_action_for_the_canaries() -> None:
    """With a slot it could keep it from a canary for ever."""
    engine = fleet(4)
    canaries(engine, spec={"actions": ["Upgrade"]}, **NORTH)
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=1))
    engine.settle()
    assert started(engine) == {"site-4"}
    engine.wait(hours=3)
    assert succeeded(engine) == 4


def test_a_canary_that_fails_holds_the_step_until_a_person_resumes() -> None:
    engine = fleet()
    engine.spokes["site-2"].faults[Stage.PREP] = "fail"
    canaries(engine, count=2, soakMinutes=30)
    engine.apply(ibgu("a", "Prep", concurrency=2, timeout=60))
    engine.wait(hours=6)
    step = engine.tracked("uid-a").steps[0].step
    assert step.hold is not None
    assert (step.hold.kind, step.hold.message) == (
        ReasonKind.FAILURE_BUDGET,
        "1 of 2 canaries failed (site-2), and RolloutPolicy first allows none; annotate the "
        "rollout with ibgu.dev/resume to go on",
    )
    assert started(engine) == {"site-1", "site-2"}
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=1)
    assert succeeded(engine) == 7


def test_the_soak_begins_again_once_a_canary_is_available_again() -> None:
    engine = fleet()
    canaries(engine, count=2, soakMinutes=30)
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.FINISHED)
    engine.settle()
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(hours=5)
    assert words(engine, "site-3") == (
        "the canaries must stay available, and the hub can't reach site-1"
    )
    engine.spokes["site-1"].dark = False
    engine.available_since["site-1"] = engine.now
    engine.touch_cluster("site-1")
    engine.wait(minutes=29)
    assert started(engine) == {"site-1", "site-2"}
    engine.wait(hours=1)
    assert succeeded(engine) == 8


def test_a_cluster_available_since_the_future_soaks_as_long_as_others() -> None:
    engine = fleet(4)
    engine.available_since["site-1"] = START + timedelta(days=300)
    canaries(engine, count=1, soakMinutes=30)
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=30)
    assert started(engine) == {"site-1"}
    engine.wait(hours=2)
    assert succeeded(engine) == 4


def test_a_canary_that_can_not_start_is_skipped_by_a_person() -> None:
    engine = fleet(4)
    engine.spokes["site-1"].dark = True
    canaries(engine, count=1, soakMinutes=30)
    engine.apply(ibgu("a", "Prep", timeout=60))
    engine.wait(hours=3)
    assert started(engine) == set()
    assert engine.tracked("uid-a").steps[0].step.stopped_since is not None
    engine.annotate("uid-a", skip="site-1")
    engine.wait(hours=1)
    assert succeeded(engine) == 3


@pytest.mark.parametrize("restart", [False, True])
def test_the_next_cluster_takes_the_place_of_a_skipped_canary(restart: bool) -> None:
    engine = fleet(6)
    engine.spokes["site-2"].dark = True
    canaries(engine, count=2, soakMinutes=30)
    engine.apply(ibgu("a", "Prep", timeout=600))
    engine.wait(hours=1)
    assert started(engine) == {"site-1"}
    engine.annotate("uid-a", skip="site-2")
    engine.settle()
    if restart:
        engine.restart()
    engine.wait(minutes=1)
    assert started(engine) == {"site-1", "site-2", "site-3"}
    assert words(engine, "site-4") == "the canaries go first: site-1, site-3"
    engine.until(Kind.FINISHED)
    engine.wait(minutes=29)
    assert started(engine) == {"site-1", "site-2", "site-3"}
    engine.wait(hours=1)
    assert succeeded(engine) == 5


def test_skipping_one_canary_after_another_leaves_no_step_without() -> None:
    engine = fleet(4)
    for spoke in engine.spokes.values():
        spoke.dark = True
    canaries(engine, count=1)
    engine.apply(ibgu("a", "Prep", timeout=600))
    engine.wait(minutes=10)
    for spoke in engine.spokes.values():
        spoke.dark = False
    engine.touch_everything()
    engine.annotate("uid-a", skip="site-1,site-2")
    engine.wait(minutes=1)
    assert started(engine) == {"site-1", "site-2", "site-3"}
    engine.wait(hours=1)
    assert succeeded(engine) == 2


@pytest.mark.parametrize("chosen", [{"count": 1}, FIRST])
def test_a_canary_that_is_cancelled_on_its_way_holds_the_step(chosen: dict[str, Any]) -> None:
    """No other cluster takes its place: it has proven nothing."""
    engine = fleet(4)
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    canaries(engine, spec={"actions": ["Prep"]}, **chosen)
    engine.apply(ibgu("a", "Prep", timeout=600))
    engine.wait(minutes=1)
    engine.apply(ibgu("b", "Abort", selectors=[LabelSelector({"name": "site-1"})]))
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.CANCELLED
    assert started(engine) == {"site-1"}
    held = engine.tracked("uid-a").steps[0].step.hold
    assert held is not None
    assert held.message == (
        "1 of 1 canaries ended without success (site-1), and RolloutPolicy first allows none; "
        "annotate the rollout with ibgu.dev/resume to go on"
    )
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=1)
    assert succeeded(engine) == 3


def test_the_next_cluster_takes_the_place_of_a_canary_that_never_began() -> None:
    engine = fleet(4)
    engine.spokes["site-1"].dark = True
    canaries(engine, count=1)
    engine.apply(ibgu("a", "Prep", timeout=600))
    engine.wait(minutes=1)
    engine.apply(ibgu("b", "Abort", selectors=[LabelSelector({"name": "site-1"})]))
    engine.wait(minutes=1)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.CANCELLED
    assert started(engine) == {"site-1", "site-2"}
    engine.wait(hours=1)
    assert succeeded(engine) == 3


def left_in_the_dark(engine: InMemoryEngine, action: str, *, sent: bool) -> None:
    """The first canary can't be reached once its run is intended, or sent, and a person skips
    it."""
    engine.apply(ibgu("a", action, timeout=600))
    engine.until(Kind.RUN_ARMING if sent else Kind.RUN_INTENDED)
    if not sent:
        engine.stalled = engine.now + timedelta(minutes=1)
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(minutes=5)
    run = engine.member("uid-a", 0, "site-1").run
    assert run is not None
    assert (run.result, run.arming_at is not None) == (RunResult.WITHDRAWN, sent)
    engine.annotate("uid-a", skip="site-1")
    engine.wait(minutes=1)


@pytest.mark.parametrize("sent", [False, True])
def test_the_next_cluster_takes_the_place_of_a_canary_whose_run_was_withdrawn(sent: bool) -> None:
    engine = fleet(4)
    engine.payload = PayloadState(digest="payload")
    canaries(engine, count=1, soakMinutes=30)
    left_in_the_dark(engine, "Prep", sent=sent)
    assert started(engine) == {"site-1", "site-2"}
    assert words(engine, "site-3") == "the canaries go first: site-2"
    engine.wait(hours=2)
    assert succeeded(engine) == 3


def test_a_canary_that_is_dark_since_its_upgrade_was_sent_holds_the_step() -> None:
    """The upgrade may have broken it."""
    engine = prepared(4)
    canaries(engine, count=1, soakMinutes=30)
    left_in_the_dark(engine, "Upgrade", sent=True)
    assert started(engine) == {"site-1"}
    held = engine.tracked("uid-a").steps[0].step.hold
    assert held is not None
    assert held.message.startswith("1 of 1 canaries ended without success")
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=2)
    assert succeeded(engine) == 3


UNSENT: dict[str, Any] = {"arming_at": None, "armed_at": None, "armed_generation": None}
PREPARED = (CompletedAction(Action.PREP, START),)
SKIPPED = (CompletedAction(Action.PREP, START, "was already there", skipped=True),)


@pytest.mark.parametrize(
    ("action", "run", "completed", "begun"),
    [
        (Action.PREP, {}, (), False),
        (Action.PREP, {"attempt": 2}, (), False),
        (Action.PREP, {"result": RunResult.PREEMPTED}, (), True),
        (Action.PREP, {"result": RunResult.PREEMPTED, **UNSENT}, (), False),
        (Action.PREP, {"result": RunResult.PREEMPTED, "adopted": True, **UNSENT}, (), True),
        (Action.UPGRADE, {}, (), True),
        (Action.UPGRADE, UNSENT, (), False),
        (Action.UPGRADE, {"attempt": 2, **UNSENT}, (), True),
        (Action.UPGRADE, UNSENT, SKIPPED, False),
        (Action.UPGRADE, UNSENT, PREPARED, True),
        (Action.UPGRADE, {"result": RunResult.SUCCEEDED}, PREPARED, True),
        ("Pools", {}, (), True),
        ("Pools", UNSENT, (), False),
        ("Pools", {"attempt": 2, **UNSENT}, (), True),
    ],
)
def test_a_canary_has_begun_if_its_cluster_may_have_done_anything(
    action: ActionName, run: dict[str, Any], completed: tuple[CompletedAction, ...], begun: bool
) -> None:
    over = {"state": RunState.ENDED, "ended_at": START, "result": RunResult.WITHDRAWN, **run}
    left = member(
        state=MemberState.FINISHED,
        outcome=Outcome.SKIPPED,
        completed=completed,
        run=ended_run(action, **over),
    )
    assert has_begun(left) is begun


def test_the_next_cluster_that_the_policy_selects_takes_the_place() -> None:
    engine = fleet(12)
    engine.spokes["site-4"].dark = True
    canaries(engine, count=1, soakMinutes=30, spec={"clusters": NORTH})
    engine.apply(ibgu("a", "Prep", timeout=600))
    engine.wait(hours=1)
    assert "site-8" not in started(engine)
    engine.annotate("uid-a", skip="site-4")
    engine.wait(minutes=1)
    assert "site-8" in started(engine)
    assert words(engine, "site-12") == "the canaries go first: site-8"
    engine.wait(hours=1)
    assert succeeded(engine) == 11


def test_nobody_takes_the_place_of_a_canary_that_has_failed() -> None:
    engine = fleet(4)
    engine.spokes["site-1"].faults[Stage.PREP] = "fail"
    canaries(engine, count=1)
    engine.apply(ibgu("a", "Prep", timeout=600))
    engine.wait(hours=1)
    engine.annotate("uid-a", skip="site-2")
    engine.wait(minutes=1)
    assert started(engine) == {"site-1", "site-2"}
    engine.annotate("uid-a", resume="1")
    engine.settle()
    assert started(engine) == set(engine.spokes)


def test_nobody_takes_the_place_of_a_canary_that_labels_have_chosen() -> None:
    engine = fleet(8)
    engine.spokes["site-4"].dark = True
    canaries(engine, **NORTH)
    engine.apply(ibgu("a", "Prep", timeout=600))
    engine.wait(hours=1)
    assert started(engine) == {"site-8"}
    engine.annotate("uid-a", skip="site-4")
    engine.wait(hours=1)
    assert succeeded(engine) == 7


def test_a_new_canary_is_woken_behind_those_of_another_policy() -> None:
    engine = fleet(4)
    engine.spokes["site-1"].dark = True
    engine.spokes["site-4"].faults[Stage.PREP] = "slow"
    first = policy("first", canaries={"selector": {"matchLabels": {SITE: "north"}}})
    second = policy("second", canaries={"count": 1})
    set_policies(engine, first, second)
    engine.apply(ibgu("a", "Prep", timeout=600))
    engine.wait(minutes=5)
    assert started(engine) == {"site-4"}
    assert words(engine, "site-2") == "the canaries go first: site-4"
    engine.annotate("uid-a", skip="site-1")
    engine.wait(minutes=1)
    assert started(engine) == {"site-1", "site-2", "site-4"}


@pytest.mark.parametrize("again", [False, True])
def test_a_canary_that_is_gone_after_its_success_shortens_no_soak(again: bool) -> None:
    engine = fleet()
    canaries(engine, count=1, soakMinutes=30)
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.FINISHED)
    engine.settle()
    del engine.spokes["site-1"]
    if again:
        engine.join("site-1").uid = "another"
    engine.touch_cluster("site-1")
    engine.wait(minutes=29)
    assert started(engine) == {"site-1"}
    assert words(engine, "site-2").startswith(
        "the canaries have succeeded, and must stay available"
    )
    engine.wait(hours=2)
    assert succeeded(engine) == 8


def test_a_canary_that_is_created_again_without_its_labels_shortens_no_soak() -> None:
    engine = fleet(4)
    canaries(engine, soakMinutes=30, **NORTH)
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.FINISHED)
    create_again(engine, "site-4")
    drive(engine, hours=0.4)
    assert started(engine) == {"site-4"}
    drive(engine, hours=2)
    assert succeeded(engine) == 4


def test_a_canary_that_is_created_again_without_its_labels_has_failed() -> None:
    engine = fleet(4)
    engine.spokes["site-4"].faults[Stage.PREP] = "hang"
    canaries(engine, **NORTH)
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=20)
    create_again(engine, "site-4")
    drive(engine, hours=3)
    held = engine.tracked("uid-a").steps[0].step.hold
    assert held is not None
    assert held.kind is ReasonKind.FAILURE_BUDGET
    assert started(engine) == {"site-4"}


def create_again(engine: InMemoryEngine, cluster: str) -> None:
    """Replaces the ManagedCluster at once by another one, without labels."""
    engine.spokes[cluster].uid = "another"
    engine.labels[cluster].clear()
    engine.touch_cluster(cluster)


def test_many_canaries_are_counted_and_a_few_named() -> None:
    engine = fleet()
    canaries(engine, count=5)
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.settle()
    assert words(engine, "site-8") == ("the canaries go first: site-1, site-2, site-3 and 2 more")


def test_clusters_that_the_policy_is_not_about_wait_for_nobody() -> None:
    engine = fleet(8)
    canaries(engine, count=1, soakMinutes=600, spec={"clusters": NORTH})
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    assert started(engine) == set(engine.spokes) - {"site-8"}
    engine.wait(hours=12)
    assert succeeded(engine) == 8


def test_a_cluster_that_is_gone_becomes_no_canary_of_a_policy_about_others() -> None:
    engine = fleet(12)
    canaries(engine, count=1, soakMinutes=600, spec={"clusters": NORTH})
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=30)
    del engine.spokes["site-1"]
    engine.touch_cluster("site-1")
    for _ in range(10):
        engine.policy_gates.recount(engine.now)
        engine.wait(minutes=5)
    assert started(engine) == {f"site-{n}" for n in range(1, 13)} - {"site-8", "site-12"}
    engine.wait(hours=12)
    assert succeeded(engine) == 12


def test_a_step_without_canaries_waits_for_nobody() -> None:
    engine = fleet(3)
    canaries(engine, **NORTH)
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    assert started(engine) == set(engine.spokes)


def test_the_way_back_waits_for_no_canary() -> None:
    engine = fleet(4)
    for spoke in engine.spokes.values():
        spoke.faults[Stage.PREP] = "fail"
    engine.apply(ibgu("a", "Prep", "AbortOnFailure"))
    engine.until(Kind.STEP_FINISHED)
    canaries(engine, count=1, soakMinutes=600)
    engine.wait(hours=1)
    assert succeeded(engine, step=1) == 4


def test_a_restart_soaks_no_longer() -> None:
    engine = fleet()
    canaries(engine, count=1, soakMinutes=30)
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.FINISHED)
    engine.wait(minutes=20)
    engine.restart()
    engine.wait(minutes=11)
    assert len(started(engine)) == 8


@pytest.fixture
def choices(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The number of times that each policy has read a whole step to choose its canaries."""
    found: Counter[str] = Counter()
    choose = PolicyCanaries._choose

    def counting(self: PolicyCanaries, *given: Any) -> Any:
        found[self.policy] += 1
        return choose(self, *given)

    monkeypatch.setattr(PolicyCanaries, "_choose", counting)
    return found


def test_a_policy_chooses_nothing_in_rollouts_that_it_does_not_hold(choices: Counter[str]) -> None:
    engine = fleet(4)
    engine.spokes["site-1"].dark = True
    elsewhere = policy("other", canaries={"count": 1}, rollouts={"namespaces": ["elsewhere"]})
    set_policies(engine, policy("first", canaries={"count": 1}), elsewhere)
    engine.apply(ibgu("a", "Prep", timeout=600))
    engine.wait(minutes=30)
    engine.policy_gates.recount(engine.now)
    assert choices.keys() == {"first"}


def test_clusters_that_are_no_canaries_leave_without_another_choice(choices: Counter[str]) -> None:
    engine = fleet(40)
    engine.spokes["site-1"].dark = True
    canaries(engine, count=1)
    engine.apply(ibgu("a", "Prep", timeout=600))
    engine.wait(minutes=10)
    choices.clear()
    engine.annotate("uid-a", skip=",".join(f"site-{n}" for n in range(3, 40)))
    engine.settle()
    assert engine.tracked("uid-a").steps[0].counts[Outcome.SKIPPED] == 37
    assert choices["first"] <= 1


def test_only_so_many_steps_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_STEPS", 1)
    engine = fleet(4)
    canaries(engine, count=1)
    half = ([LabelSelector({"name": f"site-{n}"}) for n in each] for each in ((1, 2), (3, 4)))
    for name, selectors in zip("ab", half, strict=True):
        engine.apply(ibgu(name, "Prep", selectors=selectors))
    engine.wait(hours=2)
    assert engine.tracked("uid-a").steps[0].counts[Outcome.SUCCEEDED] == 2
    assert engine.tracked("uid-b").steps[0].counts[Outcome.SUCCEEDED] == 2


def test_a_canary_that_waits_for_a_place_is_woken_by_it() -> None:
    """The places of one policy are not given to those that its canaries keep."""
    engine = fleet(6)
    engine.join("other")
    engine.labels["other"] = {SITE: "east"}
    engine.spokes["other"].faults[Stage.PREP] = "slow"
    canaries(engine, spec={"inFlight": 1}, **NORTH)
    engine.apply(ibgu("b", "Prep", selectors=[LabelSelector({SITE: "east"})]))
    engine.settle()
    west = [LabelSelector({SITE: "north"}), LabelSelector({SITE: "south"})]
    engine.apply(ibgu("a", "Prep", age=-1, selectors=west))
    engine.wait(hours=3)
    assert succeeded(engine) == 6


def test_canaries_of_two_policies_wait_for_each_other_not_for_ever() -> None:
    engine = fleet(8)
    first = policy("first", canaries={"selector": {"matchLabels": {SITE: "north"}}})
    second = policy("second", canaries={"count": 2})
    set_policies(engine, first, second)
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    assert started(engine) == {"site-1", "site-2", "site-4", "site-8"}
    engine.wait(hours=1)
    assert succeeded(engine) == 8


def test_a_canary_that_hangs_ends_at_its_limit_and_asks_a_person() -> None:
    engine = fleet(8)
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    canaries(engine, count=1)
    engine.apply(ibgu("a", "Prep", concurrency=4))
    engine.wait(hours=20)
    held = engine.tracked("uid-a").steps[0].step.hold
    assert held is not None
    assert held.kind is ReasonKind.FAILURE_BUDGET
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=2)
    assert succeeded(engine) == 7


@pytest.mark.parametrize("chosen", [{"count": 1}, NORTH])
def test_a_canary_that_is_gone_before_its_success_has_failed(chosen: dict[str, Any]) -> None:
    """So has one that failed, and whose ManagedCluster a person deletes then."""
    for stage in ("hang", "fail"):
        engine = fleet(4)
        canary = "site-1" if "count" in chosen else "site-4"
        engine.spokes[canary].faults[Stage.PREP] = stage
        canaries(engine, soakMinutes=600, **chosen)
        engine.apply(ibgu("a", "Prep"))
        engine.wait(minutes=20)
        del engine.spokes[canary]
        engine.touch_cluster(canary)
        engine.wait(hours=3)
        held = engine.tracked("uid-a").steps[0].step.hold
        assert held is not None
        assert held.kind is ReasonKind.FAILURE_BUDGET
        assert started(engine) == {canary}


@pytest.mark.parametrize("forgets", ["restart", "policy edit"])
def test_a_canary_that_is_gone_has_failed_whatever_is_forgotten(forgets: str) -> None:
    engine = fleet(12)
    engine.spokes["site-4"].faults[Stage.PREP] = "hang"
    canaries(engine, count=1, soakMinutes=600, spec={"clusters": NORTH})
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=20)
    del engine.spokes["site-4"]
    engine.touch_cluster("site-4")
    if forgets == "restart":
        engine.restart()
    else:
        canaries(engine, count=1, soakMinutes=601, spec={"clusters": NORTH})
    engine.wait(hours=3)
    held = engine.tracked("uid-a").steps[0].step.hold
    assert held is not None
    assert held.kind is ReasonKind.FAILURE_BUDGET
    assert "site-8" not in started(engine)


def test_a_cluster_that_is_gone_has_no_labels_that_choose_it() -> None:
    engine = fleet(4)
    engine.spokes["site-4"].faults[Stage.PREP] = "hang"
    canaries(engine, **NORTH)
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=20)
    assert started(engine) == {"site-4"}
    del engine.spokes["site-4"]
    engine.touch_cluster("site-4")
    engine.restart()
    engine.wait(hours=3)
    assert succeeded(engine) == 3


def test_a_clock_of_the_hub_that_is_a_little_ahead_shortens_no_soak() -> None:
    engine = fleet(4)
    canaries(engine, count=1, soakMinutes=30)
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.FINISHED)
    engine.wait(minutes=20)
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(hours=2)
    engine.spokes["site-1"].dark = False
    engine.available_since["site-1"] = engine.now + timedelta(seconds=2)
    engine.touch_cluster("site-1")
    engine.wait(minutes=29)
    assert started(engine) == {"site-1"}
    engine.wait(hours=1)
    assert succeeded(engine) == 4


def test_a_canary_that_is_none_any_more_keeps_nobody() -> None:
    """A person takes the label off a site without power."""
    engine = fleet(8)
    engine.spokes["site-8"].dark = True
    canaries(engine, **NORTH)
    engine.apply(ibgu("a", "Prep", timeout=600))
    engine.wait(hours=1)
    assert started(engine) == {"site-4"}
    engine.touch_everything()
    engine.settle()
    engine.labels["site-8"] = {SITE: "south"}
    engine.touch_cluster("site-8")
    engine.settle()
    assert started(engine) == {"site-4"}
    assert engine.policy_gates.recount(engine.now)
    assert not engine.policy_gates.recount(engine.now)
    engine.touch_everything()
    engine.wait(hours=1)
    assert succeeded(engine) == 7
    assert not engine.policy_gates.recount(engine.now)


def test_a_canary_that_was_chosen_in_a_cycle_is_decided_on_again() -> None:
    engine = fleet(4)
    behind = policy("behind", canaries=NORTH, approval={"before": "Rest", "fourEyes": False})
    set_policies(engine, behind, policy("first", canaries={"count": 2}))
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=1)
    assert reason(engine, "uid-a", "site-2").gate == "RolloutPolicy/behind"
    engine.labels["site-2"][SITE] = "north"
    engine.now += timedelta(seconds=15)
    engine.touch("uid-a", "site-3")
    engine.settle()
    assert started(engine) == {"site-4"}
    assert engine.policy_gates.recount(engine.now)
    assert not engine.policy_gates.recount(engine.now)
    engine.touch_everything()
    engine.settle()
    assert started(engine) == {"site-2", "site-4"}


def test_members_that_another_policy_keeps_are_no_matter_of_canaries() -> None:
    engine = fleet(4)
    frozen = {"from": "2025-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"}
    south = {"selector": {"matchLabels": {SITE: "south"}}}
    freeze = policy("freeze", clusters=south, freezes=[frozen])
    set_policies(engine, freeze, policy("first", canaries={"count": 1}, clusters=NORTH))
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    assert started(engine) == {"site-4"}


def test_a_cluster_past_its_limit_that_nobody_awaits_goes_on() -> None:
    engine = fleet(8)
    for name in ("site-1", "site-4"):
        engine.spokes[name].faults[Stage.PREP] = "hang"
    canaries(engine, count=1, spec={"clusters": NORTH})
    engine.apply(ibgu("a", "Prep", concurrency=4))
    engine.wait(hours=3)
    assert engine.member("uid-a", 0, "site-1").state is MemberState.IN_FLIGHT
    assert engine.member("uid-a", 0, "site-4").outcome is Outcome.FAILED


def test_two_policies_keep_clusters_of_one_step_behind_canaries_of_their_own() -> None:
    engine = fleet(12)
    south = {"selector": {"matchLabels": {SITE: "south"}}}
    first = policy("first", canaries={"count": 1, "soakMinutes": 30}, clusters=NORTH)
    second = policy("second", canaries={"count": 2, "soakMinutes": 60}, clusters=south)
    set_policies(engine, first, second)
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=5)
    assert started(engine) == {"site-4", "site-1", "site-2"}
    engine.wait(minutes=50)
    assert started(engine) == {"site-4", "site-8", "site-12", "site-1", "site-2"}
    engine.wait(hours=1)
    assert succeeded(engine) == 12


def test_a_canary_of_other_actions_waits_like_everybody() -> None:
    engine = fleet(8)
    later = policy("later", actions=["FinalizeUpgrade"], canaries={"selector": NORTH["selector"]})
    set_policies(engine, policy("first", canaries={"count": 1}), later)
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    assert started(engine) == {"site-1"}


@pytest.mark.parametrize("back", ["Abort", "Rollback"])
def test_a_canary_that_a_person_takes_back_holds_the_step(back: str) -> None:
    """The canary is available on its former release, which says nothing of the new one."""
    engine = fleet(4)
    canaries(engine, count=1, soakMinutes=60)
    if back == "Rollback":
        for name, spoke in engine.spokes.items():
            spoke.to("Prep")
            engine.labels[name]["lcm.openshift.io/ibgu-prep-completed"] = ""
    engine.apply(ibgu("a", "Prep" if back == "Abort" else "Upgrade", timeout=6000, age=10))
    engine.wait(minutes=40)
    assert succeeded(engine) == 1
    only = LabelSelector({"name": "site-1"})
    engine.apply(ibgu("b", back, selectors=(only,), timeout=60))
    engine.wait(hours=3)
    assert started(engine) == {"site-1"}
    assert hold_words(engine) == (
        "fleet/b takes back what canary site-1 of RolloutPolicy first did; annotate the rollout "
        "with ibgu.dev/resume to go on"
    )
    engine.annotate("uid-a", resume="the others are of another kind")
    engine.wait(hours=3)
    assert succeeded(engine) == 4


def hold_words(engine: InMemoryEngine, step: int = 0) -> str:
    hold = engine.tracked("uid-a").steps[step].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.FAILURE_BUDGET
    return hold.message
