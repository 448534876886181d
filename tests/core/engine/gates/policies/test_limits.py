"""R50.3: limits of policies count what all rollouts have in flight, and no more start."""

from collections import Counter
from datetime import timedelta

import pytest

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.model import ActingParty, InFlight, Kind, MemberState, OnMember, Outcome, ReasonKind
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.model.names import TIME_ZONE
from ibgu.core.plan.tenancy import Scope
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.policy import (
    SITE,
    Peaks,
    drive,
    policy,
    reason,
    set_policies,
)
from tests.oracle.logs import certify, log_of, told

NAMES = [f"{site}-{number}" for site in ("east", "north", "west") for number in range(1, 5)]


def site(name: str) -> str:
    return name.partition("-")[0]


def fleet(*names: str) -> InMemoryEngine:
    engine = InMemoryEngine(*(names or NAMES))
    Invariants(engine)
    for name in engine.spokes:
        engine.labels[name] = {SITE: site(name), "name": name}
    return engine


def of(*names: str) -> tuple[LabelSelector, ...]:
    return tuple(LabelSelector({"name": name}) for name in names)


def succeeded(engine: InMemoryEngine, uid: str) -> int:
    return engine.tracked(uid).steps[0].counts[Outcome.SUCCEEDED]


def test_a_number_in_flight_holds_over_all_rollouts() -> None:
    engine = fleet()
    set_policies(engine, policy(inFlight=3))
    peaks = Peaks(engine)
    engine.apply(ibgu("a", "Prep", selectors=of(*NAMES[:6])))
    engine.apply(ibgu("b", "Prep", selectors=of(*NAMES[6:])))
    engine.wait(hours=8)
    assert (peaks.most, succeeded(engine, "uid-a"), succeeded(engine, "uid-b")) == (3, 6, 6)


def test_a_share_in_flight_is_of_the_clusters_that_the_policy_selects() -> None:
    engine = fleet()
    set_policies(
        engine, policy(inFlight="50%", clusters={"selector": {"matchLabels": {SITE: "east"}}})
    )
    peaks = Peaks(engine, site)
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=8)
    assert peaks.by_value == {"east": 2, "north": 4, "west": 4}
    assert succeeded(engine, "uid-a") == len(NAMES)


def test_a_share_is_at_least_one_cluster() -> None:
    engine = fleet()
    set_policies(engine, policy(inFlight="1%"))
    peaks = Peaks(engine)
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=24)
    assert (peaks.most, succeeded(engine, "uid-a")) == (1, len(NAMES))


def test_each_value_of_a_label_has_places_of_its_own() -> None:
    engine = fleet()
    set_policies(engine, policy(perTopology=[{"label": SITE}]))
    peaks = Peaks(engine, site)
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=8)
    assert peaks.by_value == {"east": 1, "north": 1, "west": 1}
    assert succeeded(engine, "uid-a") == len(NAMES)


def test_clusters_without_the_label_share_their_places() -> None:
    engine = fleet()
    for name in NAMES[:4]:
        del engine.labels[name][SITE]
    set_policies(engine, policy(perTopology=[{"label": SITE, "maximum": 2}]))
    peaks = Peaks(engine, site)
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    kept = reason(engine, "uid-a", "east-3")
    assert kept.message == (
        f"the policy allows 2 clusters in flight at once without the label {SITE}, and as many are"
    )
    engine.wait(hours=8)
    assert peaks.by_value == {"east": 2, "north": 2, "west": 2}
    assert succeeded(engine, "uid-a") == len(NAMES)


def test_neighbours_are_never_in_flight_together() -> None:
    engine = fleet()
    set_policies(
        engine, policy(neverTogether=[{"clusters": ["east-1", "west-1"]}, {"clusters": NAMES[1:4]}])
    )
    engine.apply(ibgu("a", "Prep", concurrency=20))
    engine.settle()
    step = engine.tracked("uid-a").steps[0]
    kept = {name for name, each in step.members.items() if each.state is MemberState.WAITING}
    assert kept == {"west-1", "east-3", "east-4"}
    assert reason(engine, "uid-a", "west-1").message == (
        "the policy never lets it be in flight with east-1, and one of them is"
    )
    assert reason(engine, "uid-a", "east-3").message == (
        "the policy never lets it be in flight with east-2, east-4, and one of them is"
    )
    engine.wait(hours=8)
    assert succeeded(engine, "uid-a") == len(NAMES)


