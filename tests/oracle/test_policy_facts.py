"""Starts are judged by what the history has of their clusters: labels, time zones, and how long
actions were expected to take (R44.2)."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.timing.durations import DurationStats
from ibgu.core.model import names
from ibgu.core.model.kinds import LabelRequirement, LabelSelector
from ibgu.core.model.rollout_policy import PolicyClusters
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.gates.policies.policy import policy, set_policies
from tests.oracle import Event, Findings, Rule
from tests.oracle.breaks import place
from tests.oracle.logs import certify, log_of, told, without_facts
from tests.oracle.policy_selectors import matches, selects
from tests.oracle.test_policies import judged, totals, version

Spec = dict[str, Any]
SET = "cluster.open-cluster-management.io/clusterset"
NORTH: Spec = {"clusters": {"selector": {"matchLabels": {"region": "north"}}}}
NIGHT: Spec = {"windows": [{"cron": "0 2 * * *", "durationMinutes": 120}]}
"""The window is open from 17:00 to 19:00 UTC in Tokyo, and from 1:00 to 3:00 in Berlin."""
MEASURED = DurationStats(count=20, p50=1800.0, p95=3000.0, spread=(1800.0,))


def fleet() -> InMemoryEngine:
    """Two clusters in the north, one of them in Tokyo's time, and one in the south."""
    engine = InMemoryEngine("site-1", "site-2", "site-3")
    for name, region, zone in (
        ("site-1", "north", "Asia/Tokyo"),
        ("site-2", "north", "Europe.Berlin"),
        ("site-3", "south", "Europe.Berlin"),
    ):
        engine.labels[name] = {"region": region, names.TIME_ZONE: zone.replace("/", ".")}
    return engine


def played(*steps: str, engine: InMemoryEngine | None = None, **spec: Any) -> list[Event]:
    engine = engine or fleet()
    set_policies(engine, policy(**spec))
    engine.apply(ibgu("a", *steps, concurrency=3, timeout=6000))
    engine.wait(hours=60)
    return log_of(engine)


def words(findings: Findings) -> list[str]:
    assert set(findings.broken) <= {Rule.POLICIES}
    return [each.words.removesuffix(" (RolloutPolicy/network)") for each in findings.violations]


@pytest.mark.parametrize(
    "spec",
    [
        NIGHT,
        NIGHT | NORTH,
        NIGHT | {"fit": True},
        NORTH | {"warnings": "Hold", "preflight": "Enforce"},
        NORTH | {"approval": {"before": "Step"}, "actions": ["Rollback"]},
        {"freezes": [{"from": "2026-01-01T00:00Z", "until": "2026-01-02T00:00Z"}], **NORTH},
    ],
)
def test_starts_of_the_engine_are_certified_in_full(spec: Spec) -> None:
    log = played("Prep", "Upgrade", **spec)
    findings = judged(log, **spec)
    assert told(findings) == []
    assert totals(findings).unjudged == 0 < totals(findings).starts


def changed(log: list[Event], cluster: str, facts: Any) -> list[Event]:
    """The log with other facts of the cluster's first start."""
    at = place(log, "RunIntended", cluster)
    return [*log[:at], replace(log[at], data={**log[at].data, "facts": facts}), *log[at + 1 :]]


def test_starts_of_an_older_history_are_counted() -> None:
    log = without_facts(played("Prep", **NIGHT, **NORTH))
    findings = judged(log, **NIGHT, **NORTH)
    assert told(findings) == []
    assert totals(findings).unjudged == 3


