"""R11.3: past its limit a member also ends for one that waits for its place of a policy."""

from datetime import timedelta

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Cause, Kind, Outcome, ReasonKind
from ibgu.core.model.kinds import LabelRequirement, LabelSelector
from ibgu.core.model.names import HOLD
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import prepared, sites
from tests.core.engine.gates.policies.grants import break_glass
from tests.core.engine.gates.policies.policy import SITE, policy, reason, set_policies
from tests.oracle.logs import certify, log_of

ONE = policy("network", inFlight=1)
HOUR = timedelta(hours=1)
PER_SITE = [{"label": SITE, "maximum": 1}]


def hung(count: int, *names: str) -> InMemoryEngine:
    """A fleet of which these clusters hang in Prep."""
    engine = sites(count)
    for name in names:
        engine.spokes[name].faults[Stage.PREP] = "hang"
    return engine


def lost(engine: InMemoryEngine, *names: str) -> None:
    """The hub can't reach these: they wait, so that the first ones have half of the step's
    time."""
    for name in names:
        engine.spokes[name].dark = True
        engine.touch_cluster(name)


def labelled(engine: InMemoryEngine, *values: str) -> None:
    for number, value in enumerate(values, start=1):
        engine.labels[f"site-{number}"][SITE] = value


def outcomes(engine: InMemoryEngine, uid: str) -> dict[Outcome, int]:
    counts = engine.tracked(uid).steps[0].counts
    return {outcome: counts[outcome] for outcome in Outcome if counts[outcome]}


def causes(engine: InMemoryEngine, uid: str, count: int) -> list[Cause | None]:
    """The causes of the first clusters' ends."""
    return [engine.member(uid, 0, f"site-{number}").cause for number in range(1, count + 1)]


def test_a_hung_cluster_leaves_its_place_to_the_next() -> None:
    engine = hung(5, "site-1")
    set_policies(engine, ONE)
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=240))
    engine.wait(minutes=79)
    assert engine.member(uid, 0, "site-1").outcome is None
    engine.wait(hours=2)
    assert outcomes(engine, uid) == {Outcome.FAILED: 1, Outcome.SUCCEEDED: 4}
    first = engine.member(uid, 0, "site-1")
    assert first.cause is Cause.TIMED_OUT
    assert first.ended_at is not None
    assert first.limit is not None
    assert (first.ended_at - first.limit).total_seconds() < 1


def test_only_as_many_end_as_others_need_places() -> None:
    """The first to start has the earliest limit."""
    engine = hung(6, "site-1", "site-2", "site-3")
    lost(engine, "site-5", "site-6")
    set_policies(engine, policy("network", inFlight=3))
    uid = engine.apply(ibgu("a", "Prep", concurrency=3, timeout=120))
    engine.wait(minutes=90)
    assert {engine.member(uid, 0, f"site-{n}").limit for n in (2, 3)} == {START + HOUR}
    assert causes(engine, uid, 3) == [Cause.TIMED_OUT, None, None]
    assert outcomes(engine, uid) == {Outcome.FAILED: 1, Outcome.SUCCEEDED: 1}


def test_one_ends_for_the_next_that_was_ready_before_its_place_was_taken() -> None:
    engine = hung(3, "site-2")
    labelled(engine, "west", "east", "east")
    set_policies(engine, policy("site", perTopology=PER_SITE))
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=120))
    engine.wait(minutes=59)
    assert reason(engine, uid, "site-3").kind is ReasonKind.READY
    assert causes(engine, uid, 2) == [None, None]
    engine.wait(minutes=10)
    assert causes(engine, uid, 2) == [None, Cause.TIMED_OUT]
    assert outcomes(engine, uid) == {Outcome.FAILED: 1, Outcome.SUCCEEDED: 2}


def test_only_as_many_end_as_others_fit_into_one_place_together() -> None:
    engine = hung(4, "site-1", "site-2")
    labelled(engine, "west", "east", "north", "north")
    set_policies(engine, policy("site", perTopology=PER_SITE))
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=120))
    engine.wait(minutes=90)
    assert causes(engine, uid, 2) == [Cause.TIMED_OUT, None]
    assert outcomes(engine, uid) == {Outcome.FAILED: 1, Outcome.SUCCEEDED: 2}


