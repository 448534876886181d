"""Limits, budgets and canaries that go by labels are judged by what starts record of them (R44.2,
R50.3)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model.follow_ups import ShownFollowUp
from ibgu.core.model.kinds import LabelSelector
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.gates.policies.policy import SITE, policy, set_policies
from tests.core.engine.gates.policies.test_canary_health import condition
from tests.core.engine.gates.policies.test_canary_rollback import HEALTH, asked, breaks
from tests.oracle import Event, Findings, Rule
from tests.oracle.breaks import place
from tests.oracle.logs import certify, log_of, told, without_facts
from tests.oracle.test_policies import judged, totals, version

Spec = dict[str, Any]
Log = list[Event]
NORTH: Spec = {"clusters": {"selector": {"matchLabels": {"region": "north"}}}}
ONE_A_SITE: Spec = {"perTopology": [{"label": SITE, "maximum": 1}]}
CLUSTERS = {"labels of clusters"}


def fleet(count: int = 4, *failing: int) -> InMemoryEngine:
    """The odd clusters are in the north, and two each are at one site."""
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, count + 1)))
    for n in range(1, count + 1):
        region = "north" if n % 2 else "south"
        engine.labels[f"site-{n}"] = {"region": region, SITE: f"mast-{(n + 1) // 2}"}
    for n in failing:
        engine.spokes[f"site-{n}"].faults[Stage.PREP] = "fail"
    return engine


def played(engine: InMemoryEngine, *steps: str, most: int = 4, **spec: Any) -> Log:
    """The log of a rollout under a policy."""
    set_policies(engine, policy(**spec))
    engine.apply(ibgu("a", *(steps or ("Prep",)), concurrency=most, timeout=3000))
    engine.wait(hours=40)
    return log_of(engine)


def words(findings: Findings) -> list[str]:
    assert set(findings.broken) <= {Rule.POLICIES}
    return [each.words.removesuffix(" (RolloutPolicy/network)") for each in findings.violations]


def unknown(findings: Findings) -> set[str]:
    assert told(findings) == []
    return set(totals(findings).unknown)


@pytest.mark.parametrize(
    "spec",
    [
        {"inFlight": 1} | NORTH,
        {"inFlight": "30%"},
        {"inFlight": "60%"} | NORTH,
        ONE_A_SITE,
        ONE_A_SITE | NORTH,
        {"perTopology": [{"label": "nobody-has-it", "maximum": 2}]},
        {"canaries": {"selector": {"matchLabels": {"region": "south"}}, "soakMinutes": 30}},
        {"canaries": {"count": 1, "soakMinutes": 30}} | NORTH,
        {"failureBudget": {"maximum": 1}} | NORTH,
        {"failureBudget": {"maximum": "70%"}} | NORTH,
    ],
)
def test_starts_by_labels_are_certified_in_full(spec: Spec) -> None:
    findings = judged(played(fleet(8, 3), "Prep", "Upgrade", **spec), **spec)
    assert told(findings) == []
    assert totals(findings).unjudged == 0 < totals(findings).starts


SEEN: Spec = {"perTopology": [{"label": SITE, "maximum": 4}]}
"""So that the labels are recorded, though nobody is held."""


@pytest.mark.parametrize(
    ("spec", "words_"),
    [
        (ONE_A_SITE, f"R50.3: site-2 starts Prep with 1 in flight with {SITE}=mast-1, and"),
        (
            {"perTopology": [{"label": "nobody-has-it", "maximum": 2}]},
            "R50.3: site-3 starts Prep with 2 in flight without the label nobody-has-it, and",
        ),
        ({"inFlight": 1} | NORTH, "R50.3: site-3 starts Prep with 1 in flight, and inFlight is 1"),
    ],
    ids=["site", "without", "selected"],
)
def test_a_start_beyond_a_limit_by_labels_is_found(spec: Spec, words_: str) -> None:
    topologies = [*SEEN["perTopology"], {"label": "nobody-has-it", "maximum": 4}]
    log = played(fleet(), perTopology=topologies, **NORTH)
    found = words(judged(log, **spec))
    assert found[0].startswith(words_)
    assert unknown(judged(without_facts(log), **spec)) == CLUSTERS
    south = {"clusters": {"selector": {"matchLabels": {"region": "south"}}}}
    assert len(words(judged(log, **{**spec, **south}))) < 3


def test_a_start_beyond_a_share_is_found() -> None:
    log = played(fleet(8), inFlight="100%", most=8)
    assert words(judged(log, inFlight="30%")) == [
        f"R50.3: site-{n} starts Prep with {n - 1} in flight, and inFlight is 30% of 8"
        for n in range(3, 9)
    ]
    assert unknown(judged(without_facts(log), inFlight="30%")) == {
        "how many clusters a share is of"
    }
    assert unknown(judged(log, inFlight="x%")) == {"how many clusters a share is of"}
    newer = replace(version(inFlight="30%", **NORTH), seen_at=log[0].at)
    both = certify(log, policies=[version(inFlight="30%"), newer])
    assert unknown(both) == {"how many clusters a share is of"}


def moving(spec: Spec, move: Callable[[InMemoryEngine], None]) -> Log:
    """While one cluster of each site is in flight, somebody moves one of them."""
    engine = fleet(4)
    set_policies(engine, policy(**spec))
    engine.apply(ibgu("a", "Prep", concurrency=3, timeout=3000))
    engine.wait(seconds=30)
    move(engine)
    engine.touch_everything()
    engine.wait(hours=10)
    return log_of(engine)


def test_a_cluster_counts_where_it_has_moved_to() -> None:
    def move(engine: InMemoryEngine) -> None:
        engine.labels["site-1"] = {"region": "north", SITE: "mast-9"}
        engine.fleet.note_cluster("site-1")

    log = moving(ONE_A_SITE, move)
    first, second, *_ = [each for each in log if each.kind == "RunIntended"]
    assert (first.cluster, second.cluster) == ("site-1", "site-3")
    recorded = [each.data["facts"].get("beside") for each in log if each.kind == "RunIntended"]
    assert recorded == [{}, {}, {"site-1": {SITE: "mast-9"}}, {}]
    assert told(judged(log, **ONE_A_SITE)) == []
    assert totals(judged(log, **ONE_A_SITE)).unjudged == 0
    at = next(n for n, each in enumerate(log) if each.data.get("facts", {}).get("beside"))
    silent = with_facts(log, log[at].cluster or "", beside={})
    assert words(judged(silent, **ONE_A_SITE))[0].startswith(f"R50.3: {log[at].cluster} starts")
    older = with_facts(log, log[at].cluster or "", beside=None)
    assert unknown(judged(older, **ONE_A_SITE)) == CLUSTERS


def test_labels_that_the_history_lacks_are_recorded_with_the_next_start() -> None:
    """The policy comes when clusters of another rollout are in flight already."""
    engine = fleet(4)
    engine.apply(ibgu("a", "Prep", selectors=(LabelSelector({"region": "north"}),)))
    engine.wait(seconds=30)
    two: Spec = {"perTopology": [{"label": SITE, "maximum": 2}]}
    set_policies(engine, policy(**two))
    engine.apply(ibgu("b", "Prep", selectors=(LabelSelector({"region": "south"}),)))
    engine.wait(hours=10)
    log = log_of(engine)
    first, next_ = (log[place(log, "RunIntended", f"site-{n}")].data["facts"] for n in (2, 4))
    assert first["beside"] == {"site-1": {SITE: "mast-1"}, "site-3": {SITE: "mast-2"}}
    assert next_["beside"] == {}
    assert told(judged(log, **two)) == []
    assert [each.split()[1] for each in words(judged(log, **ONE_A_SITE))] == [
        "site-2",
        "site-4",
    ]


def with_facts(log: Log, cluster: str, **facts: Any) -> Log:
    at = place(log, "RunIntended", cluster)
    found = {**log[at].data["facts"], **facts}
    return [*log[:at], replace(log[at], data={**log[at].data, "facts": found}), *log[at + 1 :]]


def test_a_cluster_of_which_the_labels_are_not_known_may_count() -> None:
    log = played(fleet(2), most=2, **SEEN)
    assert len(words(judged(log, **ONE_A_SITE))) == 1
    log = with_facts(log, "site-2", beside={"site-1": None, "gone": {SITE: "mast-1"}})
    assert unknown(judged(log, **ONE_A_SITE)) == CLUSTERS
    found = words(judged(log, inFlight=1, **ONE_A_SITE))
    assert found == ["R50.3: site-2 starts Prep with 1 in flight, and inFlight is 1"]


def test_a_cluster_in_flight_keeps_its_labels_in_the_next_action() -> None:
    engine = fleet(2)
    set_policies(engine, policy(**SEEN))
    engine.apply(ibgu("a", "Prep Upgrade", selectors=(LabelSelector({"region": "north"}),)))
    engine.wait(seconds=90)
    engine.apply(ibgu("b", "Prep", selectors=(LabelSelector({"region": "south"}),)))
    engine.wait(hours=10)
    log = log_of(engine)
    at = place(log, "RunIntended", "site-1", nth=1)
    assert log[at].data["action"] == "Upgrade"
    log[at] = replace(log[at], data={**log[at].data, "facts": {}})
    assert len(words(judged(log, **ONE_A_SITE))) == 1


def test_two_clusters_of_a_name_have_no_labels_that_are_known() -> None:
    log = played(fleet(2), most=2, **SEEN)
    at = place(log, "RunIntended", "site-1")
    other = replace(log[at], rollout="uid-other", cluster_uid="uid-of-another")
    findings = judged([*log[: at + 1], other, *log[at + 1 :]], **ONE_A_SITE)
    assert totals(findings).unknown.keys() == CLUSTERS


# -- budgets and canaries ------------------------------------------------------------------


def test_a_start_is_found_though_enough_selected_clusters_had_failed() -> None:
    log = played(fleet(8, 1, 2, 3), most=1, failureBudget={"maximum": 5}, **NORTH)
    spent = {"failureBudget": {"maximum": 1}} | NORTH
    assert words(judged(log, **spent)) == [
        f"R50.9: site-{n} starts Prep with 2 clusters failed, and failureBudget allows 1"
        for n in range(4, 9)
    ]
    assert words(judged(log, failureBudget={"maximum": 2}, **NORTH)) == []
    assert unknown(judged(without_facts(log), **spent)) == CLUSTERS


def test_a_share_that_may_fail_is_of_the_selected_clusters() -> None:
    log = played(fleet(8, 1, 2, 3), most=1, failureBudget={"maximum": "90%"}, **NORTH)
    assert words(judged(log, failureBudget={"maximum": "50%"}, **NORTH)) == []
    much = with_facts(log, "site-8", policies={"network": {"failed": ["site-1"], "among": 10**6}})
    assert len(words(judged(much, failureBudget={"maximum": "1%"}, **NORTH))) == 7
    quarter = words(judged(log, failureBudget={"maximum": "25%"}, **NORTH))
    assert len(quarter) == 5
    assert quarter[0].endswith("with 2 clusters failed, and failureBudget allows 1")


def test_a_failure_that_was_not_counted_in_spite_of_its_labels_is_not_judged() -> None:
    log = played(fleet(3, 1), most=1, failureBudget={"maximum": 5}, **NORTH)
    spent = {"failureBudget": {"maximum": 0}} | NORTH
    assert len(words(judged(log, **spent))) == 2
    for policies in ({"network": {"failed": [], "among": 1}}, {"network": {"among": 1}}):
        silent = log
        for cluster in ("site-2", "site-3"):
            silent = with_facts(silent, cluster, policies=policies)
        assert unknown(judged(silent, **spent)) == CLUSTERS


def test_a_start_before_selected_canaries_is_found() -> None:
    soft: Spec = {"canaries": {"selector": {"matchLabels": {"region": "south"}}, "soakMinutes": 0}}
    log = played(fleet(), **soft)
    assert {each.data["facts"]["policies"]["network"]["canaries"][0] for each in starts(log)} == {
        "site-2"
    }
    longer = {"canaries": {**soft["canaries"], "soakMinutes": 60}}
    assert [each.split()[1] for each in words(judged(log, **longer))] == ["site-1", "site-3"]
    early = with_facts(log, "site-2", policies={"network": {"canaries": ["site-1"]}})
    assert told(judged(early, **soft)) == []


def starts(log: Log) -> Log:
    return [each for each in log if each.kind == "RunIntended"]


def test_a_canary_of_a_count_is_one_of_as_many() -> None:
    spec: Spec = {"canaries": {"count": 2}} | NORTH
    log = played(fleet(6), **spec)
    assert [each.cluster for each in starts(log)][:2] == ["site-1", "site-2"]
    assert unknown(judged(log, **spec)) == set()
    every = {"canaries": [f"site-{number}" for number in range(1, 7)]}
    for cluster in ("site-1", "site-3"):
        log = with_facts(log, cluster, policies={"network": every})
    assert unknown(judged(log, **spec)) == CLUSTERS
    few = with_facts(log, "site-5", policies={"network": {"canaries": ["site-1"]}})
    assert told(judged(few, **spec)) == []
    assert unknown(judged(few, **spec)) == CLUSTERS


@pytest.mark.parametrize("chosen", [{"count": 2}, {"selector": {"matchLabels": {"ring": "0"}}}])
def test_a_canary_that_has_gone_back_is_not_awaited(chosen: Spec) -> None:
    engine = InMemoryEngine("site-1", "site-2", "site-3")
    for name, spoke in engine.spokes.items():
        spoke.certificates = timedelta(days=30)
        engine.labels[name] = {"ring": "1" if name == "site-3" else "0"}
        condition(engine, name, "True")
    canaries: Spec = {"soakMinutes": 1440, "health": HEALTH, "rollback": True, **chosen}
    spec: Spec = {"actions": ["Upgrade"], "canaries": canaries}
    set_policies(engine, policy(**spec))
    uid = engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=1, timeout=6000))
    engine.append(uid, "FinalizeUpgrade")
    engine.wait(hours=3)
    breaks(engine, "site-2", minutes=15)
    for each in asked(engine):
        engine.follow_ups[each.name] = ShownFollowUp(ours=True)
    engine.annotate(uid, resume="1")
    engine.wait(hours=60)
    log = log_of(engine)
    assert any(each.cluster == "site-2" and each.step == 2 for each in log)
    findings = judged(log, **spec)
    assert told(findings) == []
    assert totals(findings).unjudged == 0