def test_windows_are_those_of_the_clusters_own_zone() -> None:
    log = played("Prep", **NIGHT)
    assert log[place(log, "RunIntended", "site-1")].data["facts"] == {"timeZone": "Asia/Tokyo"}
    moved = changed(log, "site-1", {"timeZone": "Europe/Berlin"})
    assert words(judged(moved, **NIGHT)) == ["R50.4: site-1 starts Prep while no window is open"]
    lost = changed(log, "site-1", {"timeZone": ""})
    assert words(judged(lost, **NIGHT)) == [
        "R50.4: site-1 starts Prep although its time zone is not known"
    ]
    fixed = {"cron": "0 0 * * *", "durationMinutes": 1440, "timeZone": "UTC"}
    beside = {"windows": [*NIGHT["windows"], fixed]}
    assert words(judged(lost, **beside))[0].endswith("although its time zone is not known")


def test_a_cluster_that_is_not_selected_may_start() -> None:
    """The policy of the hub selects the north, the one that judges selects the south."""
    frozen: Spec = {"freezes": [{"from": "2026-01-01T00:00Z", "until": "2026-01-02T00:00Z"}]}
    log = played("Prep", **frozen, **NORTH)
    early = next(each.cluster for each in log if each.kind == "RunIntended")
    assert early == "site-3"
    south = {"clusters": {"selector": {"matchLabels": {"region": "south"}}}}
    assert words(judged(log, **frozen, **south)) == [
        "R50.5: site-3 starts Prep in a freeze until 2026-01-02T00:00:00Z"
    ]
    apart = {"neverTogether": [{"clusters": ["site-1", "site-2"]}]}
    assert [each.split()[1] for each in words(judged(log, **apart, **south))] == ["site-2"]
    assert judged(log, inFlight=1, **south).valid


def test_a_policy_holds_the_rollouts_that_it_selects() -> None:
    frozen: Spec = {"freezes": [{"from": "2026-01-01T00:00Z", "until": "2026-01-02T00:00Z"}]}
    gold: Spec = {"rollouts": {"selector": {"matchLabels": {"tier": "gold"}}}}
    log = played("Prep", **frozen, **gold)
    assert told(judged(log, **frozen, **gold)) == []
    assert totals(judged(log, **frozen, **gold)).unjudged == 0
    other: Spec = {"rollouts": {"selector": {"matchExpressions": [NO_TIER]}}}
    assert len(words(judged(log, **frozen, **other))) == 3
    unknown = judged(without_facts(log), **frozen, **other)
    assert (told(unknown), totals(unknown).unknown) == ([], {"labels of rollouts": 3})
    first: Spec = {"canaries": {"count": 1}}
    assert judged(log, **first, **gold).valid
    assert len(words(judged(log, **first, **other))) == 2


NO_TIER: Spec = {"key": "tier", "operator": "DoesNotExist"}


def fitting(minutes: int, **spec: Any) -> Spec:
    window = {"cron": "0 2 * * *", "durationMinutes": minutes, "timeZone": "UTC"}
    return {"windows": [window], "fit": True, **spec}


def test_a_start_that_was_not_expected_to_end_in_time_is_found() -> None:
    engine = fleet()
    engine.durations = {Action.PREP: MEASURED, Action.UPGRADE: MEASURED, Action.ROLLBACK: MEASURED}
    log = played("Prep", "Upgrade", engine=engine, **fitting(120))
    assert told(judged(log, **fitting(120))) == []
    assert totals(judged(log, **fitting(120))).unjudged == 0
    assert words(judged(log, **fitting(60))) == [
        f"R50.4: site-{number} starts Upgrade in a window that closes at 2026-01-01T03:00:00Z, "
        "although it usually takes up to 1 h 40 min"
        for number in (1, 2, 3)
    ]
    assert judged(log, **fitting(60, actions=["Prep"])).valid
    assert totals(judged(log, **fitting(60, clusters={"clusterSets": ["ran"]}))).unknown == {
        "labels of clusters": 3
    }
    assert totals(judged(without_facts(log), **fitting(120))).unknown == {
        "how long actions took at that time": 6
    }
    closed = [{"cron": "0 9 * * *", "durationMinutes": 60, "timeZone": "UTC"}]
    assert "while no window is open" in words(judged(log, **fitting(60) | {"windows": closed}))[0]
    nonsense = [{"cron": "at night", "durationMinutes": 60}]
    assert judged(log, **fitting(60) | {"windows": nonsense}).valid


