"""R7.7, R48.3: a success after the limit has to last, too, before anything is resumed."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.engine.works import DesiredWork, stage_patch
from ibgu.core.model import Kind
from tests.core.drivers.cluster_version.test_pauses_in_the_engine import (
    CHECK,
    PAUSES,
    UID,
    member,
    pausing,
    spoke,
)
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.engine.decide.fleet import InMemoryEngine


@pytest.fixture
def engine() -> InMemoryEngine:
    engine = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    spoke(engine).pools = ["canary", "worker"]
    spoke(engine).checks = [CHECK]
    return engine


def soaking(engine: InMemoryEngine, *steps: str, minutes: int = 600, pause: bool = False) -> None:
    engine.apply(pausing(*steps, pauses=replace(PAUSES, soak_minutes=minutes)))
    while not spoke(engine).completed:
        engine.wait(minutes=1)
    if pause:
        engine.annotate(UID, pause="x")
    engine.until(Kind.FINISHED)


def test_a_moment_of_darkness_is_no_end_of_the_late_soak(engine: InMemoryEngine) -> None:
    soaking(engine, "Update", "Pools")
    engine.wait(minutes=5)
    for dark in (True, False):
        spoke(engine).dark = dark
        engine.touch_cluster("site-1")
        engine.wait(minutes=1)
    assert set(spoke(engine).paused) == {"canary", "worker", CHECK}


def test_a_late_success_leaves_the_pools_to_the_step_that_is_still_to_come(
    engine: InMemoryEngine,
) -> None:
    soaking(engine, "Update", "Pools", pause=True)
    while not member(engine).late:
        engine.wait(minutes=1)
    assert not engine.told(Kind.RESUME_DUE)


def test_a_break_begins_the_late_soak_again(engine: InMemoryEngine) -> None:
    """The time before the limit counts; the time before a break does not."""
    soaking(engine, "Update", "Pools")
    engine.wait(minutes=300)
    spoke(engine).failing = True
    engine.touch_cluster("site-1")
    engine.agents()
    engine.wait(minutes=30)
    spoke(engine).failing = False
    engine.touch_cluster("site-1")
    engine.agents()
    well = engine.now
    engine.until(Kind.RESUME_DUE)
    assert engine.now - well >= timedelta(minutes=600)


def test_a_success_that_has_lasted_does_not_have_to_last_again(engine: InMemoryEngine) -> None:
    soaking(engine, "Update", minutes=60)
    engine.settle()
    assert engine.told(Kind.RESUME_DUE)


def test_the_work_for_a_dark_cluster_writes_no_pool(engine: InMemoryEngine) -> None:
    engine.apply(pausing("Update", "Pools"))
    engine.until(Kind.STEP_FINISHED)
    engine.settle()
    spoke(engine).dark = True
    engine.touch_cluster("site-1")
    engine.delete(UID)
    for _ in range(3):
        engine.turn()
        if (UID, "site-1") in engine.writes:
            break
    wanted, seen = engine.writes[UID, "site-1"], engine.observe(UID, "site-1")
    assert isinstance(wanted, DesiredWork)
    assert wanted.resuming
    assert seen.stage is not None
    rollout = engine.tracked(UID).rollout
    body = stage_patch(CLUSTER_VERSION, wanted, rollout, seen.stage, watch=True)
    assert b'"paused":false' not in body
