"""R50.3: limits of policies count what all rollouts have in flight, and no more start."""

from collections import Counter
from datetime import timedelta

import pytest

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.model import ActingParty, InFlight, Kind, MemberState, OnMember, Outcome, ReasonKind
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.model.names import TIME_ZONE
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.policy import SITE, Peaks, policy, reason, set_policies

NAMES = [f"{site}-{number}" for site in ("east", "north", "west") for number in range(1, 5)]


def site(name: str) -> str:
    return name.partition("-")[0]


def fleet(*names: str) -> InMemoryEngine:
    twin = InMemoryEngine(*(names or NAMES))
    Invariants(twin)
    for name in twin.spokes:
        twin.labels[name] = {SITE: site(name), "name": name}
    return twin


def of(*names: str) -> tuple[LabelSelector, ...]:
    return tuple(LabelSelector({"name": name}) for name in names)


def succeeded(twin: InMemoryEngine, uid: str) -> int:
    return twin.tracked(uid).steps[0].counts[Outcome.SUCCEEDED]


def test_a_number_in_flight_holds_over_all_rollouts() -> None:
    twin = fleet()
    set_policies(twin, policy(inFlight=3))
    peaks = Peaks(twin)
    twin.apply(ibgu("a", "Prep", selectors=of(*NAMES[:6])))
    twin.apply(ibgu("b", "Prep", selectors=of(*NAMES[6:])))
    twin.wait(hours=8)
    assert (peaks.most, succeeded(twin, "uid-a"), succeeded(twin, "uid-b")) == (3, 6, 6)


def test_a_share_in_flight_is_of_the_clusters_that_the_policy_selects() -> None:
    twin = fleet()
    set_policies(
        twin, policy(inFlight="50%", clusters={"selector": {"matchLabels": {SITE: "east"}}})
    )
    peaks = Peaks(twin, site)
    twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=8)
    assert peaks.by_value == {"east": 2, "north": 4, "west": 4}
    assert succeeded(twin, "uid-a") == len(NAMES)


def test_a_share_is_at_least_one_cluster() -> None:
    twin = fleet()
    set_policies(twin, policy(inFlight="1%"))
    peaks = Peaks(twin)
    twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=24)
    assert (peaks.most, succeeded(twin, "uid-a")) == (1, len(NAMES))


def test_each_value_of_a_label_has_places_of_its_own() -> None:
    twin = fleet()
    set_policies(twin, policy(perTopology=[{"label": SITE}]))
    peaks = Peaks(twin, site)
    twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=8)
    assert peaks.by_value == {"east": 1, "north": 1, "west": 1}
    assert succeeded(twin, "uid-a") == len(NAMES)


def test_clusters_without_the_label_share_their_places() -> None:
    twin = fleet()
    for name in NAMES[:4]:
        del twin.labels[name][SITE]
    set_policies(twin, policy(perTopology=[{"label": SITE, "maximum": 2}]))
    peaks = Peaks(twin, site)
    twin.apply(ibgu("a", "Prep"))
    twin.settle()
    kept = reason(twin, "uid-a", "east-3")
    assert kept.message == (
        f"the policy allows 2 clusters in flight at once without the label {SITE}, and as many are"
    )
    twin.wait(hours=8)
    assert peaks.by_value == {"east": 2, "north": 2, "west": 2}
    assert succeeded(twin, "uid-a") == len(NAMES)


def test_neighbours_are_never_in_flight_together() -> None:
    twin = fleet()
    set_policies(
        twin, policy(neverTogether=[{"clusters": ["east-1", "west-1"]}, {"clusters": NAMES[1:4]}])
    )
    twin.apply(ibgu("a", "Prep", concurrency=20))
    twin.settle()
    step = twin.tracked("uid-a").steps[0]
    kept = {name for name, each in step.members.items() if each.state is MemberState.WAITING}
    assert kept == {"west-1", "east-3", "east-4"}
    assert reason(twin, "uid-a", "west-1").message == (
        "the policy never lets it be in flight with east-1, and one of them is"
    )
    assert reason(twin, "uid-a", "east-3").message == (
        "the policy never lets it be in flight with east-2, east-4, and one of them is"
    )
    twin.wait(hours=8)
    assert succeeded(twin, "uid-a") == len(NAMES)


def test_a_reason_names_a_few_of_many_neighbours() -> None:
    twin = fleet()
    set_policies(twin, policy(neverTogether=[{"clusters": NAMES}]))
    twin.apply(ibgu("a", "Prep"))
    twin.settle()
    assert reason(twin, "uid-a", "west-4").message == (
        "the policy never lets it be in flight with east-1, east-2, east-3, east-4, north-1, …, "
        "and one of them is"
    )