def test_the_one_that_has_both_places_ends() -> None:
    engine = hung(4, "site-1", "site-2")
    lost(engine, "site-4")
    labelled(engine, "west", "east", "east", "north")
    set_policies(engine, policy("network", inFlight=2), policy("site", perTopology=PER_SITE))
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=120))
    engine.wait(minutes=90)
    assert causes(engine, uid, 2) == [None, Cause.TIMED_OUT]
    assert engine.member(uid, 0, "site-3").outcome is Outcome.SUCCEEDED


def test_two_end_for_one_that_needs_a_place_of_each() -> None:
    engine = hung(4, "site-1", "site-2")
    lost(engine, "site-4")
    labelled(engine, "east", "west", "east", "north")
    pairs = policy("pairs", neverTogether=[{"clusters": ["site-2", "site-3"]}])
    set_policies(engine, pairs, policy("site", perTopology=PER_SITE))
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=120))
    engine.wait(minutes=90)
    assert causes(engine, uid, 2) == [Cause.TIMED_OUT] * 2
    assert engine.member(uid, 0, "site-3").outcome is Outcome.SUCCEEDED


def test_nobody_ends_while_a_place_would_stay_full() -> None:
    engine = hung(5, "site-1", "site-5")
    lost(engine, "site-4")
    labelled(engine, "east", "west", "east", "south", "north")
    pairs = policy("pairs", neverTogether=[{"clusters": ["site-3", "site-5"]}])
    set_policies(engine, pairs, policy("site", perTopology=PER_SITE))
    engine.apply(ibgu("b", "Prep", timeout=600, selectors=[LabelSelector({SITE: "north"})]))
    engine.settle()
    others = LabelSelector(match_expressions=[LabelRequirement(SITE, "NotIn", ["north"])])
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=120, selectors=[others]))
    engine.wait(minutes=110)
    assert reason(engine, uid, "site-3").kind is ReasonKind.GATE
    assert causes(engine, uid, 1) == [None]


def test_a_lost_cluster_that_an_earlier_action_may_reboot_does_not_end_in_vain() -> None:
    """The cluster would keep its place: another rollout's Upgrade ended there without an answer."""
    engine = hung(3)
    first = engine.spokes["site-1"]
    first.to(Stage.PREP)
    engine.labels["site-1"] |= {"name": "site-1", "lcm.openshift.io/ibgu-prep-completed": ""}
    first.faults[Stage.UPGRADE] = "hang"
    for name, action in (("a", "Upgrade"), ("b", "Abort")):
        only = [LabelSelector({"name": "site-1"})]
        engine.apply(ibgu(name, action, timeout=60, selectors=only))
        engine.wait(hours=2)
    assert engine.fleet.occupancy.may_reboot("uid-site-1")
    first.faults[Stage.PREP] = "hang"
    set_policies(engine, ONE)
    uid = engine.apply(ibgu("c", "Prep", concurrency=2, timeout=240))
    engine.wait(minutes=5)
    lost(engine, "site-1")
    engine.wait(hours=3)
    assert reason(engine, uid, "site-2").kind is ReasonKind.GATE
    assert causes(engine, uid, 1) == [None]
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")
    engine.wait(hours=1)
    assert causes(engine, uid, 1) == [Cause.TIMED_OUT]
    assert outcomes(engine, uid) == {Outcome.FAILED: 1, Outcome.SUCCEEDED: 2}


def test_nobody_ends_for_one_that_a_window_keeps() -> None:
    """The window has closed while it waited for the place."""
    engine = hung(3, "site-1")
    closes = (engine.now + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    later = (engine.now + timedelta(hours=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
    set_policies(engine, policy("network", inFlight=1, freezes=[{"from": closes, "until": later}]))
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=120))
    engine.wait(minutes=115)
    assert engine.member(uid, 0, "site-1").outcome is None


def test_nobody_ends_for_one_that_somebody_holds_meanwhile() -> None:
    engine = hung(4, "site-1", "site-2")
    lost(engine, "site-4")
    set_policies(engine, policy("network", inFlight=2))
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=120))
    engine.wait(minutes=59)
    engine.annotations["site-3"][HOLD] = "field-ops"
    engine.wait(minutes=30)
    assert causes(engine, uid, 2) == [None, None]


def test_nobody_ends_while_a_spent_budget_holds_the_step() -> None:
    engine = hung(4, "site-1")
    engine.spokes["site-2"].faults[Stage.PREP] = "fail"
    labelled(engine, "east", "west", "east", "north")
    set_policies(engine, policy("site", perTopology=PER_SITE, failureBudget={"maximum": 0}))
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=120))
    engine.wait(hours=5)
    assert reason(engine, uid, "site-3").kind is ReasonKind.GATE
    assert causes(engine, uid, 1) == [None]


