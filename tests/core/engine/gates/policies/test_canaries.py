"""R50.11: the canaries of a step go first; the others wait until they were well for a while."""

from datetime import timedelta
from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state import canaries as module
from ibgu.core.model import ActingParty, Kind, MemberState, Outcome, ReasonKind
from ibgu.core.model.kinds import LabelSelector
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.policy import SITE, policy, reason, set_policies

NORTH = {"selector": {"matchLabels": {SITE: "north"}}}


def fleet(count: int = 8) -> InMemoryEngine:
    """Every fourth cluster is in the north."""
    twin = InMemoryEngine(*(f"site-{n}" for n in range(1, count + 1)))
    Invariants(twin)
    for n, name in enumerate(twin.spokes, 1):
        twin.labels[name] = {SITE: "south" if n % 4 else "north", "name": name}
    return twin


def canaries(twin: InMemoryEngine, *, spec: dict[str, Any] | None = None, **found: Any) -> None:
    set_policies(twin, policy("first", canaries=found, **(spec or {})))


def words(twin: InMemoryEngine, cluster: str) -> str:
    found = reason(twin, "uid-a", cluster)
    assert found.gate == "RolloutPolicy/first"
    return found.message


def started(twin: InMemoryEngine, step: int = 0) -> set[str]:
    members = twin.tracked("uid-a").steps[step].members.values()
    return {each.cluster for each in members if each.state is not MemberState.WAITING}


def succeeded(twin: InMemoryEngine, step: int = 0) -> int:
    return twin.tracked("uid-a").steps[step].counts[Outcome.SUCCEEDED]


def test_the_first_clusters_go_first_and_the_others_after_the_soak() -> None:
    twin = fleet()
    canaries(twin, count=2, soakMinutes=30)
    twin.apply(ibgu("a", "Prep"))
    twin.settle()
    assert started(twin) == {"site-1", "site-2"}
    assert words(twin, "site-3") == "the canaries go first: site-1, site-2"
    assert reason(twin, "uid-a", "site-3").who is ActingParty.IBGU
    twin.until(Kind.FINISHED)
    twin.settle()
    ended = twin.now
    assert words(twin, "site-8") == (
        "the canaries have succeeded, and must stay available until 2026-01-01T00:31:01Z"
    )
    twin.drive(timedelta(minutes=29))
    assert started(twin) == {"site-1", "site-2"}
    twin.drive(timedelta(minutes=2))
    assert len(started(twin)) == 8
    assert min(run_of(twin, name) for name in ("site-3", "site-8")) >= ended + timedelta(minutes=30)


def run_of(twin: InMemoryEngine, name: str) -> Any:
    run = twin.member("uid-a", 0, name).run
    assert run is not None
    return run.intended_at


def test_labels_choose_the_canaries_wherever_they_stand() -> None:
    twin = fleet()
    canaries(twin, **NORTH)
    twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.settle()
    assert started(twin) == {"site-4"}
    twin.wait(hours=2)
    assert succeeded(twin) == 8


def test_each_step_has_its_canaries() -> None:
    twin = fleet(4)
    canaries(twin, count=1, soakMinutes=60, spec={"actions": ["Upgrade"]})
    twin.apply(ibgu("a", "Prep", "Upgrade"))
    twin.until(Kind.FINISHED)
    assert started(twin) == set(twin.spokes)
    twin.wait(minutes=30)
    assert started(twin, step=1) == {"site-1"}
    twin.wait(hours=2)
    assert succeeded(twin, step=1) == 4


def test_a_chain_waits_before_its_first_action_for_the_canaries() -> None:
    """With a slot it could keep it from a canary for ever."""
    twin = fleet(4)
    canaries(twin, spec={"actions": ["Upgrade"]}, **NORTH)
    twin.apply(ibgu("a", "Prep Upgrade", concurrency=1))
    twin.settle()
    assert started(twin) == {"site-4"}
    twin.wait(hours=3)
    assert succeeded(twin) == 4


def test_a_canary_that_fails_holds_the_step_until_a_person_resumes() -> None:
    twin = fleet()
    twin.spokes["site-2"].faults[Stage.PREP] = "fail"
    canaries(twin, count=2, soakMinutes=30)
    twin.apply(ibgu("a", "Prep", concurrency=2, timeout=60))
    twin.wait(hours=6)
    step = twin.tracked("uid-a").steps[0].step
    assert step.hold is not None
    assert (step.hold.kind, step.hold.message) == (
        ReasonKind.FAILURE_BUDGET,
        "1 of 2 canaries failed, and RolloutPolicy first allows none; annotate the rollout with "
        "ibgu.dev/resume to go on",
    )
    assert started(twin) == {"site-1", "site-2"}
    twin.annotate("uid-a", resume="1")
    twin.wait(hours=1)
    assert succeeded(twin) == 7


