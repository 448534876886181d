"""Rate limits of a step whose Update comes behind other actions: they are for all of it."""

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.model import MemberState, names
from tests.core.drivers.cluster_version.test_update_in_the_engine import UID, fleet_update
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.oracle.logs import certify, log_of, told

SITES = [f"site-{number}" for number in range(1, 9)]
STEPS = ["Update", "Check Update", "Mirror Update"]


def under_way(step: str, **annotations: str) -> InMemoryEngine:
    """Returns a fleet of eight, which may all be in flight, after 50 seconds."""
    engine = InMemoryEngine(*SITES, driver=CLUSTER_VERSION, node=VersionNode)
    asked = fleet_update(step, concurrency=len(SITES))
    meta = replace(asked.metadata, annotations={**asked.metadata.annotations, **annotations})
    engine.apply(replace(asked, metadata=meta))
    engine.wait(seconds=50)
    return engine


def in_flight(engine: InMemoryEngine) -> int:
    members = (engine.member(UID, 0, site) for site in SITES)
    return sum(member.state is MemberState.IN_FLIGHT for member in members)


@pytest.mark.parametrize("step", STEPS)
def test_an_update_behind_other_actions_ramps_up(step: str) -> None:
    """All clusters were asked for the release at once, though one was to go first."""
    engine = under_way(step, **{names.RAMP_UP: "true"})
    assert in_flight(engine) == 1
    engine.wait(hours=30)
    assert told(certify(log_of(engine))) == []


@pytest.mark.parametrize("step", STEPS)
def test_an_update_behind_other_actions_starts_by_its_rate(step: str) -> None:
    engine = under_way(step, **{names.STARTS_PER_MINUTE: "2"})
    assert len([site for site in SITES if engine.member(UID, 0, site).attempts]) == 2


@pytest.mark.parametrize("step", STEPS)
def test_a_rate_limit_that_cant_be_read_holds_it(step: str) -> None:
    assert in_flight(under_way(step, **{names.RAMP_UP: "nonsense"})) == 0


def test_a_step_without_such_an_action_has_no_limits() -> None:
    engine = under_way("Check", **{names.RAMP_UP: "nonsense"})
    engine.wait(hours=1)
    assert all(engine.member(UID, 0, site).finished for site in SITES)