def test_a_tenant_learns_no_name_of_a_neighbour() -> None:
    engine = fleet()
    engine.scope = Scope("default", of(*NAMES))
    set_policies(engine, policy(neverTogether=[{"clusters": ["east-1", "west-1"]}]))
    engine.apply(ibgu("a", "Prep", concurrency=20))
    engine.settle()
    assert reason(engine, "uid-a", "west-1").message == (
        "the policy never lets it be in flight with others of its group, and one of them is"
    )


def test_a_reason_names_a_few_of_many_neighbours() -> None:
    engine = fleet()
    set_policies(engine, policy(neverTogether=[{"clusters": NAMES}]))
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    assert reason(engine, "uid-a", "west-4").message == (
        "the policy never lets it be in flight with east-1, east-2, east-3, east-4, north-1, …, "
        "and one of them is"
    )


def test_the_strictest_of_several_policies_wins() -> None:
    engine = fleet()
    set_policies(
        engine,
        policy("hub", inFlight=5),
        policy("sites", perTopology=[{"label": SITE, "maximum": 1}]),
        policy("wide", inFlight=100),
    )
    peaks = Peaks(engine, site)
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=8)
    assert (peaks.most, dict(peaks.by_value)) == (3, {"east": 1, "north": 1, "west": 1})
    assert succeeded(engine, "uid-a") == len(NAMES)


def test_a_member_that_waits_says_which_policy_keeps_it_and_who_must_act() -> None:
    engine = fleet()
    set_policies(engine, policy("hub", inFlight=2))
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    kept = reason(engine, "uid-a", "east-3")
    assert (kept.kind, kept.gate, kept.message, kept.who) == (
        ReasonKind.GATE,
        "RolloutPolicy/hub",
        "the policy allows 2 clusters in flight at once, and as many are",
        ActingParty.CLUSTER,
    )


def test_a_policy_holds_the_rollouts_that_it_selects_and_counts_all() -> None:
    engine = fleet()
    set_policies(
        engine, policy(inFlight=2, rollouts={"selector": {"matchLabels": {"tier": "slow"}}})
    )
    engine.apply(ibgu("a", "Prep", selectors=of(*NAMES[:3])))
    slow = ibgu("b", "Prep", selectors=of(*NAMES[3:]))
    slow.metadata.labels["tier"] = "slow"
    engine.apply(slow)
    engine.settle()
    assert len(engine.tracked("uid-a").steps[0].slots) == 3
    assert len(engine.tracked("uid-b").steps[0].slots) == 0
    engine.wait(hours=8)
    assert (succeeded(engine, "uid-a"), succeeded(engine, "uid-b")) == (3, 9)


def test_a_policy_of_another_namespace_or_set_holds_nothing() -> None:
    engine = fleet()
    set_policies(
        engine,
        policy("there", inFlight=1, rollouts={"namespaces": ["elsewhere"]}),
        policy("set", inFlight=1, clusters={"clusterSets": ["lab"]}),
    )
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    assert len(engine.tracked("uid-a").steps[0].slots) == 10


def test_every_cluster_is_in_the_global_set() -> None:
    """No cluster has it as a label: a policy for it held nothing."""
    engine = fleet()
    set_policies(engine, policy("all", inFlight=1, clusters={"clusterSets": ["lab", "global"]}))
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    assert len(engine.tracked("uid-a").steps[0].slots) == 1
    engine.wait(hours=24)
    assert told(certify(log_of(engine))) == []


def test_a_policy_about_one_action_holds_no_other() -> None:
    engine = fleet()
    set_policies(engine, policy(inFlight=1, actions=["Upgrade"]))
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.until(Kind.STEP_FINISHED)
    assert engine.now - engine.tracked("uid-a").rollout.created_at < timedelta(hours=2)
    peaks = Peaks(engine)
    engine.wait(hours=24)
    assert (peaks.most, engine.tracked("uid-a").steps[1].counts[Outcome.SUCCEEDED]) == (1, 12)


