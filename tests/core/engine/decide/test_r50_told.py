"""R50: the history says which policy keeps a cluster."""

from ibgu.core.model import OnMember
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.gates.policies.policy import policy, reason, set_policies


def test_the_history_names_the_policy_that_keeps_a_cluster() -> None:
    engine = InMemoryEngine("site")
    window = {"cron": "0 1 * * *", "durationMinutes": 240, "timeZone": "UTC"}
    set_policies(engine, policy("night", windows=[window]))
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    words = "the policy's window opens at 01:00 UTC on 1 January 2026"
    assert reason(engine, "uid-a", "site").message == words
    decided = [each.decision for each in engine.said]
    told = [each.why for each in decided if isinstance(each, OnMember)]
    assert told[-1] == f"RolloutPolicy/night: {words}"
