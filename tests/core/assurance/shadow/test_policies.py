"""Starts of TALM's that a RolloutPolicy would have held (R50)."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.assurance.shadow import PolicyHold, ShadowPolicies, TalmStart, with_holds
from ibgu.core.assurance.shadow.policies import SEEN_WITHIN
from ibgu.core.model import ClusterView, names
from ibgu.core.model.rollout_policy import PolicyState, RolloutPolicy
from tests.core.assurance.shadow.scenes import START, Watch
from tests.core.engine.gates.policies.policy import policy

FROZEN = {"from": "2025-12-31T00:00:00Z", "until": "2026-02-01T00:00:00Z"}
NIGHT = {"cron": "0 1 * * *", "durationMinutes": 240, "timeZone": "Europe/Berlin"}
"""The window is from 00:00 to 04:00 UTC; TALM starts at midnight."""
EVENING = {**NIGHT, "cron": "0 20 * * *"}


def cluster(name: str, **labels: str) -> ClusterView:
    return ClusterView(
        name=name,
        uid=name,
        accepted=True,
        deleting=False,
        reachable=True,
        local=False,
        labels=labels,
    )


FLEET = {
    each.name: each
    for each in (cluster("s1", site="a"), cluster("s2", site="a"), cluster("s3", site="b"))
}


def start(action: str = "Prep", *more: str, name: str = "s1", **given: Any) -> TalmStart:
    return TalmStart(
        **{
            "namespace": "fleet",
            "labels": {"team": "ran"},
            "cluster": FLEET[name],
            "action": action,
            "rest": (action, *more),
            "at": START,
            **given,
        }
    )


def holds(
    begun: TalmStart, *policies: RolloutPolicy, in_flight: Collection[str] = (), **state: Any
) -> list[tuple[str, str]]:
    judge = ShadowPolicies(FLEET.get, FLEET.values)
    found = judge.holds(PolicyState(policies, **state), begun, in_flight, START)
    return [(each.gate, each.words) for each in found]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"windows": [EVENING]},
            "the policy's window opens at 20:00 CET on 1 January 2026",
        ),
        ({"freezes": [FROZEN]}, "the policy freezes all starts until 2026-02-01T00:00:00Z"),
        ({"inFlight": 2}, "the policy allows 2 clusters in flight at once, and as many are"),
        ({"inFlight": "1%"}, "the policy allows 1 cluster in flight at once, and as many are"),
        (
            {"perTopology": [{"label": "site"}]},
            "the policy allows 1 cluster in flight at once with site=a, and as many are",
        ),
        (
            {"neverTogether": [{"clusters": ["s1", "gone"]}]},
            "the policy never lets it be in flight with gone, and one of them is",
        ),
    ],
    ids=["window", "freeze", "number", "share", "topology", "neighbours"],
)
def test_a_start_against_a_policy_is_found(spec: dict[str, Any], words: str) -> None:
    found = holds(start(), policy("ran-nights", **spec), in_flight=["s2", "gone"])
    assert found == [("RolloutPolicy/ran-nights", words)]


@pytest.mark.parametrize(
    "spec",
    [
        {"windows": [NIGHT]},
        {"inFlight": 3},
        {"perTopology": [{"label": "site", "maximum": 2}]},
        {"freezes": [FROZEN], "actions": ["Upgrade"]},
        {"inFlight": 1, "actions": ["Upgrade"]},
        {"freezes": [FROZEN], "rollouts": {"namespaces": ["x"]}},
        {"inFlight": 1, "rollouts": {"selector": {"matchLabels": {"team": "core"}}}},
        {"freezes": [FROZEN], "clusters": {"selector": {"matchLabels": {"site": "b"}}}},
        {"inFlight": 1, "clusters": {"selector": {"matchLabels": {"site": "b"}}}},
        {"canaries": {"count": 1}},
        {"approval": {"before": "Step"}},
    ],
)
def test_a_start_that_the_policy_allows_is_not_held(spec: dict[str, Any]) -> None:
    assert holds(start(), policy("p", **spec), in_flight=["s2", "s3"]) == []


def test_each_policy_is_named_once_with_what_comes_first() -> None:
    found = holds(
        start(),
        policy("a", freezes=[FROZEN], inFlight=1),
        policy("b", inFlight=1),
        in_flight=["s2"],
    )
    assert [gate for gate, _ in found] == ["RolloutPolicy/a", "RolloutPolicy/b"]
    assert found[0][1].startswith("the policy freezes all starts")


def test_limits_hold_the_beginning_of_a_step_and_windows_each_action() -> None:
    both = policy("p", inFlight=1), policy("q", freezes=[FROZEN], actions=["Upgrade"])
    begun = start("Upgrade", rest=())
    assert [gate for gate, _ in holds(begun, *both, in_flight=["s2"])] == ["RolloutPolicy/q"]
    whole = start("Prep", "Upgrade")
    ahead = policy("p", inFlight=1, actions=["Upgrade"])
    assert [gate for gate, _ in holds(whole, ahead, in_flight=["s2"])] == ["RolloutPolicy/p"]


def test_ways_back_are_never_held() -> None:
    assert holds(start("Abort"), policy("p", freezes=[FROZEN])) == []


def test_a_policy_that_can_not_be_followed_holds_what_it_selects() -> None:
    wrong = policy("p", inFlight="many")
    ((gate, words),) = holds(start(), wrong, in_flight=["s2"])
    assert (gate, words.partition(":")[0]) == ("RolloutPolicy/p", "the policy can't be followed")


def test_a_hold_by_annotation_needs_no_policy() -> None:
    held = replace(FLEET["s1"], annotations={names.HOLD: "field-ops"})
    ((gate, words),) = holds(start(cluster=held))
    assert gate == "ClusterHold"
    assert words.startswith("field-ops holds the cluster until")


def test_nothing_is_judged_while_the_policies_are_not_known() -> None:
    assert holds(start(), policy("p", freezes=[FROZEN]), problem="not read") == []


def test_a_start_of_long_ago_is_not_judged_by_the_policies_of_now() -> None:
    frozen = policy("p", freezes=[FROZEN])
    assert len(holds(start(at=START - SEEN_WITHIN), frozen)) == 1
    assert holds(start(at=START - SEEN_WITHIN - timedelta(seconds=1)), frozen) == []


def test_a_run_keeps_what_would_have_held_it() -> None:
    watch = Watch()
    watch.run = with_holds(watch.run, [PolicyHold("RolloutPolicy/p", "it is day")])
    for minute in range(1, 90):
        watch.probe(minute, reachable=bool(minute % 2))
    told = [note.text for note in watch.run.holds]
    assert told == ["RolloutPolicy/p would have held it: it is day"]
    assert watch.run.notes[1] == watch.run.holds[0]
    assert len(watch.run.notes) == 60
