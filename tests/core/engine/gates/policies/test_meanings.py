"""Every reason of a policy's gate names the rule by which other processes explain it."""

from typing import Any

import pytest

from ibgu.core.engine.gates.policies import MEANINGS
from ibgu.core.model import PolicyRule
from ibgu.core.model.names import HOLD
from ibgu.core.model.rollout_policy import PolicyState
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.gates.policies.policy import policy, reason, set_policies

LONG: dict[str, Any] = {"from": "2020-01-01T00:00:00Z", "until": "2120-01-01T00:00:00Z"}
SHORT: dict[str, Any] = {"cron": "* * * * *", "durationMinutes": 1}
RULES: dict[PolicyRule, dict[str, Any]] = {
    PolicyRule.INVALID: {"inFlight": "many"},
    PolicyRule.TIMES: {"freezes": [LONG]},
    PolicyRule.TIME_ZONE: {"windows": [SHORT]},
    PolicyRule.NO_WINDOW: {"windows": [SHORT | {"timeZone": "UTC"}], "fit": True},
    PolicyRule.SOURCE: {
        "canaries": {"count": 1, "health": {"metrics": [{"source": "noc", "query": "up"}]}}
    },
    PolicyRule.CANARIES: {"canaries": {"count": 1}},
    PolicyRule.APPROVAL: {"approval": {}},
    PolicyRule.BACKUP: {"backup": "Required"},
    PolicyRule.LIMITS: {"inFlight": 1},
}
"""Rules of policies, each with a spec that keeps the second of two clusters by it."""


def kept() -> InMemoryEngine:
    engine = InMemoryEngine("site-1", "site-2", sources=set())
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=2))
    return engine


def rule_of(engine: InMemoryEngine) -> str:
    engine.touch_everything()
    engine.wait(minutes=2)
    return reason(engine, "uid-a", "site-2").rule


@pytest.mark.parametrize(("rule", "spec"), RULES.items(), ids=list(RULES))
def test_a_reason_names_the_rule_that_keeps_the_cluster(
    rule: PolicyRule, spec: dict[str, Any]
) -> None:
    engine = kept()
    set_policies(engine, policy(**spec))
    assert rule_of(engine) == rule


def test_policies_that_are_not_known_are_a_rule_of_their_own() -> None:
    engine = kept()
    engine.rollout_policies = PolicyState(problem="ibgu has not read the RolloutPolicies yet")
    assert rule_of(engine) == PolicyRule.UNKNOWN


def test_a_policy_that_can_not_be_read_is_invalid() -> None:
    engine = kept()
    engine.rollout_policies = PolicyState(unreadable=(("newer", "it has a field moon"),))
    assert rule_of(engine) == PolicyRule.INVALID


def test_a_hold_of_one_cluster_is_a_rule_without_policies() -> None:
    engine = kept()
    engine.annotations["site-2"] = {HOLD: "nora"}
    assert rule_of(engine) == PolicyRule.CLUSTER_HOLD


def test_every_rule_has_a_meaning_that_says_what_to_do() -> None:
    assert MEANINGS.keys() == set(PolicyRule)
    assert RULES.keys() == set(PolicyRule) - {PolicyRule.UNKNOWN, PolicyRule.CLUSTER_HOLD}
    assert all(each.means and each.ends and each.do for each in MEANINGS.values())
