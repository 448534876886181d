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
    twin = InMemoryEngine("site-1", "site-2", driver=CLUSTER_VERSION, node=WatchedNode)
    Invariants(twin)
    twin.apply(saved("Backup Update", concurrency=1, timeout=1200))
    return twin


def over(twin: InMemoryEngine) -> bool:
    tracked = twin.fleet.rollouts.get(UID)
    return tracked is not None and tracked.current is None and bool(tracked.steps)


def restarted(twin: InMemoryEngine, saved_before: InMemoryEngine) -> None:
    twin.restart()


def journal_lost(twin: InMemoryEngine, saved_before: InMemoryEngine) -> None:
    lose_journal(twin)


def journal_restored(twin: InMemoryEngine, saved_before: InMemoryEngine) -> None:
    restore_journal(twin, journal(saved_before))


def hub_restored(twin: InMemoryEngine, saved_before: InMemoryEngine) -> None:
    restore_hub(twin, backup(saved_before))


@pytest.mark.long
@pytest.mark.parametrize("interrupt", [restarted, journal_lost, journal_restored, hub_restored])
def test_an_interruption_anywhere_makes_no_second_backup(
    interrupt: Callable[[InMemoryEngine, InMemoryEngine], None],
) -> None:
    point = AGO
    while True:
        point += STRIDE
        twin, before = begun(), begun()
        for number in range(point):
            if over(twin):
                assert point > 40
                return
            twin.step()
            if UID in twin.fleet.rollouts:
                write_status(twin, UID)
            if number < point - AGO:
                before.step()
        interrupt(twin, deepcopy(before) if UID in before.fleet.rollouts else twin)
        twin.settle()
        twin.wait(minutes=5)
        twin.annotate(UID, resume=f"{point}")
        twin.drive()
        for name in twin.spokes:
            assert twin.member(UID, 0, name).outcome is not None
            assert len(twin.spokes[name].made) <= 2
        assert twin.member(UID, 0, "site-1").outcome in (Outcome.SUCCEEDED, Outcome.FAILED)
        assert not twin.jobs
