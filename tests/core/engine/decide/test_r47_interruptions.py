"""A backup and the update behind it, interrupted anywhere: no Job is made once the update was asked
for, and none twice."""

from collections.abc import Callable
from copy import deepcopy

import pytest

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.model import Outcome
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.restores import (
    backup,
    journal,
    lose_journal,
    restore_hub,
    restore_journal,
    write_status,
)
from tests.core.engine.decide.test_r47_jobs import UID, saved

STRIDE = 3
AGO = 6
"""How many steps before it is lost the hub or the journal was saved."""


class WatchedNode(VersionNode):
    """A cluster that loses its Jobs once its update begins."""

    def _start(self) -> None:
        super()._start()
        self.jobs.clear()

    def make_job(self, name: str) -> None:
        assert "Update" not in [stage for _, stage in self.executed], "a backup in mid-update"
        assert name not in self.made, "a second backup of one run"
        super().make_job(name)


def begun() -> InMemoryEngine:
    engine = InMemoryEngine("site-1", "site-2", driver=CLUSTER_VERSION, node=WatchedNode)
    Invariants(engine)
    engine.apply(saved("Backup Update", concurrency=1, timeout=1200))
    return engine


def over(engine: InMemoryEngine) -> bool:
    tracked = engine.fleet.rollouts.get(UID)
    return tracked is not None and tracked.current is None and bool(tracked.steps)


def restarted(engine: InMemoryEngine, saved_before: InMemoryEngine) -> None:
    engine.restart()


def journal_lost(engine: InMemoryEngine, saved_before: InMemoryEngine) -> None:
    lose_journal(engine)


def journal_restored(engine: InMemoryEngine, saved_before: InMemoryEngine) -> None:
    restore_journal(engine, journal(saved_before))


def hub_restored(engine: InMemoryEngine, saved_before: InMemoryEngine) -> None:
    restore_hub(engine, backup(saved_before))


@pytest.mark.slow("every-point")
@pytest.mark.parametrize("interrupt", [restarted, journal_lost, journal_restored, hub_restored])
def test_an_interruption_anywhere_makes_no_second_backup(
    interrupt: Callable[[InMemoryEngine, InMemoryEngine], None],
) -> None:
    point = AGO
    while True:
        point += STRIDE
        engine, before = begun(), begun()
        for number in range(point):
            if over(engine):
                assert point > 40
                return
            engine.step()
            if UID in engine.fleet.rollouts:
                write_status(engine, UID)
            if number < point - AGO:
                before.step()
        interrupt(engine, deepcopy(before) if UID in before.fleet.rollouts else engine)
        engine.settle()
        engine.wait(minutes=5)
        engine.annotate(UID, resume=f"{point}")
        engine.drive()
        for name in engine.spokes:
            assert engine.member(UID, 0, name).outcome is not None
            assert len(engine.spokes[name].made) <= 2
        assert engine.member(UID, 0, "site-1").outcome in (Outcome.SUCCEEDED, Outcome.FAILED)
        assert not engine.jobs
