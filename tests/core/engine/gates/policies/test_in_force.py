"""R50.2: what is not known of the policies, or can't be followed, holds new starts."""

from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.gates.policies import UNKNOWN, faults
from ibgu.core.engine.gates.policies import policy as one_policy
from ibgu.core.model import ActingParty, Kind, MemberState, Outcome, ReasonKind
from ibgu.core.model.rollout_policy import PolicyState, RolloutPolicy, RolloutPolicySpec
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.gates.policies.policy import policy, reason, set_policies

BAD_CRON: dict[str, Any] = {"windows": [{"cron": "0 25 * * *", "durationMinutes": 60}]}
BAD_OPERATOR = {"matchExpressions": [{"key": "site", "operator": "Like", "values": ["x"]}]}

METRIC = {"source": "thanos", "query": 'up{cluster="$cluster"}'}
RING = {"matchLabels": {"ring": "0"}}
ON_THE_HUB = "spec.failureBudget: what counts on the whole hub needs withinMinutes, and a number"
NO_LIMIT = 'is neither a number from 1 on nor "1%" to "100%"'


def fleet(*policies: RolloutPolicy) -> InMemoryEngine:
    engine = InMemoryEngine("lab-1", "site-1")
    engine.labels["lab-1"]["kind"] = "lab"
    set_policies(engine, *policies)
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    return engine


def slots(engine: InMemoryEngine) -> list[str]:
    return sorted(engine.tracked("uid-a").steps[0].slots.values())


@pytest.mark.parametrize(
    "state",
    [
        PolicyState(problem="ibgu has not read the RolloutPolicies yet"),
        PolicyState(problem="ibgu may not list RolloutPolicies"),
    ],
)
def test_nothing_starts_while_the_policies_are_not_known(state: PolicyState) -> None:
    engine = InMemoryEngine("site-1")
    engine.rollout_policies = state
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    kept = reason(engine, "uid-a", "site-1")
    assert (kept.kind, kept.gate, kept.who) == (ReasonKind.GATE, UNKNOWN, ActingParty.PERSON)
    engine.rollout_policies = PolicyState()
    engine.touch_everything()
    engine.settle()
    assert slots(engine) == ["site-1"]


def test_an_unreadable_policy_is_named_with_the_reason() -> None:
    engine = InMemoryEngine("site-1")
    engine.rollout_policies = PolicyState(unreadable=(("moon", "unknown field `moon`"),))
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    kept = reason(engine, "uid-a", "site-1")
    assert (kept.gate, kept.message) == (
        "RolloutPolicy/moon",
        "the policy can't be read: unknown field `moon`",
    )


def test_a_policy_that_can_not_be_followed_holds_what_it_selects() -> None:
    engine = fleet(policy(clusters={"selector": {"matchLabels": {"kind": "lab"}}}, **BAD_CRON))
    assert slots(engine) == ["site-1"]
    assert reason(engine, "uid-a", "lab-1").message == (
        "the policy can't be followed: spec.windows[0].cron: "
        '"0 25 * * *" is not a time of cron: Bad hour'
    )


def test_a_policy_that_can_not_be_followed_holds_the_neighbours_that_it_names() -> None:
    lab: dict[str, Any] = {"selector": {"matchLabels": {"kind": "lab"}}}
    groups: dict[str, Any] = {"neverTogether": [{"clusters": ["lab-1", "site-1"]}]}
    engine = fleet(policy(clusters=lab, **groups, **BAD_CRON))
    assert slots(engine) == []
    assert "Bad hour" in reason(engine, "uid-a", "site-1").message
    set_policies(engine, policy(clusters=lab, **groups))
    engine.wait(seconds=10)
    assert slots(engine) == ["lab-1"]
    engine.wait(hours=2)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_policy_without_a_selection_holds_every_cluster_whatever_it_names() -> None:
    groups: dict[str, Any] = {"neverTogether": [{"clusters": ["lab-1", "site-2"]}]}
    assert slots(fleet(policy(**groups, **BAD_CRON))) == []
    nothing = {"selector": BAD_OPERATOR}
    assert slots(fleet(policy(clusters=nothing, **groups))) == []


def test_a_selector_that_means_nothing_holds_everything() -> None:
    engine = fleet(policy(inFlight=1, clusters={"selector": BAD_OPERATOR}))
    assert slots(engine) == []
    engine = fleet(policy(inFlight=1, rollouts={"selector": BAD_OPERATOR, "namespaces": ["other"]}))
    assert slots(engine) == []