def test_the_soak_begins_again_once_a_canary_is_available_again() -> None:
    twin = fleet()
    canaries(twin, count=2, soakMinutes=30)
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.FINISHED)
    twin.settle()
    twin.spokes["site-1"].dark = True
    twin.touch_cluster("site-1")
    twin.wait(hours=5)
    assert words(twin, "site-3") == (
        "the canaries must stay available, and the hub can't reach site-1"
    )
    twin.spokes["site-1"].dark = False
    twin.available_since["site-1"] = twin.now
    twin.touch_cluster("site-1")
    twin.wait(minutes=29)
    assert started(twin) == {"site-1", "site-2"}
    twin.wait(hours=1)
    assert succeeded(twin) == 8


def test_a_cluster_available_since_the_future_soaks_as_long_as_others() -> None:
    twin = fleet(4)
    twin.available_since["site-1"] = START + timedelta(days=300)
    canaries(twin, count=1, soakMinutes=30)
    twin.apply(ibgu("a", "Prep"))
    twin.wait(minutes=30)
    assert started(twin) == {"site-1"}
    twin.wait(hours=2)
    assert succeeded(twin) == 4


def test_a_canary_that_can_not_start_is_skipped_by_a_person() -> None:
    twin = fleet(4)
    twin.spokes["site-1"].dark = True
    canaries(twin, count=1, soakMinutes=30)
    twin.apply(ibgu("a", "Prep", timeout=60))
    twin.wait(hours=3)
    assert started(twin) == set()
    assert twin.tracked("uid-a").steps[0].step.stopped_since is not None
    twin.annotate("uid-a", skip="site-1")
    twin.wait(hours=1)
    assert succeeded(twin) == 3


@pytest.mark.parametrize("again", [False, True])
def test_a_canary_that_is_gone_after_its_success_is_not_asked(again: bool) -> None:
    twin = fleet()
    canaries(twin, count=1, soakMinutes=30)
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.FINISHED)
    twin.settle()
    del twin.spokes["site-1"]
    if again:
        twin.join("site-1").uid = "another"
    twin.touch_cluster("site-1")
    twin.wait(hours=2)
    assert succeeded(twin) == 8


def test_many_canaries_are_counted_and_a_few_named() -> None:
    twin = fleet()
    canaries(twin, count=5)
    twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.settle()
    assert words(twin, "site-8") == ("the canaries go first: site-1, site-2, site-3 and 2 more")


def test_clusters_that_the_policy_is_not_about_wait_for_nobody() -> None:
    twin = fleet(8)
    canaries(twin, count=1, soakMinutes=600, spec={"clusters": NORTH})
    twin.apply(ibgu("a", "Prep"))
    twin.settle()
    assert started(twin) == set(twin.spokes) - {"site-8"}
    twin.wait(hours=12)
    assert succeeded(twin) == 8


def test_a_step_without_canaries_waits_for_nobody() -> None:
    twin = fleet(3)
    canaries(twin, **NORTH)
    twin.apply(ibgu("a", "Prep"))
    twin.settle()
    assert started(twin) == set(twin.spokes)


def test_the_way_back_waits_for_no_canary() -> None:
    twin = fleet(4)
    for spoke in twin.spokes.values():
        spoke.faults[Stage.PREP] = "fail"
    twin.apply(ibgu("a", "Prep", "AbortOnFailure"))
    twin.until(Kind.STEP_FINISHED)
    canaries(twin, count=1, soakMinutes=600)
    twin.wait(hours=1)
    assert succeeded(twin, step=1) == 4


def test_a_restart_soaks_no_longer() -> None:
    twin = fleet()
    canaries(twin, count=1, soakMinutes=30)
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.FINISHED)
    twin.wait(minutes=20)
    twin.restart()
    twin.wait(minutes=11)
    assert len(started(twin)) == 8


def test_only_so_many_steps_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_STEPS", 1)
    twin = fleet(4)
    canaries(twin, count=1)
    half = ([LabelSelector({"name": f"site-{n}"}) for n in each] for each in ((1, 2), (3, 4)))
    for name, selectors in zip("ab", half, strict=True):
        twin.apply(ibgu(name, "Prep", selectors=selectors))
    twin.wait(hours=2)
    assert twin.tracked("uid-a").steps[0].counts[Outcome.SUCCEEDED] == 2
    assert twin.tracked("uid-b").steps[0].counts[Outcome.SUCCEEDED] == 2


def test_a_canary_that_waits_for_a_place_is_woken_by_it() -> None:
    """The places of one policy are not given to those that its canaries keep."""
    twin = fleet(6)
    twin.join("other")
    twin.labels["other"] = {SITE: "east"}
    twin.spokes["other"].faults[Stage.PREP] = "slow"
    canaries(twin, spec={"inFlight": 1}, **NORTH)
    twin.apply(ibgu("b", "Prep", selectors=[LabelSelector({SITE: "east"})]))
    twin.settle()
    west = [LabelSelector({SITE: "north"}), LabelSelector({SITE: "south"})]
    twin.apply(ibgu("a", "Prep", age=-1, selectors=west))
    twin.wait(hours=3)
    assert succeeded(twin) == 6


