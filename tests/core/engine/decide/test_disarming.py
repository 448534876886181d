"""Disarming without new decisions: no journal, or a quarantined rollout (R9.2)."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.observe.ibu_view import IbuView
from ibgu.core.engine.decide import disarm_accepted, disarm_quarantined
from ibgu.core.engine.works import DesiredWork
from ibgu.core.model import ClusterView, Member, Observation, RunResult, RunState, WorkView
from tests.core.engine.state.records import NOW, book_of, in_flight, member, rollout, run, step

LIMIT = NOW + timedelta(hours=1)


CLUSTER = ClusterView(
    name="site-1", uid="uid-site-1", accepted=True, deleting=False, reachable=True, local=False
)


def work(**changes: Any) -> WorkView:
    fields: dict[str, Any] = {"armed": True, "run": "run-1", **changes}
    return WorkView(name="work", uid="w", resource_version="1", generation=1, **fields)


ARMED = work()
ECHO = IbuView(run="run-1", stage=Action.PREP.stage)
TAKEN = work(applied=True, target_applied=True, feedback=ECHO)
"""The cluster shows our stage, with our run."""


def running(state: RunState = RunState.ARMED, **changes: Any) -> Member:
    return in_flight(run=run(**{"state": state, "disarmed": False, **changes}), limit=LIMIT)


ENDED = running(RunState.ENDED, result=RunResult.FAILED, ended_at=NOW)
"""A run whose work may still be armed on the hub."""


def taken(found: Member, stage: WorkView | None, *, writing: bool = False) -> DesiredWork | None:
    tracked = book_of(rollout(restore="restore-1"), [step()], [found])
    return disarm_accepted(
        tracked, "site-1", Observation(cluster=CLUSTER, stage=stage, writing=writing)
    )


def aside(
    found: Member, stage: WorkView | None, *, asked_for: bool = True, writing: bool = False
) -> DesiredWork | None:
    tracked = book_of(rollout(restore="restore-1"), [step()], [found])
    seen = Observation(cluster=CLUSTER, stage=stage, writing=writing)
    return disarm_quarantined(tracked, "site-1", seen, NOW, asked_for=asked_for)


def test_an_echoed_run_is_disarmed_and_stays_on_the_work() -> None:
    """The work keeps limit and restore, for a start without the journal."""
    found = running()
    wanted = DesiredWork(armed=False, run=found.run, limit=LIMIT, restore="restore-1")
    assert taken(found, TAKEN) == wanted
    assert aside(found, TAKEN) == wanted


@pytest.mark.parametrize(
    ("found", "stage"),
    [
        (running(), ARMED),  # the cluster has not taken it: it is to do so
        (running(), None),
        (running(RunState.ACCEPTED, disarmed=True), TAKEN),  # someone else's arming
        (running(), replace(TAKEN, armed=False)),
        (running(), replace(TAKEN, terminating=True)),
        (running(), replace(TAKEN, feedback=replace(ECHO, run="run-0"))),
        (member(), TAKEN),  # nothing was begun
    ],
)
def test_other_works_are_not_changed_without_a_journal(
    found: Member, stage: WorkView | None
) -> None:
    assert taken(found, stage) is None


@pytest.mark.parametrize("asked_for", [True, False])
def test_nothing_is_written_while_a_write_is_on_its_way(asked_for: bool) -> None:
    assert taken(running(), TAKEN, writing=True) is None
    assert aside(running(), TAKEN, asked_for=asked_for, writing=True) is None


def test_a_quarantined_member_keeps_its_armed_run() -> None:
    assert aside(running(), ARMED) is None


def test_a_quarantined_run_no_longer_asked_for_is_disarmed() -> None:
    found = aside(running(), ARMED, asked_for=False)
    assert found is not None
    assert not found.armed


def test_a_quarantined_work_of_an_ended_run_is_disarmed() -> None:
    found = aside(ENDED, ARMED)
    assert found is not None
    assert not found.armed


def test_nothing_is_armed_for_a_quarantined_member() -> None:
    assert aside(running(RunState.ARMING), replace(ARMED, run="run-0")) is None


@pytest.mark.parametrize("asked_for", [True, False])
@pytest.mark.parametrize("stage", [None, work(armed=False), work(terminating=True)])
def test_disarmed_and_terminating_works_are_not_changed(
    stage: WorkView | None, asked_for: bool
) -> None:
    assert aside(ENDED, stage, asked_for=asked_for) is None


def test_a_cluster_that_the_rollout_does_not_know_is_none_of_its_business() -> None:
    tracked = book_of(rollout(), [step()], [])
    seen = Observation(cluster=CLUSTER, stage=TAKEN)
    assert disarm_accepted(tracked, "site-1", seen) is None
    assert disarm_quarantined(tracked, "site-1", seen, NOW, asked_for=False) is None
