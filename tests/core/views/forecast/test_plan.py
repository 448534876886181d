"""The forecast of a plan under windows, freezes, soak, places and budgets of policies."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.gates.policies import PolicyGates
from ibgu.core.engine.state import FleetState
from ibgu.core.engine.state.failures import FailedMember
from ibgu.core.engine.timing.durations import DurationsByAction, DurationStats
from ibgu.core.engine.timing.rate_limits import RateLimits
from ibgu.core.model import ClusterView
from ibgu.core.model.rollout_policy import PolicyState, RolloutPolicy
from ibgu.core.views.forecast import Forecast, Unreached
from ibgu.core.views.preview import Preview, Proposal, RunningStep, preview
from tests.core.engine.gates.policies.policy import SITE, policy
from tests.core.views.preview.test_preview import NOW, PREPPED, cluster, sites, spec

MEASURED: DurationsByAction = {
    Action(name): DurationStats(50, p50 * 60, p95 * 60, (p50 * 60,))
    for name, p50, p95 in (("Prep", 10, 15), ("Upgrade", 30, 50), ("Abort", 2, 3))
}
NIGHT = {"cron": "0 22 * * *", "durationMinutes": 120, "timeZone": "UTC"}
LOCAL = {"cron": "0 22 * * *", "durationMinutes": 120}
HOUR = timedelta(hours=1)


def minutes(moment: datetime | None) -> float | None:
    return None if moment is None else (moment - NOW) / timedelta(minutes=1)


def previewed(
    clusters: list[ClusterView],
    *policies: RolloutPolicy,
    plan: Sequence[str] = ("Prep",),
    slots: int = 10,
    timeout: int = 600,
    **more: Any,
) -> Preview:
    gates = PolicyGates(FleetState(), lambda name: None, lambda: (), lambda: MEASURED)
    found = gates.of(PolicyState(policies), "default", {})
    given = {
        "policies": found.gates,
        "limits": found.limits,
        "canaries": found.canaries,
        "budgets": found.budgets,
    }
    proposal = Proposal(IBU, spec(*plan, slots=slots, timeout=timeout), **(given | more))
    return preview(proposal, clusters, MEASURED, NOW)


def of(*args: Any, **more: Any) -> Forecast:
    return previewed(*args, **more).forecast


def span(found: Forecast) -> tuple[float | None, float | None]:
    """Returns the likely and the slow end, in minutes from now."""
    return minutes(found.likely), minutes(found.slow)


def test_without_policies_slots_and_durations_decide() -> None:
    found = of(sites(5), plan=("Prep", "Upgrade"), slots=2)
    assert span(found) == (3 * 10 + 3 * 30, 3 * 15 + 3 * 50)
    assert found.basis == (
        "Prep measured 50 times here: half took 10 min, 95 of 100 at most 15 min",
        "Upgrade measured 50 times here: half took 30 min, 95 of 100 at most 50 min",
        "no cluster fails",
    )
    assert found.unreached == ()


def test_an_action_that_was_measured_too_rarely_leaves_the_end_unknown() -> None:
    found = of(sites(1), plan=("Prep", "Upgrade", "FinalizeUpgrade"))
    assert found == Forecast(basis=("times of FinalizeUpgrade, measured too rarely here",))


def test_a_step_that_takes_no_cluster_takes_no_time() -> None:
    assert span(of(sites(1), plan=("Prep", "AbortOnFailure"))) == (10, 15)


def test_nothing_starts_before_the_window_opens() -> None:
    night = policy("night", windows=[NIGHT])
    found = of(sites(3), night, slots=2)
    assert NOW.hour == 3
    assert span(found) == (19 * 60 + 20, 19 * 60 + 30)
    assert "RolloutPolicy/night: windows and freezes" in found.basis


def test_clusters_that_miss_the_window_take_the_next_one() -> None:
    night = policy("night", windows=[NIGHT])
    found = of(sites(9), night, slots=1, timeout=10_000)
    assert span(found) == (19 * 60 + 90, (24 + 19) * 60 + 15)


def test_the_second_action_of_a_chain_waits_for_its_window_in_its_slot() -> None:
    night = policy("night", windows=[NIGHT], actions=["Upgrade"])
    assert span(of(sites(1), night, plan=("Prep Upgrade",), timeout=2000)) == (
        19 * 60 + 30,
        19 * 60 + 50,
    )
    found = of(
        sites(1), policy("local", actions=["Upgrade"], windows=[LOCAL]), plan=("Prep Upgrade",)
    )
    assert span(found) == (None, None)
    assert [each.clusters for each in found.unreached] == [("s1",)]


def test_a_freeze_holds_until_it_ends() -> None:
    freeze = {"from": "2026-01-01T00:00:00Z", "until": "2026-01-01T08:00:00Z"}
    found = previewed(sites(1), policy("freeze", freezes=[freeze]))
    assert span(found.forecast) == (310, 315)
    assert found.latest is None
    assert found.warnings[-1].startswith("the latest end is not known: policies keep all clusters")


def test_a_freeze_longer_than_a_year_keeps_clusters_out_of_the_forecast() -> None:
    freeze = {"from": "2026-01-01T00:00:00Z", "until": "2027-03-01T00:00:00Z"}
    some = {"selector": {"matchLabels": {"region": "north"}}}
    fleet = [cluster("a", labels={"region": "north"}), *sites(1)]
    found = of(fleet, policy("freeze", freezes=[freeze], clusters=some))
    assert span(found) == (10, 15)
    why = "RolloutPolicy/freeze: the policy freezes all starts until 2027-03-01T00:00:00Z"
    assert found.unreached == (Unreached(why, ("a",)),)


def test_a_cluster_whose_zone_is_not_known_is_not_reached_in_any_step() -> None:
    local = policy("local", windows=[LOCAL])
    fleet = [cluster("a", annotations={"ibgu.dev/time-zone": "UTC"}), cluster("b")]
    found = of(fleet, local, plan=("Prep", "Upgrade"), timeout=2000)
    assert span(found) == (19 * 60 + 40, 19 * 60 + 65)
    (unreached,) = found.unreached
    assert unreached.clusters == ("b",)
    assert "the cluster's time zone, which is not known" in unreached.why


def test_a_plan_that_reaches_no_cluster_has_no_end() -> None:
    local = policy("local", windows=[LOCAL])
    found = of(sites(2), local, plan=("Prep", "Upgrade"))
    assert span(found) == (None, None)
    assert [each.clusters for each in found.unreached] == [("s1", "s2")]


def test_clusters_that_the_hub_cannot_reach_are_not_counted() -> None:
    found = of([*sites(1), cluster("dark", reachable=False)])
    assert span(found) == (10, 15)
    assert found.unreached == (Unreached("the hub can't reach them now", ("dark",)),)


def test_the_policys_places_limit_what_is_in_flight() -> None:
    found = of(sites(4), policy("few", inFlight=1))
    assert span(found) == (40, 60)
    assert "RolloutPolicy/few: other rollouts take none of its places" in found.basis


def test_a_share_counts_all_clusters_of_the_hub() -> None:
    fleet = [*sites(4), *(cluster(f"other-{n}", accepted=False) for n in range(4))]
    assert span(of(fleet, policy("share", inFlight="50%"))) == (10, 15)
    assert span(of(fleet, policy("share", inFlight="25%"))) == (20, 30)


def test_neighbours_start_one_after_the_other_and_others_pass() -> None:
    pair = policy("pair", neverTogether=[{"clusters": ["s1", "s2"]}])
    assert span(of(sites(3), pair)) == (20, 30)
    assert span(of(sites(3), pair, slots=1)) == (30, 45)


def test_a_place_that_one_cluster_cannot_use_goes_to_the_next() -> None:
    """s2 waits for s1's site and for s3, so s4, of s1's site, goes first."""
    fleet = [
        cluster("s1", labels={SITE: "a"}),
        cluster("s2", labels={SITE: "a"}),
        cluster("s3", labels={SITE: "b"}),
        cluster("s4", labels={SITE: "a"}),
    ]
    sites_ = policy("sites", perTopology=[{"label": SITE, "maximum": 1}])
    pair = policy("pair", actions=["Upgrade"], neverTogether=[{"clusters": ["s2", "s3"]}])
    both = policy("pair", neverTogether=[{"clusters": ["s2", "s3"]}])
    assert span(of(fleet, sites_, pair)) == (30, 45)
    assert span(of(fleet, sites_, both)) == (30, 45)


def test_the_window_is_asked_again_when_a_place_is_free() -> None:
    """Ten of the clusters are done in the first night, and the place goes to the twelfth then."""
    night = policy("night", windows=[NIGHT], inFlight=1)
    assert span(of(sites(14), night, timeout=10_000)) == (
        (24 + 19) * 60 + 20,
        (24 + 19) * 60 + 6 * 15,
    )


def test_the_others_wait_until_canaries_have_soaked() -> None:
    careful = policy("careful", canaries={"count": 1, "soakMinutes": 60})
    found = of(sites(3), careful)
    assert span(found) == (10 + 60 + 10, 15 + 60 + 15)
    assert "RolloutPolicy/careful: canaries succeed, and stay well for 1 h" in found.basis


def test_canaries_by_label_and_of_two_policies() -> None:
    fleet = [*sites(2), cluster("c", labels={"canary": "yes"})]
    chosen = {"selector": {"matchLabels": {"canary": "yes"}}, "soakMinutes": 30}
    first = policy("first", canaries={"count": 1, "soakMinutes": 0})
    by_label = policy("label", canaries=chosen)
    nobody = policy("nobody", canaries={"selector": {"matchLabels": {"canary": "no"}}})
    south = policy(
        "south",
        clusters={"selector": {"matchLabels": {"region": "south"}}},
        canaries={"count": 1, "soakMinutes": 600},
    )
    assert span(of(fleet, by_label)) == (10 + 30 + 10, 15 + 30 + 15)
    assert span(of(fleet, by_label, first, nobody, south)) == (50, 60)


def test_clusters_that_a_policy_is_not_about_do_not_wait_for_its_canaries() -> None:
    south = {"selector": {"matchLabels": {"region": "south"}}}
    fleet = [*sites(1), *(cluster(name, labels={"region": "south"}) for name in ("t1", "t2"))]
    careful = policy("south", clusters=south, canaries={"count": 1, "soakMinutes": 60})
    assert span(of(fleet, careful, slots=1)) == (20 + 60 + 10, 30 + 60 + 15)


def test_clusters_behind_a_canary_that_cannot_start_are_not_reached() -> None:
    careful = policy("careful", canaries={"count": 1, "soakMinutes": 60})
    fleet = [cluster("s0", reachable=False), *sites(2)]
    found = of(fleet, careful)
    assert span(found) == (None, None)
    assert found.unreached == (
        Unreached("the hub can't reach them now", ("s0",)),
        Unreached("RolloutPolicy/careful: the canaries go first: s0", ("s1", "s2")),
    )


def test_a_step_that_leads_back_is_held_by_no_policy() -> None:
    careful = policy("careful", canaries={"count": 1, "soakMinutes": 60}, inFlight=1)
    fleet = sites(3, labels=PREPPED)
    assert span(of(fleet, careful, plan=("Abort",))) == (2, 3)


def test_the_timeout_ends_those_under_way_and_those_that_wait() -> None:
    found = of(sites(3), slots=1, timeout=15)
    assert span(found) == (15, 15)
    assert found.unreached == (
        Unreached("the timeout of step 1 ends while they are under way", ("s2",)),
        Unreached("the timeout of step 1 ends before they may start", ("s3",)),
    )


def test_the_timeout_also_ends_those_that_policies_keep_beside_others() -> None:
    """s1 is under way in the whole time of the step, so its clock runs for all."""
    fleet = [*sites(3), cluster("c", labels={"region": "north"})]
    north = {"selector": {"matchLabels": {"region": "north"}}}
    night = policy("night", windows=[NIGHT], clusters=north)
    pair = policy("pair", neverTogether=[{"clusters": ["s1", "s2"]}])
    careful = policy("careful", canaries={"count": 3, "soakMinutes": 0})
    found = of(fleet, night, pair, careful, timeout=8)
    words = "the timeout of step 1 ends"
    assert found.unreached == (
        Unreached(f"{words} while they are under way", ("s1",)),
        Unreached(f"{words} before they may start", ("c", "s3", "s2")),
    )


def test_the_clock_stands_while_policies_keep_all_clusters() -> None:
    night = policy("night", windows=[NIGHT])
    assert span(of(sites(2), night, slots=1, timeout=30)) == (19 * 60 + 20, 19 * 60 + 30)


def test_rate_limits_hold_in_each_window() -> None:
    night = policy("night", windows=[NIGHT])
    limits = RateLimits(starts_per_minute=2, jitter=timedelta(minutes=4))
    assert span(of(sites(6), rate_limits=limits)) == (2 + 2 + 10, 2 + 2 + 15)
    begin = 19 * 60
    assert span(of(sites(6), night, rate_limits=limits)) == (begin + 14, begin + 19)
    assert span(of(sites(4), rate_limits=RateLimits(ramp_up=True))) == (30, 45)


def test_a_running_step_comes_before() -> None:
    running = RunningStep(left=2, deadline=NOW + HOUR)
    begun = (((Action.PREP,), 1, 600),)
    found = of(sites(2), plan=("Prep", "Upgrade"), slots=1, begun=begun, running=running)
    assert span(found) == (20 + 60, 30 + 100)
    assert found.basis[-1] == "step 1 is under way: of its limits, slots and rates count"


def test_budgets_and_approvals_are_what_it_rests_on() -> None:
    policies = [
        policy("two", failureBudget={"maximum": 2, "per": "Step"}),
        policy("share", failureBudget={"maximum": "2%"}),
        policy("upgrades", actions=["Upgrade"], failureBudget={}),
        policy("people", approval={"before": "Step"}),
    ]
    found = of(sites(1), *policies)
    assert span(found) == (10, 15)
    assert found.basis[1:] == (
        "RolloutPolicy/people: what it wants approved is approved at once",
        "no cluster fails",
        "RolloutPolicy/two: holds starts once more than 2 of a step's clusters have failed",
        "RolloutPolicy/share: holds starts once more than 2% of the rollout's clusters have failed",
    )


def failed(*names: str, action: Action = Action.PREP) -> tuple[FailedMember, ...]:
    return tuple(FailedMember(NOW - HOUR, name, "another", 0, action) for name in names)


def of_hub(maximum: int, **more: Any) -> RolloutPolicy:
    budget = {"maximum": maximum, "per": "Hub", "withinMinutes": 60}
    return policy("hub", failureBudget=budget, **more)


def test_a_budget_of_the_hub_that_is_spent_keeps_all_clusters() -> None:
    found = previewed(sites(2), of_hub(1), plan=("Prep", "Upgrade"), failures=failed("x", "y"))
    words = "2 clusters of the hub have failed within 1 h, and RolloutPolicy hub allows 1"
    why = f"{words}; annotate the rollout with ibgu.dev/resume to go on"
    assert found.forecast.unreached == (Unreached(why, ("s1", "s2")),)
    assert span(found.forecast) == (None, None)
    assert f"Prep would not start: {why}" in found.warnings
    assert found.starts == "starts when policies allow it"
    assert found.latest is None


@pytest.mark.parametrize(
    "case",
    [
        {"policies": [of_hub(2)], "failures": failed("x", "y")},
        {
            "policies": [of_hub(1, actions=["Prep"])],
            "failures": failed("x", "y", action=Action.UPGRADE),
        },
        {"policies": [of_hub(1, actions=["Upgrade"])], "failures": failed("x", "y")},
        {
            "policies": [of_hub(1, clusters={"selector": {"matchLabels": {"site": "north"}}})],
            "failures": failed("x", "y"),
        },
        {"policies": [of_hub(1)], "failures": failed("x", "y"), "plan": ("Abort",)},
        {
            "policies": [policy("own", failureBudget={"maximum": 0})],
            "failures": failed("x", "y"),
        },
    ],
)
def test_a_budget_that_is_not_spent_for_the_step_keeps_nobody(case: dict[str, Any]) -> None:
    policies = case.pop("policies")
    found = previewed(sites(4), *policies, **case)
    assert found.starts == "starts at once"
    assert found.forecast.likely is not None


@pytest.mark.parametrize("actions", [["Upgrade"], []])
def test_only_policies_that_hold_an_action_of_the_plan_are_named(actions: list[str]) -> None:
    every = policy(
        "every",
        actions=actions,
        windows=[NIGHT],
        inFlight=1,
        canaries={"count": 1, "soakMinutes": 5},
    )
    named = [words for words in of(sites(1), every).basis if "RolloutPolicy/every" in words]
    assert len(named) == (0 if actions else 3)


def test_the_calendar_ends() -> None:
    last = datetime(9999, 12, 31, 23, tzinfo=UTC)
    assert preview(Proposal(IBU, spec("Prep")), sites(1), MEASURED, last).forecast.slow is not None