def test_a_chain_waits_before_its_first_action_for_a_later_one() -> None:
    engine = fleet("east-1", "east-2")
    set_policies(engine, policy(perTopology=[{"label": SITE}], actions=["Upgrade"]))
    engine.apply(ibgu("a", "Prep Upgrade", timeout=1000))
    engine.settle()
    assert list(engine.tracked("uid-a").steps[0].slots.values()) == ["east-1"]
    peaks = Peaks(engine)
    engine.wait(hours=24)
    assert (peaks.most, succeeded(engine, "uid-a")) == (1, 2)


@pytest.mark.parametrize("action", [Action.ABORT, Action.ROLLBACK])
def test_no_limit_holds_a_way_back(action: Action) -> None:
    engine = fleet()
    set_policies(engine, policy(inFlight=1, neverTogether=[{"clusters": NAMES}]))
    for name, spoke in engine.spokes.items():
        spoke.to(Stage.PREP)
        label = "prep-completed"
        if action == Action.ROLLBACK:
            spoke.to(Stage.UPGRADE)
            label = "upgrade-completed"
        engine.labels[name][f"lcm.openshift.io/ibgu-{label}"] = ""
    peaks = Peaks(engine)
    engine.apply(ibgu("a", action, concurrency=12))
    engine.wait(hours=8)
    assert (peaks.most, succeeded(engine, "uid-a")) == (12, len(NAMES))


def test_clusters_on_their_way_back_take_places() -> None:
    engine = fleet()
    set_policies(engine, policy(inFlight=4))
    for name in NAMES[:4]:
        engine.spokes[name].to(Stage.PREP)
        engine.labels[name]["lcm.openshift.io/ibgu-prep-completed"] = ""
    engine.apply(ibgu("a", "Abort", concurrency=12, selectors=of(*NAMES[:4])))
    engine.apply(ibgu("b", "Prep", selectors=of(*NAMES[4:])))
    engine.until(Kind.RUN_ARMING)
    assert len(engine.tracked("uid-b").steps[0].slots) == 0
    engine.wait(hours=8)
    assert succeeded(engine, "uid-b") == 8


# -- what changes meanwhile ------------------------------------------------------------------------


def test_a_lower_limit_applies_to_what_has_not_begun() -> None:
    engine = fleet()
    engine.apply(ibgu("a", "Prep", concurrency=4))
    engine.settle()
    assert len(engine.tracked("uid-a").steps[0].slots) == 4
    set_policies(engine, policy(inFlight=1))
    engine.settle()
    step = engine.tracked("uid-a").steps[0]
    assert len(step.slots) == 4
    while step.counts[Outcome.SUCCEEDED] < 4:
        engine.step()
    engine.settle()
    assert len(step.slots) == 1
    engine.wait(hours=24)
    assert succeeded(engine, "uid-a") == len(NAMES)


def test_a_higher_limit_lets_others_start_at_once() -> None:
    engine = fleet()
    set_policies(engine, policy(inFlight=1))
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    set_policies(engine, policy(inFlight=6))
    engine.wait(minutes=1)
    assert len(engine.tracked("uid-a").steps[0].slots) == 6


def test_without_policies_all_that_waited_start() -> None:
    engine = fleet()
    set_policies(engine, policy(inFlight=1))
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    set_policies(engine)
    engine.wait(minutes=1)
    assert len(engine.tracked("uid-a").steps[0].slots) == 10


def test_a_cluster_in_flight_counts_by_its_new_labels() -> None:
    engine = fleet("east-1", "east-2", "west-1")
    set_policies(engine, policy(perTopology=[{"label": SITE}]))
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    assert reason(engine, "uid-a", "east-2").gate == "RolloutPolicy/network"
    engine.labels["east-1"][SITE] = "north"
    engine.touch_cluster("east-1")
    engine.wait(minutes=1)
    assert len(engine.tracked("uid-a").steps[0].slots) == 3


def test_a_cluster_that_is_gone_keeps_its_place_until_its_rollout_lets_go() -> None:
    engine = fleet("east-1", "east-2")
    set_policies(engine, policy(perTopology=[{"label": SITE}]))
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    del engine.spokes["east-1"]
    engine.touch_cluster("east-1")
    engine.wait(hours=4)
    assert engine.member("uid-a", 0, "east-2").outcome is Outcome.SUCCEEDED


def test_a_restart_counts_the_same() -> None:
    engine = fleet()
    set_policies(engine, policy(inFlight=3))
    peaks = Peaks(engine)
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_ACCEPTED)
    engine.restart()
    engine.wait(hours=8)
    assert (peaks.most, succeeded(engine, "uid-a")) == (3, len(NAMES))