def test_the_strictest_of_several_policies_wins() -> None:
    twin = fleet()
    set_policies(
        twin,
        policy("hub", inFlight=5),
        policy("sites", perTopology=[{"label": SITE, "maximum": 1}]),
        policy("wide", inFlight=100),
    )
    peaks = Peaks(twin, site)
    twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=8)
    assert (peaks.most, dict(peaks.by_value)) == (3, {"east": 1, "north": 1, "west": 1})
    assert succeeded(twin, "uid-a") == len(NAMES)


def test_a_member_that_waits_says_which_policy_keeps_it_and_who_must_act() -> None:
    twin = fleet()
    set_policies(twin, policy("hub", inFlight=2))
    twin.apply(ibgu("a", "Prep"))
    twin.settle()
    kept = reason(twin, "uid-a", "east-3")
    assert (kept.kind, kept.gate, kept.message, kept.who) == (
        ReasonKind.GATE,
        "RolloutPolicy/hub",
        "the policy allows 2 clusters in flight at once, and as many are",
        ActingParty.CLUSTER,
    )


def test_a_policy_holds_the_rollouts_that_it_selects_and_counts_all() -> None:
    twin = fleet()
    set_policies(twin, policy(inFlight=2, rollouts={"selector": {"matchLabels": {"tier": "slow"}}}))
    twin.apply(ibgu("a", "Prep", selectors=of(*NAMES[:3])))
    slow = ibgu("b", "Prep", selectors=of(*NAMES[3:]))
    slow.metadata.labels["tier"] = "slow"
    twin.apply(slow)
    twin.settle()
    assert len(twin.tracked("uid-a").steps[0].slots) == 3
    assert len(twin.tracked("uid-b").steps[0].slots) == 0
    twin.wait(hours=8)
    assert (succeeded(twin, "uid-a"), succeeded(twin, "uid-b")) == (3, 9)


def test_a_policy_of_another_namespace_or_set_holds_nothing() -> None:
    twin = fleet()
    set_policies(
        twin,
        policy("there", inFlight=1, rollouts={"namespaces": ["elsewhere"]}),
        policy("set", inFlight=1, clusters={"clusterSets": ["lab"]}),
    )
    twin.apply(ibgu("a", "Prep"))
    twin.settle()
    assert len(twin.tracked("uid-a").steps[0].slots) == 10


def test_a_policy_about_one_action_holds_no_other() -> None:
    twin = fleet()
    set_policies(twin, policy(inFlight=1, actions=["Upgrade"]))
    twin.apply(ibgu("a", "Prep", "Upgrade"))
    twin.until(Kind.STEP_FINISHED)
    assert twin.now - twin.tracked("uid-a").rollout.created_at < timedelta(hours=2)
    peaks = Peaks(twin)
    twin.wait(hours=24)
    assert (peaks.most, twin.tracked("uid-a").steps[1].counts[Outcome.SUCCEEDED]) == (1, 12)


def test_a_chain_waits_before_its_first_action_for_a_later_one() -> None:
    twin = fleet("east-1", "east-2")
    set_policies(twin, policy(perTopology=[{"label": SITE}], actions=["Upgrade"]))
    twin.apply(ibgu("a", "Prep Upgrade", timeout=1000))
    twin.settle()
    assert list(twin.tracked("uid-a").steps[0].slots.values()) == ["east-1"]
    peaks = Peaks(twin)
    twin.wait(hours=24)
    assert (peaks.most, succeeded(twin, "uid-a")) == (1, 2)


@pytest.mark.parametrize("action", [Action.ABORT, Action.ROLLBACK])
def test_no_limit_holds_a_way_back(action: Action) -> None:
    twin = fleet()
    set_policies(twin, policy(inFlight=1, neverTogether=[{"clusters": NAMES}]))
    for name, spoke in twin.spokes.items():
        spoke.to(Stage.PREP)
        label = "prep-completed"
        if action == Action.ROLLBACK:
            spoke.to(Stage.UPGRADE)
            label = "upgrade-completed"
        twin.labels[name][f"lcm.openshift.io/ibgu-{label}"] = ""
    peaks = Peaks(twin)
    twin.apply(ibgu("a", action, concurrency=12))
    twin.wait(hours=8)
    assert (peaks.most, succeeded(twin, "uid-a")) == (12, len(NAMES))


