"""R50: what a FleetUpdate has paused is resumed under policies, too."""

from datetime import timedelta
from typing import Any

import pytest

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.engine.state import TrackedStep
from ibgu.core.model import Kind, Outcome, ReasonKind
from ibgu.core.model.kinds import Pauses
from tests.core.drivers.cluster_version.test_pauses_in_the_engine import pausing
from tests.core.drivers.cluster_version.test_update_in_the_engine import UID, node
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.policy import policy, set_policies


def sites(concurrency: int, **spec: Any) -> InMemoryEngine:
    """Four clusters take the release, with a policy for what comes after that."""
    engine = InMemoryEngine(
        *(f"site-{n}" for n in range(1, 5)), driver=CLUSTER_VERSION, node=VersionNode
    )
    Invariants(engine)
    for name in engine.spokes:
        node(engine, name).pools = ["worker"]
    set_policies(engine, policy("first", actions=["Pools"], **spec))
    engine.apply(
        pausing("Update", "Pools", pauses=Pauses(pools=["worker"]), concurrency=concurrency)
    )
    return engine


def paused(**spec: Any) -> InMemoryEngine:
    """The pool of the first cluster breaks once it is resumed."""
    engine = sites(4, **spec)
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


@pytest.mark.parametrize(("dark", "succeeded"), [(False, 3), (True, 0)])
def test_a_hung_cluster_leaves_its_place_unless_it_may_reboot_unseen(
    dark: bool, succeeded: int
) -> None:
    """A pool that is resumed reboots nodes: a dark cluster would count after its end, too."""
    engine = sites(2, inFlight=1)
    engine.until(Kind.STEP_FINISHED)
    engine.until(Kind.RUN_ACCEPTED)
    engine.frozen.add("site-1")
    engine.spokes["site-1"].dark = dark
    engine.touch_cluster("site-1")
    engine.wait(hours=5)
    counts, hung = pools(engine).counts, engine.member(UID, 1, "site-1")
    assert hung.ended_at is not None
    assert hung.limit is not None
    assert (hung.ended_at - hung.limit > timedelta(minutes=1)) is dark
    assert (counts[Outcome.FAILED], counts[Outcome.SUCCEEDED]) == (4 - succeeded, succeeded)