def test_one_that_is_kept_otherwise_leaves_its_place_to_the_next() -> None:
    """The first that waits becomes unreachable: the place goes to the one behind it."""
    engine = fleet("east-1", "east-2", "east-3")
    set_policies(engine, policy(inFlight=1))
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    engine.spokes["east-2"].dark = True
    engine.wait(hours=4)
    assert engine.member("uid-a", 0, "east-3").outcome is Outcome.SUCCEEDED
    assert engine.member("uid-a", 0, "east-2").outcome is Outcome.FAILED


def test_a_member_that_a_window_keeps_takes_no_place() -> None:
    """The first cluster in the step's order has no time zone that is known."""
    engine = fleet("east-1", "east-2", "east-3")
    for name in ("east-2", "east-3"):
        engine.labels[name][TIME_ZONE] = "Europe.London"
    always = {"cron": "0 0 * * *", "durationMinutes": 1440}
    set_policies(engine, policy(inFlight=1, windows=[always]))
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=12)
    assert succeeded(engine, "uid-a") == 2


def test_a_neighbour_need_not_be_selected() -> None:
    engine = fleet("east-1", "west-1")
    east = {"selector": {"matchLabels": {SITE: "east"}}}
    set_policies(engine, policy(clusters=east, neverTogether=[{"clusters": ["east-1", "west-1"]}]))
    peaks = Peaks(engine)
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=12)
    assert (peaks.most, succeeded(engine, "uid-a")) == (1, 2)


def left_dark() -> InMemoryEngine:
    """The Upgrade of east-1 was withdrawn while the cluster may be rebooting: its rollout has no
    claim. East-2 may not be in flight with it."""
    engine = fleet("east-1", "east-2")
    for name in ("east-1", "east-2"):
        engine.spokes[name].to(Stage.PREP)
        engine.labels[name]["lcm.openshift.io/ibgu-prep-completed"] = ""
    set_policies(engine, policy(neverTogether=[{"clusters": ["east-1", "east-2"]}]))
    engine.apply(ibgu("a", "Upgrade", timeout=2000, selectors=of("east-1")))
    engine.until(Kind.RUN_ARMING)
    engine.muted.add("east-1")
    engine.deliver()
    engine.spokes["east-1"].dark = True
    engine.touch_cluster("east-1")
    engine.wait(minutes=4)
    assert reason(engine, "uid-a", "east-1").kind is ReasonKind.REBOOTING
    assert engine.fleet.claims == {}
    engine.apply(ibgu("b", "Upgrade", timeout=2000, selectors=of("east-2")))
    return engine


def seen_again(engine: InMemoryEngine) -> None:
    engine.muted.clear()
    engine.spokes["east-1"].dark = False
    engine.touch_cluster("east-1")
    engine.settle()


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("paused", [False, True])
def test_a_cluster_that_was_left_dark_keeps_its_place_until_it_is_seen(
    restarted: bool, paused: bool
) -> None:
    engine = left_dark()
    if paused:
        engine.annotate("uid-a", pause="true")
        engine.wait(minutes=1)
        assert reason(engine, "uid-a", "east-1").kind is ReasonKind.PAUSED
    if restarted:
        engine.restart()
    engine.wait(minutes=4)
    kept = reason(engine, "uid-b", "east-2")
    assert kept.gate == "RolloutPolicy/network"
    assert kept.message == (
        "the policy never lets it be in flight with east-1, and one of them is; east-1 may still "
        "reboot for an earlier action, and the hub can't reach it"
    )
    seen_again(engine)
    engine.wait(hours=20)
    assert succeeded(engine, "uid-b") == 1


@pytest.mark.parametrize("skipped", [False, True])
def test_a_site_that_is_lost_keeps_its_place_for_seven_days(skipped: bool) -> None:
    """Others of its own step wait for the place, so the step does not end before."""
    engine = fleet("east-1", "east-2")
    for name, spoke in engine.spokes.items():
        spoke.to(Stage.PREP)
        engine.labels[name]["lcm.openshift.io/ibgu-prep-completed"] = ""
    set_policies(engine, policy(inFlight=1))
    engine.apply(ibgu("a", "Upgrade", timeout=60))
    engine.until(Kind.RUN_ARMING)
    engine.spokes["east-1"].dark = True
    engine.touch_cluster("east-1")
    drive(engine, hours=1)
    if skipped:
        engine.annotate("uid-a", skip="east-1")
    drive(engine, hours=6 * 24)
    assert reason(engine, "uid-a", "east-2").message == (
        "the policy allows 1 cluster in flight at once, and as many are; east-1 may still reboot "
        "for an earlier action, and the hub can't reach it"
    )
    drive(engine, hours=24)
    assert succeeded(engine, "uid-a") == 1


