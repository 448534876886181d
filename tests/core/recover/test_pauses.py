"""Pauses of a rollout that the journal has forgotten, and the cluster shows."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.engine.state import FleetState
from ibgu.core.model import (
    FeedbackView,
    Kind,
    Member,
    MemberState,
    OnMember,
    Rollout,
    WorkView,
    names,
)
from ibgu.core.model.kinds import ClusterUpdate, Pauses
from ibgu.core.model.shown import HubObject
from ibgu.core.recover import find, paused_again, rebuild
from tests.core.drivers.cluster_version.version_samples import seen
from tests.core.engine.state.records import NOW, done, member, rollout, step
from tests.core.recover.objects import UID, cluster, obj, track, work

LATER = NOW + timedelta(hours=1)


def shown(feedback: FeedbackView, **marks: str) -> HubObject[WorkView]:
    found = work("site-1", action="Update", arming="disarmed", **marks)
    view = replace(found.view, feedback=feedback, applied=True, target_applied=True)
    return replace(found, view=view)


def rebuilt(found: HubObject[WorkView], *, pauses: bool = False) -> Member:
    asked = replace(obj("Update", "Pools"), kind=names.FLEET_UPDATE)
    if pauses:
        update = ClusterUpdate(pause=Pauses(pools=["worker"]))
        asked = replace(asked, spec=replace(asked.spec, update=update))
    rollout = Rollout(uid=UID, namespace="fleet", name="a", created_at=NOW, spec=asked.spec)
    fleet = FleetState()
    fleet.foreign_runs.add("run-1")
    for decision in rebuild(
        CLUSTER_VERSION, rollout, find(asked, [found], cluster), fleet, "why", LATER
    ):
        fleet.apply(decision)
    return fleet.rollouts[UID].steps[0].members["site-1"]


@pytest.mark.parametrize(
    ("marks", "state"),
    [
        ({}, MemberState.IN_FLIGHT),
        ({"outcome": "continued"}, MemberState.WAITING),
        ({"outcome": "failed"}, MemberState.FINISHED),
    ],
)
def test_a_pause_that_the_cluster_shows_is_known_again(
    marks: dict[str, str], state: MemberState
) -> None:
    view = seen(run="run-1", stage="Update", pausing=True, pauses=(("worker", UID),))
    member = rebuilt(shown(view, **marks))
    assert member.state is state
    assert member.paused_since == LATER


def test_pauses_of_others_are_not_the_rollouts() -> None:
    assert rebuilt(shown(seen(pauses=(("worker", "uid-b"),)))).paused_since is None


@pytest.mark.parametrize(("asked", "paused"), [(True, True), (False, False)])
def test_an_armed_run_may_have_paused_what_nobody_has_reported(asked: bool, paused: bool) -> None:
    found = work("site-1", action="Update", arming="armed")
    armed = replace(found, view=replace(found.view, armed=True, feedback=None))
    assert (rebuilt(armed, pauses=asked).paused_since is not None) is paused


def again(found: HubObject[WorkView], *members: Member, pools: bool = True) -> list[OnMember]:
    asked = replace(obj("Update"), kind=names.FLEET_UPDATE)
    update = ClusterUpdate(pause=Pauses(pools=["worker"] if pools else []))
    spec = replace(asked.spec, update=update)
    tracked = track(replace(rollout(), kind=names.FLEET_UPDATE, spec=spec), step(), *members)
    return list(paused_again(CLUSTER_VERSION, tracked, find(asked, [found], cluster), LATER))


def armed_again() -> HubObject[WorkView]:
    found = work("site-1", action="Update", arming="armed")
    return replace(found, view=replace(found.view, armed=True, feedback=None))


def test_a_finished_cluster_that_a_restored_hub_may_pause_again_is_followed() -> None:
    (noted,) = again(armed_again(), done("site-1"))
    assert (noted.kind, noted.member.paused_since) == (Kind.PAUSED_AGAIN, LATER)


def test_a_pause_that_a_restored_hub_shows_is_followed() -> None:
    (noted,) = again(shown(seen(pauses=(("worker", UID),))), done("site-1"))
    assert noted.kind is Kind.PAUSED_AGAIN


def test_nothing_is_noted_where_a_restored_hub_pauses_nothing() -> None:
    assert again(armed_again(), done("site-1"), pools=False) == []
    assert again(shown(seen(pauses=(("worker", "uid-b"),))), done("site-1")) == []


def test_a_pause_that_the_journal_knows_is_not_noted_again() -> None:
    assert again(armed_again(), replace(done("site-1"), paused_since=NOW)) == []


def test_an_unfinished_cluster_is_followed_as_it_is() -> None:
    assert again(armed_again(), member("site-1")) == []