def test_canaries_of_two_policies_wait_for_each_other_not_for_ever() -> None:
    twin = fleet(8)
    first = policy("first", canaries={"selector": {"matchLabels": {SITE: "north"}}})
    second = policy("second", canaries={"count": 2})
    set_policies(twin, first, second)
    twin.apply(ibgu("a", "Prep"))
    twin.settle()
    assert started(twin) == {"site-1", "site-2", "site-4", "site-8"}
    twin.wait(hours=1)
    assert succeeded(twin) == 8


def test_a_canary_that_hangs_ends_at_its_limit_and_asks_a_person() -> None:
    twin = fleet(8)
    twin.spokes["site-1"].faults[Stage.PREP] = "hang"
    canaries(twin, count=1)
    twin.apply(ibgu("a", "Prep", concurrency=4))
    twin.wait(hours=20)
    held = twin.tracked("uid-a").steps[0].step.hold
    assert held is not None
    assert held.kind is ReasonKind.FAILURE_BUDGET
    twin.annotate("uid-a", resume="1")
    twin.wait(hours=2)
    assert succeeded(twin) == 7


@pytest.mark.parametrize("chosen", [{"count": 1}, NORTH])
def test_a_canary_that_is_gone_before_its_success_has_failed(chosen: dict[str, Any]) -> None:
    """So has one that failed, and whose ManagedCluster a person deletes then."""
    for stage in ("hang", "fail"):
        twin = fleet(4)
        canary = "site-1" if "count" in chosen else "site-4"
        twin.spokes[canary].faults[Stage.PREP] = stage
        canaries(twin, soakMinutes=600, **chosen)
        twin.apply(ibgu("a", "Prep"))
        twin.wait(minutes=20)
        del twin.spokes[canary]
        twin.touch_cluster(canary)
        twin.wait(hours=3)
        held = twin.tracked("uid-a").steps[0].step.hold
        assert held is not None
        assert held.kind is ReasonKind.FAILURE_BUDGET
        assert started(twin) == {canary}


def test_a_clock_of_the_hub_that_is_a_little_ahead_shortens_no_soak() -> None:
    twin = fleet(4)
    canaries(twin, count=1, soakMinutes=30)
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.FINISHED)
    twin.wait(minutes=20)
    twin.spokes["site-1"].dark = True
    twin.touch_cluster("site-1")
    twin.wait(hours=2)
    twin.spokes["site-1"].dark = False
    twin.available_since["site-1"] = twin.now + timedelta(seconds=2)
    twin.touch_cluster("site-1")
    twin.wait(minutes=29)
    assert started(twin) == {"site-1"}
    twin.wait(hours=1)
    assert succeeded(twin) == 4


def test_a_canary_that_is_none_any_more_keeps_nobody() -> None:
    """A person takes the label off a site without power."""
    twin = fleet(8)
    twin.spokes["site-8"].dark = True
    canaries(twin, **NORTH)
    twin.apply(ibgu("a", "Prep", timeout=600))
    twin.wait(hours=1)
    assert started(twin) == {"site-4"}
    twin.touch_everything()
    twin.settle()
    twin.labels["site-8"] = {SITE: "south"}
    twin.touch_cluster("site-8")
    twin.settle()
    assert started(twin) == {"site-4"}
    assert twin.policy_gates.recount(twin.now)
    assert not twin.policy_gates.recount(twin.now)
    twin.touch_everything()
    twin.wait(hours=1)
    assert succeeded(twin) == 7
    assert not twin.policy_gates.recount(twin.now)


def test_members_that_another_policy_keeps_are_no_matter_of_canaries() -> None:
    twin = fleet(4)
    frozen = {"from": "2025-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"}
    south = {"selector": {"matchLabels": {SITE: "south"}}}
    freeze = policy("freeze", clusters=south, freezes=[frozen])
    set_policies(twin, freeze, policy("first", canaries={"count": 1}, clusters=NORTH))
    twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=1)
    assert started(twin) == {"site-4"}


def test_a_cluster_past_its_limit_that_nobody_awaits_goes_on() -> None:
    twin = fleet(8)
    for name in ("site-1", "site-4"):
        twin.spokes[name].faults[Stage.PREP] = "hang"
    canaries(twin, count=1, spec={"clusters": NORTH})
    twin.apply(ibgu("a", "Prep", concurrency=4))
    twin.wait(hours=3)
    assert twin.member("uid-a", 0, "site-1").state is MemberState.IN_FLIGHT
    assert twin.member("uid-a", 0, "site-4").outcome is Outcome.FAILED


def test_a_canary_of_other_actions_waits_like_everybody() -> None:
    twin = fleet(8)
    later = policy("later", actions=["FinalizeUpgrade"], canaries={"selector": NORTH["selector"]})
    set_policies(twin, policy("first", canaries={"count": 1}), later)
    twin.apply(ibgu("a", "Prep"))
    twin.settle()
    assert started(twin) == {"site-1"}
