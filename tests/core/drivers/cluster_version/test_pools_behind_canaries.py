"""R50.11: what a FleetUpdate has paused is resumed behind canaries, too."""

from typing import Any

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.engine.state import TrackedStep
from ibgu.core.model import Outcome, ReasonKind
from ibgu.core.model.kinds import Pauses
from tests.core.drivers.cluster_version.test_pauses_in_the_engine import pausing
from tests.core.drivers.cluster_version.test_update_in_the_engine import UID, node
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.policy import policy, set_policies


def paused(**spec: Any) -> InMemoryEngine:
    """Four clusters have taken the release; the pool of the first one breaks once it is resumed."""
    engine = InMemoryEngine(
        *(f"site-{n}" for n in range(1, 5)), driver=CLUSTER_VERSION, node=VersionNode
    )
    Invariants(engine)
    for name in engine.spokes:
        node(engine, name).pools = ["worker"]
    set_policies(engine, policy("first", actions=["Pools"], **spec))
    engine.apply(pausing("Update", "Pools", pauses=Pauses(pools=["worker"]), concurrency=4))
    engine.wait(minutes=30)
    node(engine, "site-1").breaks.add("worker")
    engine.wait(hours=1)
    return engine


def pools(engine: InMemoryEngine) -> TrackedStep:
    return engine.tracked(UID).steps[1]


def test_a_canary_that_fails_holds_the_others() -> None:
    engine = paused(canaries={"count": 1, "soakMinutes": 60}, approval={"before": "Rest"})
    hold = pools(engine).step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.FAILURE_BUDGET
    assert pools(engine).not_started == 3
    engine.annotate(UID, resume="1")
    engine.wait(hours=1)
    assert pools(engine).not_started == 3  # until somebody approves
    assert pools(engine).step.hold is None


def test_a_spent_budget_keeps_nobody_from_being_resumed() -> None:
    engine = paused(failureBudget={"maximum": 0}, inFlight=1)
    assert +pools(engine).counts == {Outcome.FAILED: 1, Outcome.SUCCEEDED: 3}