def test_each_policy_counts_what_it_needs_of_labels() -> None:
    log = played("Prep", **NIGHT, **NORTH)
    start = log[-1].at - timedelta(days=300)
    policies = [
        version(**NIGHT, **NORTH),
        replace(version("sites", clusters={"clusterSets": ["ran"]}, **NIGHT), seen_at=start),
    ]
    assert totals(certify(log, policies=policies)).unknown == {"labels of clusters": 1}


def test_a_selected_canary_need_not_wait() -> None:
    spec: Spec = {
        "canaries": {"selector": {"matchLabels": {"region": "south"}}},
        "approval": {"before": "Rest"},
    }
    log = played("Prep", **spec)
    assert [each.cluster for each in log if each.kind == "RunIntended"] == ["site-3"]
    findings = judged(log, **spec)
    assert (told(findings), totals(findings).unjudged) == ([], 0)
    only = judged(log, **spec, **NORTH)
    assert (told(only), totals(only).unjudged) == ([], 0)


def test_a_canary_may_have_lost_its_label_since_it_was_chosen() -> None:
    one: Spec = {"canaries": {"count": 1}}
    two: Spec = {"canaries": {"count": 2}, **NORTH}
    engine = fleet()
    set_policies(engine, policy("one", **one), policy("two", **two))
    engine.apply(ibgu("a", "Prep", concurrency=3, timeout=6000))
    engine.wait(hours=2)
    policies = [version("one", **one), version("two", **two)]
    log = changed(log_of(engine), "site-2", {"labels": {"region": "south"}})
    findings = certify(log, policies=policies)
    assert told(findings) == []
    assert totals(findings).unknown["labels of clusters"] >= 1


def test_a_time_zone_that_only_the_controller_knew_is_not_judged() -> None:
    log = changed(played("Prep", **NIGHT), "site-1", {"timeZone": "Mars/Olympus"})
    findings = judged(log, **NIGHT)
    assert (told(findings), totals(findings).unknown) == ([], {"time zones of clusters": 1})


@pytest.mark.parametrize(
    "facts", [None, "x", {"labels": ["x"]}, {"expectedSeconds": "x"}, {"expectedSeconds": 1e300}]
)
def test_facts_that_can_not_be_read_count_as_none(facts: Any) -> None:
    log = changed(played("Prep", **fitting(120)), "site-1", facts)
    findings = judged(log, **fitting(120))
    assert told(findings) == []
    assert totals(findings).unknown == {"how long actions took at that time": 1}


@pytest.mark.parametrize(
    ("operator", "values", "north", "none"),
    [
        ("In", ["north", "south"], True, False),
        ("In", ["south"], False, False),
        ("In", [], None, None),
        ("NotIn", ["north"], False, True),
        ("Exists", [], True, False),
        ("DoesNotExist", [], False, True),
        ("Near", ["north"], None, None),
    ],
)
def test_requirements_are_those_of_kubernetes(
    operator: str, values: list[str], north: bool | None, none: bool | None
) -> None:
    selector = LabelSelector(match_expressions=[LabelRequirement("region", operator, values)])
    assert matches(selector, {"region": "north"}) is north
    assert matches(selector, {"region": None}) is none
    assert matches(selector, {}) is None


def test_one_requirement_that_fails_is_enough() -> None:
    clusters = PolicyClusters(["ran"], LabelSelector({"region": "north"}))
    assert selects(clusters, {SET: "ran", "region": "north"})
    assert selects(clusters, {SET: "core"}) is False
    assert selects(clusters, {"region": "south"}) is False
    assert selects(clusters, {SET: "ran"}) is None
    assert selects(PolicyClusters(), {})
