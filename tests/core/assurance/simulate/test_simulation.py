"""Recorded starts are judged by policies that were not in force then (R50)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.assurance.certify import Event, counts_on_hub
from ibgu.core.assurance.simulate import (
    LabelledClusters,
    PolicyOutcome,
    PolicySimulation,
    SimulationOutcome,
)
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.proofs import PROOFS
from ibgu.core.engine.timing.durations import DurationStats
from ibgu.core.model.kinds import LabelSelector
from tests.core.assurance.certify import stories
from tests.core.assurance.certify.breaks import place
from tests.core.assurance.certify.logs import log_of
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.gates.policies.grants import break_glass
from tests.core.engine.gates.policies.policy import policy

Spec = dict[str, Any]
FROZEN: Spec = {"freezes": [{"from": "2025-12-31T00:00:00Z", "until": "2026-02-01T00:00:00Z"}]}
TOKYO: Spec = {"windows": [{"cron": "0 2 * * *", "durationMinutes": 60, "timeZone": "Asia/Tokyo"}]}
"""The window is from 17:00 to 18:00 UTC; the stories begin at midnight."""
RAN: Spec = {"clusters": {"selector": {"matchLabels": {"network": "ran"}}}}


def run(
    log: list[Event],
    *specs: Spec,
    labels: Mapping[str, Mapping[str, str]] | None = None,
    **options: Any,
) -> SimulationOutcome:
    policies = [policy(f"p{number}", **spec) for number, spec in enumerate(specs)]
    known = LabelledClusters(labels or {}, list(labels or {}))
    simulation = PolicySimulation(PROOFS, policies, clusters=known, **options)
    for event in log:
        simulation.feed(event)
    return simulation.outcome()


def alone(log: list[Event], spec: Spec, **options: Any) -> PolicyOutcome:
    (found,) = run(log, spec, **options).policies
    return found


def held(found: PolicyOutcome) -> list[tuple[str, str]]:
    return [(each.cluster, each.action) for each in found.first]


def labelled(**labels: str) -> dict[str, dict[str, str]]:
    """The label `network` by cluster, as `site_1`."""
    return {name.replace("_", "-"): {"network": value} for name, value in labels.items()}


def failing(stage: Stage = Stage.UPGRADE) -> list[Event]:
    """Four clusters one by one, of which the first two fail."""
    engine = InMemoryEngine("site-1", "site-2", "site-3", "site-4")
    for name in ("site-1", "site-2"):
        engine.spokes[name].faults[stage] = "fail"
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=1, timeout=3000))
    engine.wait(hours=12)
    return log_of(engine)


@pytest.mark.parametrize(
    ("spec", "reasons", "why"),
    [
        ({"inFlight": 1}, {"limits": 3}, "with 1 in flight, and inFlight is 1"),
        (
            {"neverTogether": [{"clusters": ["site-1", "site-2"]}]},
            {"limits": 2},
            "beside site-1, in spite of neverTogether",
        ),
        (FROZEN, {"freezes": 6}, "in a freeze until 2026-02-01T00:00:00Z"),
        (TOKYO, {"windows": 6}, "while no window is open"),
        (
            {"canaries": {"count": 1}, "actions": ["Prep"]},
            {"canaries": 1},
            "before its canaries have finished: site-1",
        ),
        (
            {"approval": {"before": "Step"}},
            {"approval": 6},
            "with 0 of 1 approvals of Step",
        ),
        ({"backup": "Required"}, {"backup": 3}, "without a backup, which the policy requires"),
    ],
    ids=["number", "neighbours", "freeze", "window", "canaries", "approval", "backup"],
)
def test_a_start_that_a_policy_would_have_held_is_found(
    spec: Spec, reasons: dict[str, int], why: str
) -> None:
    found = alone(stories.plain(), spec)
    assert found.reasons == reasons
    assert found.held == sum(reasons.values())
    assert found.first[0].why == why


def test_the_outcome_names_the_start_and_when_it_may_begin() -> None:
    log = stories.plain()
    found = run(log, FROZEN, TOKYO, {"inFlight": 9})
    frozen, night, wide = found.policies
    assert (found.rollouts, found.starts, found.lost, found.held) == (1, 6, 0, True)
    first = frozen.first[0]
    assert (first.rollout, first.step, first.cluster, first.action) == (
        "fleet/a", 0, "site-1", "Prep",
    )  # fmt: skip
    assert first.at == log[place(log, "RunIntended")].at
    assert first.until == START + timedelta(days=31)
    assert frozen.clusters == 3
    assert night.first[0].until == START + timedelta(hours=17)
    assert (wide.held, wide.unjudged, wide.first) == (0, 0, ())
    assert not run(log, {"inFlight": 9}).held


def test_rollouts_of_other_namespaces_are_not_held() -> None:
    log = stories.plain()
    assert alone(log, FROZEN | {"rollouts": {"namespaces": ["x"]}}).held == 0
    by_label = alone(log, FROZEN | {"rollouts": {"selector": {"matchLabels": {"a": "b"}}}})
    assert (by_label.held, by_label.unknown) == (0, {"labels of rollouts": 6})


def test_labels_of_today_select_clusters() -> None:
    log = stories.plain()
    assert alone(log, FROZEN | RAN).unknown == {"labels of clusters": 6}
    labels = labelled(site_1="ran", site_2="core")
    found = alone(log, FROZEN | RAN, labels=labels)
    assert held(found) == [("site-1", "Prep"), ("site-1", "Upgrade")]
    assert found.unknown == {"labels of clusters": 2}
    limit = RAN | {"inFlight": 1}
    apart = alone(log, limit, labels=labels | labelled(site_3="core"))
    assert (apart.held, apart.unjudged) == (0, 0)
    together = alone(log, limit, labels=labelled(site_1="ran", site_2="ran", site_3="core"))
    assert held(together) == [("site-2", "Prep"), ("site-2", "Upgrade")]
    assert alone(log, limit).unknown == {"labels of clusters": 3}


def test_a_share_is_of_the_clusters_on_the_hub_today() -> None:
    log = stories.plain()
    names = [f"site-{number}" for number in range(1, 11)]
    ten: dict[str, dict[str, str]] = {name: {} for name in names}
    assert alone(log, {"inFlight": "20%"}, labels=ten).held == 0
    assert alone(log, {"inFlight": "10%"}, labels=ten).reasons == {"limits": 3}


def test_clusters_with_one_value_of_a_label_share_their_places() -> None:
    log = stories.plain()
    spec = {"perTopology": [{"label": "network"}]}
    same = alone(log, spec, labels=labelled(site_1="a", site_2="a", site_3="b"))
    assert same.first[0].why == "with 1 in flight with network=a, and perTopology allows 1"
    apart = alone(log, spec, labels=labelled(site_1="a", site_2="b", site_3="c"))
    assert apart.held == 0
    without: dict[str, dict[str, str]] = {f"site-{number}": {} for number in (1, 2, 3)}
    first = alone(log, spec, labels=without).first[0]
    assert first.why == "with 1 in flight without the label network, and perTopology allows 1"
    assert alone(log, spec).unknown == {"labels of clusters": 3}
    assert alone(log, {"perTopology": [{"label": "network", "maximum": 3}]}).unjudged == 0


def test_neighbours_need_not_be_selected() -> None:
    spec = RAN | {"neverTogether": [{"clusters": ["site-1", "site-2"]}], "inFlight": 1}
    found = alone(stories.plain(), spec, labels=labelled(site_1="core", site_2="core", site_3="x"))
    assert {cluster for cluster, _ in held(found)} == {"site-2"}
    assert found.reasons == {"limits": 2}


def test_windows_are_in_the_time_zone_of_the_clusters_label() -> None:
    spec = {"windows": [{"cron": "0 9 * * *", "durationMinutes": 2}]}
    log = stories.plain()
    assert alone(log, spec).unknown == {"time zones of clusters": 6}
    tokyo = {"site-1": {"ibgu.dev/time-zone": "Asia.Tokyo"}, "site-2": {}, "site-3": {}}
    tokyo["site-2"]["ibgu.dev/time-zone"] = "Mars.Olympus"
    found = alone(log, spec, labels=tokyo)
    # It is nine o'clock in Tokyo when the story begins.
    assert held(found) == [("site-1", "Upgrade")]
    assert found.unknown == {"time zones of clusters": 4}


def test_fit_asks_whether_the_action_ends_before_its_window() -> None:
    window = {"cron": "0 0 * * *", "durationMinutes": 180, "timeZone": "UTC"}
    log = stories.plain()
    spec = {"windows": [window], "fit": True, "actions": ["Prep"]}
    usual = {"Prep": DurationStats(20, 600.0, 3600.0, (600.0,))}
    assert alone(log, spec, durations=usual).held == 0
    slow = {"Prep": DurationStats(20, 600.0, 10790.0, (600.0,))}
    found = alone(log, spec, durations=slow)
    assert found.reasons == {"windows": 1}
    last = found.first[0]
    assert last.why == (
        "in a window that closes at 03:00 UTC on 1 January 2026: "
        "Prep usually takes up to 2 h 59 min"
    )
    assert last.until == START + timedelta(days=1)
    never = {"Prep": DurationStats(20, 600.0, 12000.0, (600.0,))}
    assert alone(log, spec, durations=never).first[0].until is None
    both = spec | {"windows": [window, {"cron": "0 1 * * *", "durationMinutes": 60}]}
    assert "time zones of clusters" in alone(log, both, durations=never).unknown
    assert alone(log, spec | {"fit": False}, durations=never).held == 0
    long = {"Upgrade": DurationStats(20, 600.0, 10790.0, (600.0,))}
    found = alone(log, spec | {"actions": ["Upgrade"]}, durations=long)
    assert "Upgrade with the way back usually takes up to" in found.first[0].why


def test_canaries_are_the_first_of_the_selected_clusters() -> None:
    log = stories.plain()
    spec = RAN | {"canaries": {"count": 1}, "actions": ["Prep"]}
    found = alone(log, spec, labels=labelled(site_1="core", site_2="ran", site_3="ran"))
    assert held(found) == []
    early = alone(log, spec, labels=labelled(site_1="ran", site_2="ran", site_3="core"))
    assert held(early) == [("site-2", "Prep")]
    assert early.first[0].why == "before its canaries have finished: site-1"


def test_a_canary_of_one_policy_waits_for_no_canaries_of_another() -> None:
    log = stories.plain()
    labels = labelled(site_1="core", site_2="ran", site_3="core")
    mine = RAN | {"canaries": {"count": 1}, "actions": ["Prep"]}
    other = {"canaries": {"count": 1}, "actions": ["Prep"]}
    _, found = run(log, mine, other, labels=labels).policies
    assert ("site-2", "Prep") not in held(found)
    assert ("site-2", "Prep") in held(alone(log, other, labels=labels))


def test_a_failure_budget_counts_the_selected_clusters() -> None:
    log = failing(Stage.PREP)
    spec = {"failureBudget": {"maximum": 1}}
    found = alone(log, spec)
    assert found.reasons == {"failureBudget": 4}
    assert found.first[0].why == "with 2 clusters failed, and failureBudget allows 1"
    labels = labelled(site_1="core", site_2="ran", site_3="ran", site_4="ran")
    assert alone(log, spec | RAN, labels=labels).held == 0


def test_a_budget_of_the_hub_counts_selected_clusters_of_all_rollouts() -> None:
    log = failing(Stage.PREP)
    spec: Spec = {"failureBudget": {"maximum": 1, "per": "Hub", "withinMinutes": 600}}
    assert alone(log, spec).reasons == {"failureBudget": 4}
    labels = labelled(site_1="core", site_2="ran", site_3="ran", site_4="ran")
    assert alone(log, spec | RAN, labels=labels).held == 0
    none = {"failureBudget": spec["failureBudget"] | {"maximum": 0}}
    assert alone(log, none | RAN, labels=labels).held == 4


@pytest.mark.parametrize(
    ("spec", "counts"),
    [
        ({"inFlight": 1}, False),
        ({"failureBudget": {"per": "Rollout"}}, False),
        ({"failureBudget": {"per": "Hub"}}, True),
        ({"breaker": {}}, True),
    ],
)
def test_some_policies_count_upgrades_of_all_rollouts(spec: Spec, counts: bool) -> None:
    assert counts_on_hub(policy(**spec).spec) == counts


def test_circuit_breakers_count_upgrades_of_all_rollouts() -> None:
    log = failing()
    found = alone(log, {"breaker": {"sameCause": 2}})
    assert held(found)[:1] == [("site-3", "Prep")]
    assert found.reasons == {"breaker": 4}
    assert found.first[0].why == (
        "after 2 upgrades failed with UpgradeFailed within 1 d with its image"
    )
    assert alone(log, {"breaker": {"sameCause": 3}}).held == 0
    assert alone(log, {"breaker": {"sameCause": 2}, "actions": ["FinalizeUpgrade"]}).held == 0
    selected = alone(log, {"breaker": {"sameCause": 2}} | RAN)
    assert selected.unknown == {"labels of clusters": 4}


def test_a_resume_ends_what_a_circuit_breaker_counts() -> None:
    log = stories.stopped_by_its_seed()
    spec = {"breaker": {"sameCause": 2}, "actions": ["Upgrade"]}
    assert alone(log, spec).held == 0
    open_ = [replace(each, data={**each.data, "hold": None}) for each in log]
    assert held(alone(open_, spec)) == [("site-3", "Upgrade")]


def test_an_upgrade_that_is_completed_late_has_not_failed() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "slow"
    engine.labels |= {"site-1": {"of": "a"}, "site-2": {"of": "b"}}
    of_a, of_b = (LabelSelector({"of": name}) for name in ("a", "b"))
    engine.apply(ibgu("a", "Prep", "Upgrade", timeout=30, selectors=(of_a,)))
    engine.wait(hours=23)
    engine.apply(ibgu("b", "Prep", age=-1, selectors=(of_b,)))
    engine.wait(minutes=30)
    log = log_of(engine)
    spec = {"breaker": {"sameCause": 1}}
    assert place(log, "CompletedLate") > 0
    failed = alone([each for each in log if each.kind != "CompletedLate"], spec)
    assert held(failed) == [("site-2", "Prep")]
    assert alone(log, spec).held == 0


def test_causes_of_another_version_count_for_no_circuit_breaker() -> None:
    log = [
        replace(each, cause="Meteorite") if each.cause == "UpgradeFailed" else each
        for each in failing()
    ]
    assert alone(log, {"breaker": {"sameCause": 2}}).held == 0


def test_rollouts_of_an_unknown_kind_are_not_judged() -> None:
    log = stories.plain()
    first = place(log, "RolloutSeen")
    data = {**log[first].data, "kind": "Unheard"}
    log = [*log[:first], replace(log[first], data=data), *log[first + 1 :]]
    assert run(log, FROZEN, {"breaker": {"sameCause": 1}}).starts == 0


def test_other_actions_count_for_no_circuit_breaker() -> None:
    assert alone(stories.late(), {"breaker": {"sameCause": 1}}).held == 0


def test_a_run_of_no_member_counts_for_no_circuit_breaker() -> None:
    log = failing()
    stray = [replace(each, cluster="site-9") if each.kind == "RunEnded" else each for each in log]
    assert alone(stray, {"breaker": {"sameCause": 2}}).held == 0


def test_the_first_twenty_starts_are_kept_in_words() -> None:
    engine = InMemoryEngine(*(f"site-{number}" for number in range(1, 22)))
    engine.apply(ibgu("a", "Prep", concurrency=21))
    engine.wait(hours=1)
    found = alone(log_of(engine), FROZEN)
    assert (found.held, len(found.first)) == (21, 20)


def test_demands_that_the_log_does_not_show_are_not_judged() -> None:
    log = stories.plain()
    assert alone(log, {"preflight": "Enforce"}).unknown == {"errors that preflight finds": 6}
    warned = {"warnings of clusters that a person has accepted": 3}
    assert alone(log, {"warnings": "Hold"}).unknown == warned


def test_broken_glass_lets_the_rollout_pass() -> None:
    engine = InMemoryEngine("site-1")
    break_glass(engine, "RolloutPolicy/p0")
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    passed, kept = run(log_of(engine), FROZEN, FROZEN).policies
    assert [(each.held, each.passed) for each in (passed, kept)] == [(0, 1), (1, 0)]
    allowed = alone(log_of(engine), {"inFlight": 5})
    assert (allowed.held, allowed.passed) == (0, 0)


def test_earlier_starts_are_not_judged() -> None:
    found = alone(stories.plain(), FROZEN, since=START + timedelta(minutes=2))
    assert {action for _, action in held(found)} == {"Upgrade"}


def test_only_the_chosen_rollouts_are_judged() -> None:
    log = stories.plain()
    other = [replace(each, rollout="uid-b", seq=each.seq + 1000) for each in log]
    simulation = PolicySimulation(PROOFS, [policy("p", inFlight=1)], ["uid-a"])
    for event in other:
        simulation.count(event)
    for event in log:
        simulation.feed(event)
    assert simulation.outcome().starts == 6
    nothing = PolicySimulation(PROOFS, [policy("p", **FROZEN)], ["uid-c"])
    for event in log:
        nothing.feed(event)
    assert (nothing.outcome().starts, nothing.outcome().rollouts) == (0, 0)


def test_starts_without_their_beginning_are_counted_apart() -> None:
    log = stories.plain()
    found = run(log[place(log, "StepOpened") :], FROZEN)
    assert (found.starts, found.lost) == (0, 6)


def test_ways_back_are_never_held() -> None:
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep", "Abort"))
    engine.wait(hours=3)
    found = run(log_of(engine), FROZEN)
    assert (found.starts, found.policies[0].held) == (1, 1)
