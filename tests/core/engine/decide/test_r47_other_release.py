"""A backup from before another rollout has upgraded the cluster serves no update (R47.6)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import FleetState
from ibgu.core.engine.state.action_ends import release_changed_at
from ibgu.core.model import (
    Cause,
    CompletedAction,
    Kind,
    Member,
    Outcome,
    RunResult,
    names,
)
from ibgu.core.model.kinds import Release
from tests.core.drivers.cluster_version.test_update_in_the_engine import fleet_update
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.drivers.cluster_version.version_samples import NEW, VIA
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.test_r47_jobs import SITES, UID, engine, saved, spoke, stages
from tests.core.engine.state.records import NOW, done, failed, in_flight, run
from tests.oracle.logs import certify, log_of, told
from tests.oracle.update_proofs import UPDATE_PROOFS

__all__ = ["engine"]

OTHER = "uid-other"


def other(engine: InMemoryEngine, *steps: str) -> None:
    """Applies a newer FleetUpdate, to the release between."""
    for name in engine.spokes:
        spoke(engine, name).version = "4.15.3"
    found = fleet_update(*steps, name="other", concurrency=3)
    assert found.spec.update is not None
    update = replace(found.spec.update, release=Release("4.15.20", VIA))
    meta = replace(found.metadata, creation_timestamp=engine.now.isoformat())
    engine.apply(replace(found, metadata=meta, spec=replace(found.spec, update=update)))


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_backup_from_before_another_rollouts_update_is_too_old(
    engine: InMemoryEngine, forgotten: bool
) -> None:
    engine.apply(saved("Backup", age=10_000))
    engine.drive()
    other(engine, "Update")
    engine.drive()
    if forgotten:
        engine.delete(OTHER)
        engine.drive()
        engine.fleet.forget(OTHER)
    engine.append(UID, "Update")
    engine.drive()
    for name in SITES:
        late = engine.member(UID, 1, name)
        assert (late.outcome, late.cause) == (Outcome.FAILED, Cause.WRONG_STATE)
        assert late.message.startswith("Update needs a Backup of this rollout from after 2026-01-")
        assert late.message.endswith(
            ": another rollout has upgraded the cluster since, or rolled it back"
        )
        assert spoke(engine, name).asked_for == [VIA]


def test_a_backup_is_taken_once_more_if_another_rollout_comes_in_between(
    engine: InMemoryEngine,
) -> None:
    """The cluster is away when its Update begins, so that the member waits without a slot."""
    engine.apply(saved("Backup Update", concurrency=1, age=10_000, timeout=600))
    engine.until(Kind.RUN_INTENDED)
    engine.until(Kind.RUN_INTENDED)
    spoke(engine).dark = True
    engine.touch_cluster("site-1")
    engine.annotate(UID, pause="yes")
    engine.wait(minutes=5)
    spoke(engine).dark = False
    other(engine, "Update")
    engine.touch_cluster("site-1")
    engine.wait(hours=3)
    unpaused = replace(engine.ibgus[UID].metadata, annotations={})
    engine.apply(replace(engine.ibgus[UID], metadata=unpaused))
    engine.drive()
    assert stages(engine, "site-1") == ["Backup", "Update", "Backup", "Update"]
    assert spoke(engine).asked_for == [VIA, NEW]
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_an_action_that_leaves_the_release_alone_makes_no_backup_older(
    engine: InMemoryEngine,
) -> None:
    engine.apply(saved("Backup", age=10_000))
    engine.drive()
    other(engine, "Check Mirror")
    engine.drive()
    engine.append(UID, "Update")
    engine.drive()
    assert {engine.member(UID, 1, name).outcome for name in SITES} == {Outcome.SUCCEEDED}


def test_the_certifier_knows_a_backup_from_before_another_rollouts_update(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FleetState, "release_changed", lambda *_: None)
    engine = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    engine.apply(saved("Backup", age=10_000))
    engine.drive()
    other(engine, "Update")
    engine.drive()
    engine.append(UID, "Update")
    engine.drive()
    found = certify(log_of(engine), proofs={names.FLEET_UPDATE: UPDATE_PROOFS})
    starts, asks = told(found)
    assert "site-1 starts Update with a Backup from before another rollout's upgrade" in starts
    assert "site-1 is asked for Update with a Backup from before another" in asks


def test_the_log_says_what_came_first_where_a_clock_was_set_back() -> None:
    engine = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    other(engine, "Update")
    engine.drive()
    engine.apply(saved("Backup Update", age=10_000))
    engine.drive()
    assert spoke(engine).asked_for == [VIA, NEW]
    ahead = timedelta(days=7)
    log = [
        replace(each, at=each.at + ahead) if each.rollout == OTHER else each
        for each in log_of(engine)
    ]
    found = told(certify(log, proofs={names.FLEET_UPDATE: UPDATE_PROOFS}))
    assert [each for each in found if each.startswith("order: ")] == []


LATE = NOW + timedelta(hours=1)


def test_a_start_reads_when_rollouts_that_are_over_have_changed_a_release() -> None:
    fleet = FleetState()
    fleet.load([], [], [], [], release_changes=[("uid-site-1", LATE), ("uid-site-1", NOW)])
    assert fleet.release_changed(in_flight("site-1")) == LATE
    assert fleet.release_changed(in_flight("site-2")) is None


def completed(action: str, **changes: Any) -> Member:
    return replace(done("site-1"), completed=(replace(CompletedAction(action, NOW), **changes),))


@pytest.mark.parametrize(
    ("found", "at"),
    [
        (in_flight(), None),
        (completed(Action.PREP), None),
        (completed(Action.UPGRADE), NOW),
        (completed(Action.ROLLBACK), NOW),
        (completed(Action.UPGRADE, skipped=True), None),
        (completed(Action.UPGRADE, note="completed late, after 47 min"), NOW),
        (in_flight(run=run(Action.UPGRADE, arming_at=LATE)), LATE),
        (failed(), NOW),
        (failed(result=RunResult.REFUSED), None),
        (failed(result=RunResult.WITHDRAWN), None),
    ],
)
def test_only_what_reboots_into_another_release_changes_it(
    found: Member, at: datetime | None
) -> None:
    assert release_changed_at(found) == at