def test_nobody_ends_for_one_that_does_not_answer() -> None:
    engine = hung(6, "site-3")
    engine.frozen.add("site-1")
    lost(engine, "site-4", "site-5", "site-6")
    set_policies(engine, ONE)
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=120))
    engine.wait(minutes=110)
    assert engine.tracked(uid).steps[0].silent == {"site-1"}
    late = engine.tracked(uid).steps[0].limited(engine.now)
    assert [each.cluster for each in late] == ["site-3"]
    assert causes(engine, uid, 3) == [None, None, None]


def test_nobody_ends_below_a_limit_that_was_lowered() -> None:
    """One end would free no place."""
    engine = hung(4, "site-1", "site-2")
    labelled(engine, "east", "west", "east", "north")
    site = policy("site", perTopology=PER_SITE)
    set_policies(engine, policy("network", inFlight=2), site)
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=120))
    engine.wait(minutes=30)
    set_policies(engine, ONE, site)
    engine.wait(minutes=80)
    assert causes(engine, uid, 2) == [None, None]


def test_all_whose_places_others_can_take_end_at_once() -> None:
    engine = hung(4, "site-1", "site-2")
    set_policies(engine, policy("network", inFlight=2))
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=120))
    engine.until(Kind.RUN_ARMING)
    engine.frozen |= {"site-1", "site-2"}
    engine.wait(minutes=59)
    engine.stalled = engine.now + timedelta(minutes=3)
    engine.wait(minutes=2)
    reasons = [m.reason.kind for m in engine.tracked(uid).steps[0].members.values()]
    assert reasons[:2] == [ReasonKind.DISARMING] * 2


def test_nobody_ends_while_the_rollout_is_paused() -> None:
    engine = hung(3, "site-1")
    set_policies(engine, ONE)
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=120))
    engine.wait(minutes=10)
    engine.annotate(uid, pause="true")
    engine.wait(hours=3)
    assert engine.member(uid, 0, "site-1").outcome is None
    engine.carry(uid)
    engine.wait(hours=3)
    assert outcomes(engine, uid) == {Outcome.FAILED: 1, Outcome.SUCCEEDED: 2}


def test_a_hung_upgrade_keeps_its_place_until_the_deadline() -> None:
    """The cluster may still reboot, beside the next one."""
    engine = prepared(3)
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "hang"
    set_policies(engine, ONE)
    uid = engine.apply(ibgu("a", "Upgrade", concurrency=2, timeout=300))
    engine.wait(hours=6)
    assert causes(engine, uid, 3) == [Cause.TIMED_OUT, Cause.NEVER_STARTED, Cause.NEVER_STARTED]
    assert not engine.told(Kind.CLOCK_STOPPED)


def test_a_hung_cluster_that_the_hub_lost_leaves_its_place_too() -> None:
    """A Prep reboots nothing, so the dark cluster counts no longer than its claim."""
    engine = hung(3, "site-1")
    set_policies(engine, ONE)
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=240))
    engine.wait(minutes=10)
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(hours=5)
    assert outcomes(engine, uid) == {Outcome.FAILED: 1, Outcome.SUCCEEDED: 2}


def test_the_place_of_one_that_is_being_disarmed_is_not_asked_for_twice() -> None:
    engine = hung(6, "site-1", "site-2", "site-3")
    lost(engine, "site-5", "site-6")
    set_policies(engine, policy("network", inFlight=3))
    uid = engine.apply(ibgu("a", "Prep", concurrency=3, timeout=120))
    engine.until(Kind.RUN_ARMING)
    engine.frozen |= {"site-1", "site-2", "site-3"}
    engine.wait(minutes=59)
    engine.stalled = engine.now + timedelta(minutes=3)
    engine.wait(minutes=1)
    engine.touch(uid)
    engine.wait(minutes=1)
    reasons = [m.reason.kind for m in engine.tracked(uid).steps[0].members.values()]
    assert reasons[:4] == [
        ReasonKind.DISARMING,
        ReasonKind.ARMING,
        ReasonKind.ARMING,
        ReasonKind.GATE,
    ]


