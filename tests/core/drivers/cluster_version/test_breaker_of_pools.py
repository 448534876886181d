"""R19: a release that breaks the nodes of resumed pools does not go through the fleet."""

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.model import Cause, ReasonKind
from ibgu.core.model.kinds import Pauses
from tests.core.drivers.cluster_version.test_pauses_in_the_engine import pausing
from tests.core.drivers.cluster_version.test_update_in_the_engine import UID, node
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.invariants import Invariants


def broken_by_pools(*steps: str) -> InMemoryEngine:
    """Twelve clusters take the release, two at a time, and the nodes of none survive it."""
    names = [f"site-{number:02}" for number in range(1, 13)]
    engine = InMemoryEngine(*names, driver=CLUSTER_VERSION, node=VersionNode)
    Invariants(engine)
    for name in names:
        node(engine, name).pools = ["worker"]
        node(engine, name).breaks_once_updated = True
    found = pausing(*steps, pauses=Pauses(pools=["worker"]), concurrency=2)
    plan = [
        replace(each, rollout_strategy=replace(each.rollout_strategy, timeout=3000))
        for each in found.spec.plan
    ]
    engine.apply(replace(found, spec=replace(found.spec, plan=plan)))
    engine.wait(hours=40)
    return engine


@pytest.mark.parametrize(("steps", "at"), [(("Update Pools",), 0), (("Update", "Pools"), 1)])
def test_pools_that_fail_engage_the_circuit_breaker(steps: tuple[str, ...], at: int) -> None:
    engine = broken_by_pools(*steps)
    tracked = engine.tracked(UID).steps[at]
    assert tracked.step.hold is not None
    assert tracked.step.hold.kind is ReasonKind.CIRCUIT_BREAKER
    assert {end.cause for end in tracked.ends} == {Cause.POOLS_FAILED}
    assert 5 <= len(tracked.ends) <= 7
    assert tracked.not_started >= 5
