"""R18.2, R19.3: a member that lost its slot inside its chain meets the gates of what follows."""

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.engine.state.snapshot import SeedState
from ibgu.core.model import Kind, MemberState, Outcome
from tests.core.drivers.cluster_version.test_update_in_the_engine import UID, fleet_update
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.engine.decide.fleet import InMemoryEngine

UNKNOWN = SeedState(problem="ibgu may not list SeedImages")


def test_a_breaker_that_is_not_about_the_first_action_keeps_the_second() -> None:
    engine = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    engine.apply(fleet_update("Check Update", concurrency=1))
    engine.until(Kind.RUN_ENDED)
    engine.until(Kind.RUN_ARMING)
    engine.frozen.add("site-1")
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(minutes=2)
    engine.seeds = UNKNOWN
    engine.spokes["site-1"].dark = False
    engine.frozen.clear()
    begun = len(engine.told(Kind.RUN_INTENDED))
    engine.touch_everything()
    engine.wait(hours=1)
    found = engine.member(UID, 0, "site-1")
    assert (found.state, found.action_index) == (MemberState.WAITING, 1)
    assert "SeedImages" in found.reason.message
    assert len(engine.told(Kind.RUN_INTENDED)) == begun
    engine.seeds = SeedState()
    engine.touch_everything()
    engine.wait(hours=5)
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_breaker_that_closes_before_the_arming_makes_no_loop() -> None:
    engine = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    engine.apply(fleet_update("Check Update", concurrency=1))
    engine.until(Kind.RUN_ENDED)
    engine.until(Kind.RUN_ARMING)
    engine.forbidden = True
    engine.seeds = UNKNOWN
    engine.wait(minutes=5)
    engine.allow()
    engine.wait(hours=1)
    assert len(engine.told(Kind.RUN_INTENDED)) <= 3
    assert not engine.member(UID, 0, "site-1").finished
