"""R44.2: what policies read of a cluster that starts is kept with the start."""

from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.timing.durations import DurationStats
from ibgu.core.model import Kind, OnMember, names
from ibgu.core.model.start_facts import MAX_NAMES, PolicyFacts, StartFacts
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.gates.policies.grants import approve
from tests.core.engine.gates.policies.policy import policy, set_policies

SET = "cluster.open-cluster-management.io/clusterset"
ALWAYS = {"cron": "0 0 * * *", "durationMinutes": 1440}
MEASURED = DurationStats(count=20, p50=1800.0, p95=3000.0, spread=(1800.0,))


def facts(*specs: dict[str, Any], labels: dict[str, str] | None = None) -> StartFacts | None:
    """The facts with which a cluster starts under the policies."""
    engine = InMemoryEngine("site")
    engine.labels["site"] = labels or {}
    engine.durations = {Action.PREP: MEASURED}
    set_policies(engine, *(policy(f"policy-{n}", **spec) for n, spec in enumerate(specs)))
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_INTENDED)
    started = [each.decision for each in engine.said if isinstance(each.decision, OnMember)]
    (found,) = (each.facts for each in started if each.kind is Kind.RUN_INTENDED)
    return found


NORTH = {"region": "north", "other": "x"}
NOT_SOUTH = {
    "selector": {"matchExpressions": [{"key": "region", "operator": "NotIn", "values": ["south"]}]}
}


@pytest.mark.parametrize(
    ("specs", "found"),
    [
        (
            [{"rollouts": {"selector": {"matchLabels": {"tier": "gold"}}}, "windows": [ALWAYS]}],
            StartFacts(rollout_labels={"tier": None}),
        ),
        ([], None),
        ([{"inFlight": 3, "windows": [ALWAYS | {"timeZone": "UTC"}]}], None),
        (
            [{"clusters": {"selector": {"matchLabels": {"region": "north"}}}}],
            StartFacts({"region": "north"}),
        ),
        (
            [
                {"clusters": {"clusterSets": ["ran"]}},
                {
                    "clusters": {
                        "selector": {"matchExpressions": [{"key": "region", "operator": "Exists"}]}
                    }
                },
            ],
            StartFacts({SET: None, "region": "north"}),
        ),
        (
            [{"canaries": {"selector": {"matchLabels": {"other": "x"}}}}],
            StartFacts({"other": "x"}, policies={"policy-0": PolicyFacts(canaries=["site"])}),
        ),
        (
            [{"canaries": {"count": 1}}],
            None,
        ),
        (
            [{"canaries": {"count": 1}, "actions": ["Upgrade"], "clusters": {"clusterSets": [""]}}],
            StartFacts({SET: None}),
        ),
        (
            [{"inFlight": "50%"}, {"inFlight": "50%", "perTopology": [{"label": "region"}]}],
            StartFacts(
                {"region": "north"},
                beside={},
                policies={
                    "policy-0": PolicyFacts(selected=1),
                    "policy-1": PolicyFacts(selected=1),
                },
            ),
        ),
        (
            [{"failureBudget": {"maximum": 3}, "clusters": NOT_SOUTH}],
            StartFacts({"region": "north"}, policies={"policy-0": PolicyFacts(failed=[])}),
        ),
        ([{"failureBudget": {"maximum": 3}}], None),
        (
            [{"windows": [ALWAYS], "clusters": {"clusterSets": ["ran"]}}],
            StartFacts({SET: None}, time_zone=""),
        ),
        (
            [{"windows": [ALWAYS | {"timeZone": "UTC"}], "fit": True}],
            StartFacts(expected_seconds=3000.0),
        ),
        ([{"windows": [ALWAYS | {"timeZone": "UTC"}], "fit": True, "actions": ["Upgrade"]}], None),
    ],
)
def test_only_what_policies_read_is_kept(
    specs: list[dict[str, Any]], found: StartFacts | None
) -> None:
    assert facts(*specs, labels=NORTH) == found


def test_a_time_zone_is_kept_by_its_name() -> None:
    labels = {names.TIME_ZONE: "Europe.London"}
    assert facts({"windows": [ALWAYS]}, labels=labels) == StartFacts(time_zone="Europe/London")


def test_the_author_of_the_step_is_kept_where_other_people_must_approve() -> None:
    for author, users in (("", ["alice", "bob"]), ("alice", ["bob"])):
        engine = InMemoryEngine("site")
        both = policy("first", approval={}), policy("second", approval={"fourEyes": False})
        set_policies(engine, *both)
        uid = engine.apply(ibgu("a", "Prep"))
        if author:
            engine.annotate(uid, **{names.step_author(0).removeprefix("ibgu.dev/"): author})
        engine.wait(minutes=1)
        for user in users:
            approve(engine, user)
        assert started(engine) == [StartFacts(author=author)]


def test_ways_back_ask_for_no_health_of_canaries() -> None:
    """Nobody waits for canaries there, so nothing is to be observed."""
    engine = InMemoryEngine("site-1", "site-2")
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=2)
    set_policies(engine, policy(canaries={"count": 1, "health": {"nodes": True}}))
    engine.append("uid-a", "Abort", concurrency=1)
    engine.wait(seconds=5)
    assert started(engine)[-2:] == [None, None]
    assert list(engine.policy_gates.to_observe(engine.now)) == []
    (in_force,) = engine.policy_gates._policies
    assert in_force.canaries is not None
    assert in_force.canaries._asked == set()


@pytest.mark.slow("every-point")
def test_more_canaries_than_can_be_named_are_not_kept() -> None:
    engine = InMemoryEngine(*(f"site-{number}" for number in range(MAX_NAMES + 1)))
    for name in engine.spokes:
        engine.labels[name] = {"ring": "0"}
    ring = {"selector": {"matchLabels": {"ring": "0"}}}
    set_policies(engine, policy(canaries=ring))
    engine.apply(ibgu("a", "Prep", concurrency=1))
    assert started(engine)[0] == StartFacts({"ring": "0"})


def started(engine: InMemoryEngine) -> list[StartFacts | None]:
    """The facts of the starts of an hour."""
    engine.wait(hours=1)
    found = [each.decision for each in engine.said if isinstance(each.decision, OnMember)]
    return [each.facts for each in found if each.kind is Kind.RUN_INTENDED]