def test_a_start_rate_limits_how_many_end_at_once() -> None:
    engine = hung(4, "site-1", "site-2")
    set_policies(engine, policy("network", inFlight=2))
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=120))
    engine.wait(minutes=50)
    engine.annotate(uid, starts_per_minute="1")
    engine.wait(minutes=10)
    ended = [engine.member(uid, 0, f"site-{number}").ended_at for number in (1, 2)]
    assert ended == [START + HOUR, None]
    engine.wait(minutes=60)
    assert outcomes(engine, uid) == {Outcome.FAILED: 2, Outcome.SUCCEEDED: 2}


def test_a_limit_of_another_action_keeps_nobody_in_their_place() -> None:
    """The limit of Upgrades is lower, so the Preps have more places than it has."""
    engine = hung(6, "site-1", "site-2")
    lost(engine, "site-5", "site-6")
    upgrades = policy("upgrades", actions=["Upgrade"], inFlight=1)
    set_policies(engine, policy("preps", actions=["Prep"], inFlight=2), upgrades)
    uid = engine.apply(ibgu("a", "Prep", concurrency=3, timeout=120))
    engine.wait(minutes=90)
    assert causes(engine, uid, 2) == [Cause.TIMED_OUT] * 2
    assert outcomes(engine, uid) == {Outcome.FAILED: 2, Outcome.SUCCEEDED: 2}


def test_a_place_that_the_rollout_passes_is_not_needed() -> None:
    engine = hung(4, "site-1", "site-2")
    lost(engine, "site-4")
    labelled(engine, "east", "west", "west", "north")
    pairs = policy("pairs", neverTogether=[{"clusters": ["site-1", "site-3"]}])
    set_policies(engine, pairs, policy("site", perTopology=PER_SITE))
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=120))
    engine.wait(minutes=1)
    break_glass(engine, "RolloutPolicy/pairs")
    engine.wait(minutes=89)
    assert causes(engine, uid, 2) == [None, Cause.TIMED_OUT]
    assert engine.member(uid, 0, "site-3").outcome is Outcome.SUCCEEDED


def test_nobody_ends_while_another_rollout_waits_for_the_place() -> None:
    """The other one might take it."""
    engine = hung(5, "site-1", "site-2")
    lost(engine, "site-4")
    labelled(engine, "a", "a", "a", "a", "b")
    set_policies(engine, policy("network", inFlight=2))
    of_a = [LabelSelector({SITE: "a"})]
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=120, selectors=of_a))
    engine.wait(minutes=1)
    other = engine.apply(ibgu("b", "Prep", timeout=600, selectors=[LabelSelector({SITE: "b"})]))
    engine.wait(minutes=100)
    assert reason(engine, other, "site-5").kind is ReasonKind.GATE
    assert causes(engine, uid, 2) == [None, None]
    engine.delete(other)
    engine.wait(minutes=10)
    assert causes(engine, uid, 2) == [Cause.TIMED_OUT, None]


def test_the_jitter_is_over_when_a_hung_cluster_ends() -> None:
    engine = hung(4, "site-1", "site-2")
    lost(engine, "site-4")
    set_policies(engine, policy("network", inFlight=2))
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=240))
    engine.wait(minutes=30)
    engine.annotate(uid, start_jitter="30m")
    engine.wait(hours=3)
    third, first = engine.member(uid, 0, "site-3"), engine.member(uid, 0, "site-1")
    assert first.ended_at is not None
    assert third.started_at is not None
    assert first.ended_at > START + 2 * HOUR
    assert (third.started_at - first.ended_at).total_seconds() < 1


def test_a_cluster_that_a_person_has_to_let_go_on_leaves_its_place() -> None:
    """Past its limit, the warned cluster waits without its slot, and the others go on."""
    engine = sites(3)
    set_policies(engine, ONE)
    engine.spokes["site-1"].prep_warning = "CRD not deployed on cluster"
    uid = engine.apply(ibgu("a", "Prep Upgrade", concurrency=1, timeout=240))
    engine.annotate(uid, hold_on_warning="yes")
    engine.wait(hours=3)
    assert outcomes(engine, uid) == {Outcome.SUCCEEDED: 2}
    left = engine.member(uid, 0, "site-1")
    assert (left.slot, left.reason.kind) == (None, ReasonKind.WARNING)
    engine.annotate(uid, resume="1")
    engine.wait(minutes=30)
    assert outcomes(engine, uid) == {Outcome.SUCCEEDED: 3}
    assert not certify(log_of(engine)).violations