def test_clusters_on_their_way_back_take_places() -> None:
    twin = fleet()
    set_policies(twin, policy(inFlight=4))
    for name in NAMES[:4]:
        twin.spokes[name].to(Stage.PREP)
        twin.labels[name]["lcm.openshift.io/ibgu-prep-completed"] = ""
    twin.apply(ibgu("back", "Abort", concurrency=12, selectors=of(*NAMES[:4])))
    twin.apply(ibgu("b", "Prep", selectors=of(*NAMES[4:])))
    twin.until(Kind.RUN_ARMING)
    assert len(twin.tracked("uid-b").steps[0].slots) == 0
    twin.wait(hours=8)
    assert succeeded(twin, "uid-b") == 8


# -- what changes meanwhile ------------------------------------------------------------------------


def test_a_lower_limit_applies_to_what_has_not_begun() -> None:
    twin = fleet()
    twin.apply(ibgu("a", "Prep", concurrency=4))
    twin.settle()
    assert len(twin.tracked("uid-a").steps[0].slots) == 4
    set_policies(twin, policy(inFlight=1))
    twin.settle()
    step = twin.tracked("uid-a").steps[0]
    assert len(step.slots) == 4
    while step.counts[Outcome.SUCCEEDED] < 4:
        twin.step()
    twin.settle()
    assert len(step.slots) == 1
    twin.wait(hours=24)
    assert succeeded(twin, "uid-a") == len(NAMES)


def test_a_higher_limit_lets_others_start_at_once() -> None:
    twin = fleet()
    set_policies(twin, policy(inFlight=1))
    twin.apply(ibgu("a", "Prep"))
    twin.settle()
    set_policies(twin, policy(inFlight=6))
    twin.wait(minutes=1)
    assert len(twin.tracked("uid-a").steps[0].slots) == 6


def test_without_policies_all_that_waited_start() -> None:
    twin = fleet()
    set_policies(twin, policy(inFlight=1))
    twin.apply(ibgu("a", "Prep"))
    twin.settle()
    set_policies(twin)
    twin.wait(minutes=1)
    assert len(twin.tracked("uid-a").steps[0].slots) == 10


def test_a_cluster_in_flight_counts_by_its_new_labels() -> None:
    twin = fleet("east-1", "east-2", "west-1")
    set_policies(twin, policy(perTopology=[{"label": SITE}]))
    twin.apply(ibgu("a", "Prep"))
    twin.settle()
    assert reason(twin, "uid-a", "east-2").gate == "RolloutPolicy/network"
    twin.labels["east-1"][SITE] = "north"
    twin.touch_cluster("east-1")
    twin.wait(minutes=1)
    assert len(twin.tracked("uid-a").steps[0].slots) == 3


def test_a_cluster_that_is_gone_keeps_its_place_until_its_rollout_lets_go() -> None:
    twin = fleet("east-1", "east-2")
    set_policies(twin, policy(perTopology=[{"label": SITE}]))
    twin.apply(ibgu("a", "Prep"))
    twin.settle()
    del twin.spokes["east-1"]
    twin.touch_cluster("east-1")
    twin.wait(hours=4)
    assert twin.member("uid-a", 0, "east-2").outcome is Outcome.SUCCEEDED


def test_a_restart_counts_the_same() -> None:
    twin = fleet()
    set_policies(twin, policy(inFlight=3))
    peaks = Peaks(twin)
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_ACCEPTED)
    twin.restart()
    twin.wait(hours=8)
    assert (peaks.most, succeeded(twin, "uid-a")) == (3, len(NAMES))


def test_one_that_is_kept_otherwise_leaves_its_place_to_the_next() -> None:
    """The first that waits becomes unreachable: the place goes to the one behind it."""
    twin = fleet("east-1", "east-2", "east-3")
    set_policies(twin, policy(inFlight=1))
    twin.apply(ibgu("a", "Prep"))
    twin.settle()
    twin.spokes["east-2"].dark = True
    twin.wait(hours=4)
    assert twin.member("uid-a", 0, "east-3").outcome is Outcome.SUCCEEDED
    assert twin.member("uid-a", 0, "east-2").outcome is Outcome.FAILED


def test_a_member_that_a_window_keeps_takes_no_place() -> None:
    """The first cluster in the step's order has no time zone that is known."""
    twin = fleet("east-1", "east-2", "east-3")
    for name in ("east-2", "east-3"):
        twin.labels[name][TIME_ZONE] = "Europe.London"
    always = {"cron": "0 0 * * *", "durationMinutes": 1440}
    set_policies(twin, policy(inFlight=1, windows=[always]))
    twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=12)
    assert succeeded(twin, "uid-a") == 2


def test_a_neighbour_need_not_be_selected() -> None:
    twin = fleet("east-1", "west-1")
    east = {"selector": {"matchLabels": {SITE: "east"}}}
    set_policies(twin, policy(clusters=east, neverTogether=[{"clusters": ["east-1", "west-1"]}]))
    peaks = Peaks(twin)
    twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=12)
    assert (peaks.most, succeeded(twin, "uid-a")) == (1, 2)