def test_a_policy_that_can_not_be_followed_holds_no_other_rollouts() -> None:
    assert slots(fleet(policy(rollouts={"namespaces": ["other"]}, **BAD_CRON))) == [
        "lab-1",
        "site-1",
    ]


def test_the_chain_is_held_too() -> None:
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep Upgrade"))
    engine.until(Kind.RUN_ACCEPTED)
    set_policies(engine, policy(**BAD_CRON))
    engine.wait(hours=2)
    member = engine.member("uid-a", 0, "site-1")
    assert (member.state, member.reason.kind) == (MemberState.IN_FLIGHT, ReasonKind.GATE)


def test_an_error_in_reading_a_policy_holds_and_does_not_end_the_controller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(spec: RolloutPolicySpec) -> list[str]:
        raise OverflowError("date value out of range")

    monkeypatch.setattr(one_policy, "faults", broken)
    engine = fleet(policy(inFlight=5))
    assert reason(engine, "uid-a", "site-1").message == (
        "the policy can't be followed: OverflowError: date value out of range"
    )


def test_unknown_policies_hold_no_way_back() -> None:
    engine = InMemoryEngine("site-1")
    engine.rollout_policies = PolicyState(problem="not read yet")
    gates = engine.policy_gates.of(engine.rollout_policies, "fleet", {}).gates
    kept = {action for action in Action if not any(gate.keeps(action) for gate in gates)}
    assert kept == {Action.ABORT, Action.ABORT_ON_FAILURE, Action.ROLLBACK}


