"""Pauses of an update, while people, clusters and the hub get in the way."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.engine.decide.member import accepted
from ibgu.core.model import Cause, Kind, OnRollout, Outcome, ReasonKind
from tests.core.drivers.cluster_version.test_pauses_in_the_engine import (
    CHECK,
    UID,
    member,
    pausing,
    spoke,
)
from tests.core.drivers.cluster_version.test_update_in_the_engine import fleet_update
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.invariants import Invariants

EVERYTHING = {"canary", "worker", CHECK}


@pytest.fixture
def twin() -> Iterator[InMemoryEngine]:
    twin = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    spoke(twin).pools = ["canary", "worker"]
    spoke(twin).checks = [CHECK]
    Invariants(twin)
    yield twin
    assert UID not in spoke(twin).paused.values()


def paused(twin: InMemoryEngine) -> set[str]:
    return set(spoke(twin).paused)


def another(twin: InMemoryEngine, action: str) -> None:
    """Applies a newer FleetUpdate for the same cluster."""
    other = fleet_update(action, concurrency=1)
    created = (twin.now + timedelta(seconds=1)).isoformat()
    meta = replace(other.metadata, name="y", uid="uid-y", creation_timestamp=created)
    twin.apply(replace(other, metadata=meta))


def until_asked(twin: InMemoryEngine) -> None:
    """Goes on until the cluster was asked for the release, and has not begun with it."""
    while spoke(twin).wanted == "":
        twin.step()
    assert not spoke(twin).started


def test_a_pause_that_was_never_reported_is_resumed(twin: InMemoryEngine) -> None:
    """The agent pauses, and is away before it reports; the rollout is deleted meanwhile."""
    twin.apply(pausing("Update", "Pools"))
    twin.until(Kind.RUN_ARMING)
    twin.muted.add("site-1")
    twin.wait(minutes=5)
    assert paused(twin) == EVERYTHING
    spoke(twin).dark = True
    twin.muted.discard("site-1")
    twin.touch_cluster("site-1")
    twin.delete(UID)
    twin.wait(hours=30)
    spoke(twin).dark = False
    twin.touch_cluster("site-1")
    twin.until(Kind.RESUMED)


def test_a_work_that_somebody_has_deleted_is_made_again_to_resume(twin: InMemoryEngine) -> None:
    twin.apply(pausing("Update", "Pools"))
    twin.until(Kind.STEP_FINISHED)
    twin.works.pop((UID, "site-1"))
    twin.touch_cluster("site-1")
    twin.delete(UID)
    twin.wait(hours=30)
    assert paused(twin) == set()


def test_a_restored_hub_reads_the_cluster_before_it_resumes(twin: InMemoryEngine) -> None:
    twin.apply(pausing("Update"))
    twin.until(Kind.RESUME_DUE)
    twin.frozen.add("site-1")
    twin.wait(minutes=1)
    restored = replace(twin.tracked(UID).rollout, restore="restore-1")
    decision = OnRollout(Kind.IMPORTED, restored, "the hub was restored")
    twin._take(decision, [])
    twin.records.write(decision)
    twin.frozen.discard("site-1")
    twin.restart()
    twin.until(Kind.RESUMED)


def test_an_update_that_was_asked_for_is_not_resumed_before_it_has_begun(
    twin: InMemoryEngine,
) -> None:
    """Otherwise it would roll all pools at once."""
    twin.apply(pausing("Update", "Pools"))
    until_asked(twin)
    twin.delete(UID)
    twin.wait(minutes=2)
    assert paused(twin) == EVERYTHING
    twin.until(Kind.RESUMED)
    assert spoke(twin).completed


def test_a_withdrawal_takes_the_cluster_before_everything_is_resumed(
    twin: InMemoryEngine,
) -> None:
    """An older rollout asks for the release, and a newer one withdraws that in time."""
    twin.apply(pausing("Update Pools"))
    until_asked(twin)
    another(twin, "Retract")
    twin.until(Kind.RESUMED)
    twin.drive()
    assert not spoke(twin).started
    assert twin.member("uid-y", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_another_rollout_waits_while_the_next_step_waits(twin: InMemoryEngine) -> None:
    twin.apply(pausing("Update", "Pools"))
    twin.until(Kind.JOINED)
    while not twin.tracked(UID).steps[1:]:
        twin.step()
    twin.annotate(UID, pause="1")
    another(twin, "Check")
    twin.wait(minutes=30)
    waits = twin.member("uid-y", 0, "site-1").reason
    assert (waits.kind, paused(twin)) == (ReasonKind.CLAIM, EVERYTHING)
    twin.delete(UID)
    twin.drive()
    assert twin.member("uid-y", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_pool_that_settles_late_is_not_all_of_them(twin: InMemoryEngine) -> None:
    """The first run of Pools ends by its limit; its pool settles afterwards."""
    twin.apply(pausing("Update", "Pools"))
    twin.until(Kind.STEP_FINISHED)
    twin.until(Kind.RUN_ACCEPTED)
    assert "canary" not in paused(twin)
    twin.frozen.add("site-1")
    twin.wait(hours=6)
    twin.frozen.discard("site-1")
    twin.agents()
    twin.frozen.add("site-1")
    twin.wait(hours=2)
    assert member(twin, 1).late == ""
    twin.frozen.discard("site-1")
    twin.touch_cluster("site-1")
    twin.until(Kind.RESUMED)


def test_pauses_that_show_late_are_no_update(twin: InMemoryEngine) -> None:
    twin.apply(pausing("Update Pools"))
    twin.until(Kind.RUN_ARMING)
    twin.muted.add("site-1")
    twin.wait(hours=6)
    twin.muted.discard("site-1")
    twin.touch_cluster("site-1")
    twin.until(Kind.RESUMED)
    assert (member(twin).late, spoke(twin).wanted) == ("", "")


def test_a_cluster_that_is_imported_again_is_resumed(twin: InMemoryEngine) -> None:
    """Another ManagedCluster stands for the same cluster."""
    twin.apply(pausing("Update", "Pools"))
    twin.until(Kind.STEP_FINISHED)
    spoke(twin).uid = "uid-new"
    twin.touch_cluster("site-1")
    twin.until(Kind.RESUMED)


def test_pauses_that_somebody_undoes_again_and_again_end_the_action(
    twin: InMemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepted, "MAX_RUNS", 1)
    twin.apply(pausing("Update Pools"))
    twin.drive()
    assert member(twin).cause is Cause.WRONG_STATE
    assert member(twin).message.startswith("after 1 runs Update is not done; the last one has ")
    assert spoke(twin).wanted == ""