def left_dark() -> InMemoryEngine:
    """The Upgrade of east-1 was withdrawn while the cluster may be rebooting: its rollout has no
    claim. East-2 may not be in flight with it."""
    twin = fleet("east-1", "east-2")
    for name in ("east-1", "east-2"):
        twin.spokes[name].to(Stage.PREP)
        twin.labels[name]["lcm.openshift.io/ibgu-prep-completed"] = ""
    set_policies(twin, policy(neverTogether=[{"clusters": ["east-1", "east-2"]}]))
    twin.apply(ibgu("a", "Upgrade", timeout=2000, selectors=of("east-1")))
    twin.until(Kind.RUN_ARMING)
    twin.muted.add("east-1")
    twin.deliver()
    twin.spokes["east-1"].dark = True
    twin.touch_cluster("east-1")
    twin.wait(minutes=4)
    assert reason(twin, "uid-a", "east-1").kind is ReasonKind.REBOOTING
    assert twin.fleet.claims == {}
    twin.apply(ibgu("b", "Upgrade", timeout=2000, selectors=of("east-2")))
    return twin


def seen_again(twin: InMemoryEngine) -> None:
    twin.muted.clear()
    twin.spokes["east-1"].dark = False
    twin.touch_cluster("east-1")
    twin.settle()


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("paused", [False, True])
def test_a_cluster_that_was_left_dark_keeps_its_place_until_it_is_seen(
    restarted: bool, paused: bool
) -> None:
    twin = left_dark()
    if paused:
        twin.annotate("uid-a", pause="true")
        twin.wait(minutes=1)
        assert reason(twin, "uid-a", "east-1").kind is ReasonKind.PAUSED
    if restarted:
        twin.restart()
    twin.wait(minutes=4)
    assert reason(twin, "uid-b", "east-2").gate == "RolloutPolicy/network"
    seen_again(twin)
    twin.wait(hours=20)
    assert succeeded(twin, "uid-b") == 1


def test_a_cluster_that_no_rollout_has_gives_its_place_back_when_seen() -> None:
    twin = left_dark()
    twin.delete("uid-a")
    twin.wait(minutes=4)
    twin.fleet.forget("uid-a")
    assert twin.fleet.rollouts_of["east-1"] == set()
    assert reason(twin, "uid-b", "east-2").gate == "RolloutPolicy/network"
    seen_again(twin)
    assert isinstance(twin.member("uid-b", 0, "east-2"), InFlight)


def test_an_upgrade_that_has_passed_its_limit_may_still_reboot_its_cluster() -> None:
    twin = fleet("east-1", "east-2", "east-3")
    for name, spoke in twin.spokes.items():
        spoke.to(Stage.PREP)
        twin.labels[name]["lcm.openshift.io/ibgu-prep-completed"] = ""
    twin.spokes["east-1"].faults[Stage.UPGRADE] = "hang"
    twin.spokes["east-3"].faults[Stage.UPGRADE] = "rollback"
    twin.apply(ibgu("a", "Upgrade", timeout=60))
    twin.wait(hours=3)
    for name in ("east-1", "east-3"):
        assert twin.member("uid-a", 0, name).outcome is Outcome.FAILED
    assert list(twin.fleet.left_rebooting()) == [("uid-east-1", "east-1")]


def test_a_freed_place_wakes_one_and_not_all_that_wait() -> None:
    names = [f"site-{number:03}" for number in range(100)]
    twin = fleet(*names)
    set_policies(twin, policy(inFlight=1))
    twin.apply(ibgu("a", "Prep", concurrency=50, timeout=10_000))
    twin.wait(hours=24 * 5)
    assert succeeded(twin, "uid-a") == 100
    waits = [
        each.decision.member.cluster
        for each in twin.said
        if isinstance(each.decision, OnMember) and each.decision.kind is Kind.WAITS
    ]
    assert max(Counter(waits).values()) < 10


def test_the_steps_clock_stands_while_others_have_all_places() -> None:
    twin = fleet("east-1", "east-2")
    set_policies(twin, policy(inFlight=1))
    twin.spokes["east-1"].faults[Stage.PREP] = "hang"
    twin.apply(ibgu("a", "Prep", timeout=600, selectors=of("east-1")))
    twin.settle()
    twin.apply(ibgu("b", "Prep", timeout=60, selectors=of("east-2")))
    twin.wait(hours=9)
    assert reason(twin, "uid-b", "east-2").kind is ReasonKind.GATE
    twin.wait(hours=4)
    assert succeeded(twin, "uid-b") == 1