def test_reasons_name_a_cluster_that_is_lost_once_its_claim_is_released() -> None:
    """The others were kept before, when it was in flight."""
    engine = fleet("east-1", "east-2", "east-3")
    for name, spoke in engine.spokes.items():
        spoke.to(Stage.PREP)
        engine.labels[name]["lcm.openshift.io/ibgu-prep-completed"] = ""
    set_policies(engine, policy(inFlight=1))
    engine.spokes["east-1"].faults[Stage.UPGRADE] = "hang"
    engine.apply(ibgu("a", "Upgrade", timeout=60, selectors=of("east-1")))
    engine.until(Kind.RUN_ACCEPTED)
    engine.spokes["east-1"].dark = True
    engine.touch_cluster("east-1")
    engine.apply(ibgu("b", "Upgrade", timeout=600, selectors=of("east-2", "east-3")))
    engine.wait(minutes=5)
    as_many = "the policy allows 1 cluster in flight at once, and as many are"
    assert reason(engine, "uid-b", "east-3").message == as_many
    engine.wait(hours=2)
    assert engine.member("uid-a", 0, "east-1").outcome is Outcome.FAILED
    lost = "east-1 may still reboot for an earlier action, and the hub can't reach it"
    assert reason(engine, "uid-b", "east-3").message == f"{as_many}; {lost}"


def test_a_lost_cluster_of_another_site_is_not_named() -> None:
    engine = fleet("east-1", "west-1", "west-2")
    for name, spoke in engine.spokes.items():
        spoke.to(Stage.PREP)
        spoke.faults[Stage.UPGRADE] = "hang"
        engine.labels[name]["lcm.openshift.io/ibgu-prep-completed"] = ""
    set_policies(engine, policy(perTopology=[{"label": SITE, "maximum": 1}]))
    engine.apply(ibgu("a", "Upgrade", timeout=60, selectors=of("east-1")))
    engine.apply(ibgu("b", "Upgrade", timeout=600, selectors=of("west-1", "west-2")))
    engine.until(Kind.RUN_ACCEPTED)
    engine.spokes["east-1"].dark = True
    engine.touch_cluster("east-1")
    engine.wait(hours=2)
    assert engine.member("uid-a", 0, "east-1").outcome is Outcome.FAILED
    kept = reason(engine, "uid-b", "west-2").message
    assert kept.endswith(f"with {SITE}=west, and as many are")


def test_a_cluster_that_no_rollout_has_gives_its_place_back_when_seen() -> None:
    engine = left_dark()
    engine.delete("uid-a")
    engine.wait(minutes=4)
    engine.fleet.forget("uid-a")
    assert engine.fleet.rollouts_of["east-1"] == set()
    assert reason(engine, "uid-b", "east-2").gate == "RolloutPolicy/network"
    seen_again(engine)
    assert isinstance(engine.member("uid-b", 0, "east-2"), InFlight)


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize(
    ("fault", "kept"), [("hang", "RolloutPolicy/network"), ("rollback", "")], ids=str
)
def test_a_cluster_that_goes_dark_after_its_upgrade_ended_keeps_its_place(
    fault: str, kept: str, restarted: bool
) -> None:
    """The cluster may reboot even then, unless it has said that its Upgrade failed."""
    engine = fleet("east-1", "east-2")
    for name, spoke in engine.spokes.items():
        spoke.to(Stage.PREP)
        engine.labels[name]["lcm.openshift.io/ibgu-prep-completed"] = ""
    set_policies(engine, policy(neverTogether=[{"clusters": ["east-1", "east-2"]}]))
    engine.spokes["east-1"].faults[Stage.UPGRADE] = fault
    engine.apply(ibgu("a", "Upgrade", timeout=60, selectors=of("east-1")))
    engine.wait(hours=3)
    assert engine.member("uid-a", 0, "east-1").outcome is Outcome.FAILED
    engine.spokes["east-1"].dark = True
    engine.touch_cluster("east-1")
    if restarted:
        engine.restart()
    engine.apply(ibgu("b", "Upgrade", timeout=2000, selectors=of("east-2")))
    engine.wait(minutes=4)
    assert reason(engine, "uid-b", "east-2").gate == kept


