"""Pauses of an update that hub and journal have both forgotten (R31.6, R48)."""

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.model import Kind, Outcome, RolloutState, names
from tests.core.drivers.cluster_version.test_pauses_in_the_engine import (
    CHECK,
    PAUSES,
    UID,
    pausing,
    spoke,
)
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.restores import backup, journal, restore_both
from tests.oracle.logs import certify, log_of, told
from tests.oracle.update_proofs import UPDATE_PROOFS


def test_pools_are_resumed_though_nobody_remembers_their_pause() -> None:
    """The backups are from before the update; by now it is under way, and its pools are paused."""
    engine = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    spoke(engine).pools = ["canary", "worker"]
    spoke(engine).checks = [CHECK]
    engine.apply(pausing("Update", "Pools", pauses=PAUSES))
    engine.until(Kind.STEP_STARTED)
    saved = backup(engine), journal(engine)
    engine.wait(minutes=15)
    assert {"canary", "worker"} <= set(spoke(engine).paused)
    asked = list(spoke(engine).asked_for)
    restore_both(engine, *saved)
    engine.wait(minutes=10)
    assert engine.tracked(UID).rollout.stands_still
    engine.annotate(UID, resume="1")
    engine.wait(minutes=1)
    assert engine.member(UID, 0, "site-1").paused_since is not None
    engine.drive()
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE
    assert engine.member(UID, 1, "site-1").outcome is Outcome.SUCCEEDED
    assert UID not in spoke(engine).paused.values()
    assert spoke(engine).asked_for == asked
    assert told(certify(log_of(engine), proofs={names.FLEET_UPDATE: UPDATE_PROOFS})) == []