def test_a_share_is_counted_again() -> None:
    engine = fleet(policy(inFlight="50%"))
    assert len(slots(engine)) == 1
    assert not engine.policy_gates.recount(engine.now)
    for name in ("site-2", "site-3"):
        engine.join(name)
    assert engine.policy_gates.recount(engine.now)


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        *(({"inFlight": each}, []) for each in (1, "1%", "99%", "100%", "")),
        (BAD_CRON, ['spec.windows[0].cron: "0 25 * * *" is not a time of cron: Bad hour']),
        (
            {"windows": [{"cron": "0 1 * * *", "durationMinutes": 60, "timeZone": "Mars/Olympus"}]},
            ['spec.windows[0].timeZone: "Mars/Olympus" is not a time zone, such as Europe/Berlin'],
        ),
        (
            {"freezes": [{"from": "x", "until": "y"}]},
            ["spec.freezes[0]: a freeze from x until y has times that can't be read"],
        ),
        *(
            ({"inFlight": wrong}, [f'spec.inFlight: "{wrong}" {NO_LIMIT}'])
            for wrong in (0, -1, "0%", "101%", "a%", "5", "5%%")
        ),
        (
            {"perTopology": [{"label": "a", "maximum": 0}]},
            ["spec.perTopology[0].maximum: is less than 1"],
        ),
        (
            {"windows": [{"cron": "0 1 * * *", "durationMinutes": 0}]},
            ["spec.windows[0].durationMinutes: is not from 1 to 10080"],
        ),
        (
            {"windows": [{"cron": "0 1 * * *", "durationMinutes": 10**12}]},
            ["spec.windows[0].durationMinutes: is not from 1 to 10080"],
        ),
        (
            {"freezes": [{"from": "0001-01-01T00:00:00+01:00", "until": "2026-01-01T00:00:00Z"}]},
            [
                "spec.freezes[0]: a freeze from 0001-01-01T00:00:00+01:00 until "
                "2026-01-01T00:00:00Z has times that can't be read"
            ],
        ),
        *(
            ({"canaries": each}, ["spec.canaries: needs either a count from 1 on, or a selector"])
            for each in ({}, {"count": -1}, {"count": 1, "selector": RING})
        ),
        ({"canaries": {"selector": RING, "soakMinutes": 10080}}, []),
        ({"canaries": {"selector": {}}}, ["spec.canaries.selector: chooses every cluster"]),
        (
            {"canaries": {"selector": BAD_OPERATOR, "soakMinutes": -1}},
            [
                "spec.canaries.selector.matchExpressions[0] (key site): "
                '"Like" is not an operator: use In, NotIn, Exists or DoesNotExist',
                "spec.canaries.soakMinutes: is not from 0 to 10080",
            ],
        ),
        ({"canaries": {"count": 1, "health": {}}}, ["spec.canaries.health: has no check"]),
        (
            {"canaries": {"count": 1, "rollback": True, "rollbackAfterMinutes": 0}},
            [
                "spec.canaries.rollbackAfterMinutes: is not from 1 to 1440",
                "spec.canaries.rollback: needs spec.canaries.health, which says that a canary is "
                "not well",
            ],
        ),
        (
            {
                "actions": ["Prep"],
                "canaries": {"count": 1, "health": {"nodes": True}, "rollback": True},
            },
            ["spec.canaries.rollback: needs Upgrade in spec.actions"],
        ),
        *(
            ({"retry": each}, ["spec.retry.attempts: is not from 1 to 5"])
            for each in ({"attempts": 0}, {"attempts": 6, "backoffMinutes": 1440})
        ),
        ({"retry": {"backoffMinutes": 0}}, ["spec.retry.backoffMinutes: is not from 1 to 1440"]),
        ({"retry": {}, "actions": ["Upgrade"]}, ["spec.retry: needs Prep in spec.actions"]),
        ({"retry": {}, "actions": ["Prep"]}, []),
        (
            {"canaries": {"count": 1, "health": {"conditions": [{"type": "a"}] * 11}}},
            [
                "spec.canaries.health.conditions: has more than 10",
                "spec.canaries.health.conditions: has one type twice",
            ],
        ),
        (
            {"canaries": {"count": 1, "health": {"conditions": [{"type": "-", "status": "true"}]}}},
            [
                "spec.canaries.health.conditions[0].type: is not a type of a condition",
                "spec.canaries.health.conditions[0].status: is none of True, False, Unknown",
            ],
        ),
        ({"canaries": {"count": 1, "health": {"metrics": [METRIC]}}}, []),
        (
            {"canaries": {"count": 1, "health": {"metrics": [METRIC] * 6}}},
            ["spec.canaries.health.metrics: has more than 5"],
        ),
        (
            {
                "canaries": {
                    "count": 1,
                    "health": {
                        "metrics": [
                            {"source": "https://me", "query": ""},
                            {"source": "thanos", "query": "x" * 2001},
                            {"source": "n" * 64, "query": "up{a=$cluster}"},
                        ],
                    },
                }
            },
            [
                "spec.canaries.health.metrics[0].source: is not the name of a source",
                "spec.canaries.health.metrics[0].query: has not 1 to 2000 characters",
                "spec.canaries.health.metrics[1].query: has not 1 to 2000 characters",
                "spec.canaries.health.metrics[2].source: is not the name of a source",
                "spec.canaries.health.metrics[2].query: has $cluster outside of a quoted string",
            ],
        ),
        *(({"failureBudget": {"maximum": each}}, []) for each in (0, "0%", "7%", "100%")),
        *(
            (
                {"failureBudget": {"maximum": wrong}},
                [
                    f'spec.failureBudget.maximum: "{wrong}" is neither a number from 0 on nor "0%" '
                    'to "100%"'
                ],
            )
            for wrong in (-1, "101%", "5", "")
        ),
        (
            {"failureBudget": {"withinMinutes": 10081}},
            ["spec.failureBudget.withinMinutes: is not from 0 to 10080"],
        ),
        *(
            ({"failureBudget": {"per": "Hub", **each}}, [ON_THE_HUB])
            for each in ({"maximum": 1}, {"maximum": "1%", "withinMinutes": 60})
        ),
        ({"failureBudget": {"per": "Hub", "maximum": 1, "withinMinutes": 60}}, []),
        ({"breaker": {"sameCause": 3}}, []),
        ({"breaker": {}}, ["spec.breaker: has neither sameCause nor percent"]),
        (
            {"breaker": {"percent": 101, "windowMinutes": 0}},
            [
                "spec.breaker: percent is not from 0 to 100, or sameCause is less than 0",
                "spec.breaker.windowMinutes: is not from 1 to 10080",
            ],
        ),
        (
            {"actions": ["Dance", "Abort", "Prep"]},
            [
                "spec.actions: there is no action Dance",
                "spec.actions: no policy may hold Abort, which leads clusters back",
            ],
        ),
        (
            {"clusters": {"selector": BAD_OPERATOR}, "rollouts": {"selector": BAD_OPERATOR}},
            [
                f"spec.{path}.selector.matchExpressions[0] (key site): "
                '"Like" is not an operator: use In, NotIn, Exists or DoesNotExist'
                for path in ("rollouts", "clusters")
            ],
        ),
    ],
)
def test_faults(spec: dict[str, Any], found: list[str]) -> None:
    assert list(faults(policy(**spec).spec)) == found