@pytest.mark.parametrize("restarted", [False, True])
def test_a_cluster_that_is_dark_after_its_prep_keeps_no_place(restarted: bool) -> None:
    """A Prep reboots nothing. With a restart or without, the same clusters count."""
    engine = fleet("east-1", "east-2")
    set_policies(engine, policy(neverTogether=[{"clusters": ["east-1", "east-2"]}]))
    engine.spokes["east-1"].faults[Stage.PREP] = "hang"
    engine.apply(ibgu("a", "Prep", timeout=30, selectors=of("east-1")))
    engine.wait(minutes=5)
    engine.spokes["east-1"].dark = True
    engine.touch_cluster("east-1")
    engine.apply(ibgu("b", "Prep", timeout=600, selectors=of("east-2")))
    engine.wait(minutes=5)
    assert reason(engine, "uid-b", "east-2").gate == "RolloutPolicy/network"
    if restarted:
        engine.restart()
    engine.wait(hours=2)
    assert engine.member("uid-a", 0, "east-1").outcome is Outcome.FAILED
    assert succeeded(engine, "uid-b") == 1


@pytest.mark.slow("every-point")
def test_a_freed_place_wakes_one_and_not_all_that_wait() -> None:
    names = [f"site-{number:03}" for number in range(100)]
    engine = fleet(*names)
    set_policies(engine, policy(inFlight=1))
    engine.apply(ibgu("a", "Prep", concurrency=50, timeout=10_000))
    engine.wait(hours=24 * 5)
    assert succeeded(engine, "uid-a") == 100
    waits = [
        each.decision.member.cluster
        for each in engine.said
        if isinstance(each.decision, OnMember) and each.decision.kind is Kind.WAITS
    ]
    assert max(Counter(waits).values()) < 10


def test_a_place_that_becomes_free_counts_though_its_slot_is_taken_at_once() -> None:
    engine = fleet("east-1", "east-2", "north-1", "west-1", "west-2")
    set_policies(engine, policy(perTopology=[{"label": SITE, "maximum": 1}]))
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=600))
    engine.wait(hours=2)
    steps = (each.decision for each in engine.said)
    order = [
        each.member.cluster
        for each in steps
        if isinstance(each, OnMember) and each.kind is Kind.RUN_INTENDED
    ]
    assert order == ["east-1", "north-1", "east-2", "west-1", "west-2"]


def test_the_steps_clock_stands_while_others_have_all_places() -> None:
    engine = fleet("east-1", "east-2")
    set_policies(engine, policy(inFlight=1))
    engine.spokes["east-1"].faults[Stage.PREP] = "hang"
    engine.apply(ibgu("a", "Prep", timeout=600, selectors=of("east-1")))
    engine.settle()
    engine.apply(ibgu("b", "Prep", timeout=60, selectors=of("east-2")))
    engine.wait(hours=9)
    assert reason(engine, "uid-b", "east-2").kind is ReasonKind.GATE
    engine.wait(hours=4)
    assert succeeded(engine, "uid-b") == 1


def test_a_place_wakes_nobody_far_behind_while_there_is_no_slot() -> None:
    """Those that are woken are decided on again before the next start: that must not be all."""
    alone, together = [[f"{name}-{n:02}" for n in range(1, 31)] for name in ("north", "west")]
    engine = fleet(*alone, *together, "west-00")
    for name in alone:
        engine.labels[name][SITE] = name
    set_policies(engine, policy(perTopology=[{"label": SITE, "maximum": 1}]))
    engine.apply(ibgu("b", "Prep", timeout=600, selectors=of("west-00")))
    engine.settle()
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=6000, selectors=of(*alone, *together)))
    engine.touch("uid-a", *together)
    engine.wait(minutes=12)
    assert 5 < succeeded(engine, "uid-a") < 15
    kept = engine.tracked("uid-a").steps[0].kept_by("RolloutPolicy/network")
    assert sorted(kept) == together
