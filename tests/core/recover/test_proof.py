"""Proofs that the hub was restored, and what proves nothing, however much of it is found."""

from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Member, Reason, ReasonKind, RunState
from ibgu.core.recover import (
    Versions,
    generation_back,
    returned,
    runs_back,
    versions_back,
    versions_of,
)
from tests.core.engine.state.records import NOW, in_flight, member, rollout, run, step
from tests.core.recover.objects import UID, obj, track, work


@pytest.mark.parametrize(
    ("before", "now", "proved"),
    [
        (Versions({"works": 5}), Versions({"works": 4}), True),
        (Versions({"works": 5}), Versions({"works": 5}), False),
        (Versions({"works": 5}), Versions({"works": 6}), False),
        (Versions({"works": 5}), Versions(), False),
        (Versions({}, {"uid": 5}), Versions({}, {"uid": 4}), True),
        (Versions({}, {"uid": 5}), Versions({}, {"uid": 9}), False),
        (Versions({}, {"uid": 5}), Versions({}, {"other": 1}), False),  # it was deleted since
        (Versions(), Versions({"works": 1}, {"uid": 1}), False),  # the first start
    ],
)
def test_older_resource_versions_prove_a_restore(
    before: Versions, now: Versions, *, proved: bool
) -> None:
    assert bool(list(versions_back(before, now))) == proved


def test_versions_of_a_mirror() -> None:
    found = [obj(resource_version="17"), obj(uid="uid-b", resource_version="opaque")]
    assert versions_of(found, {"works": 3}) == Versions({"works": 3}, {UID: 17, "uid-b": 0})


@pytest.mark.parametrize(
    ("shown", "hold", "proved"),
    [
        (2, None, True),
        (3, None, False),
        (4, None, False),
        (2, Reason(ReasonKind.RESTORED, NOW), False),  # held: it does not follow its object
        (2, Reason(ReasonKind.INVALID_PLAN, NOW), True),
    ],
)
def test_an_older_generation_proves_a_restore(
    shown: int, hold: Reason | None, *, proved: bool
) -> None:
    known = track(rollout(generation=3, hold=hold))
    assert bool(list(generation_back(known, obj(generation=shown)))) == proved


@pytest.mark.parametrize(
    ("meta", "proved"),
    [
        ({}, True),
        ({"uid": "uid-new"}, False),  # applied again
        ({"deletion_timestamp": "2026-01-01T00:00:00Z"}, False),  # on its way out
    ],
)
def test_a_deleted_ibgu_that_is_back_proves_a_restore(
    meta: dict[str, Any], *, proved: bool
) -> None:
    assert bool(list(returned(obj(**meta), {UID}))) == proved


ARMED = in_flight(run=run(id="run-2", state=RunState.ARMED))
FOREIGN = {"run-9"}


@pytest.mark.parametrize(
    ("of", "marks", "proved"),
    [
        (ARMED, {}, True),
        (in_flight(run=run(id="run-2", state=RunState.ENDED)), {}, True),
        (in_flight(run=run(id="run-2", state=RunState.ARMING, armed_generation=None)), {}, False),
        # Put back by hand: annotations make no new generation, and a new one is no older one.
        (in_flight(run=run(id="run-2", armed_generation=3)), {}, False),
        (in_flight(run=run(id="run-2", armed_generation=2)), {}, False),
        (ARMED, {"run": "run-2"}, False),
        (ARMED, {"run": "run-9"}, False),  # unknown: the journal is behind
        (ARMED, {"run": ""}, False),
        (ARMED, {"generation": "2"}, False),  # edited by hand, or put there from a file
        (ARMED, {"restore": "r1"}, False),  # written since another restore
        (member(), {}, False),
    ],
)
def test_a_work_with_an_older_run_proves_a_restore(
    of: Member, marks: dict[str, str], *, proved: bool
) -> None:
    known = track(rollout(), step(), of)
    assert bool(list(runs_back(known, [work("site-1", **marks)], FOREIGN))) == proved


def test_works_that_are_missing_prove_nothing() -> None:
    """Somebody may have deleted all of them (R9.6)."""
    members = [in_flight(f"site-{n}", slot=n, run=run(id=f"run-{n}")) for n in range(1, 9)]
    assert not list(runs_back(track(rollout(), step(), *members), [], FOREIGN))


def test_works_of_others_prove_nothing() -> None:
    """A payload work, or another rollout's that the cluster's agent has labelled as this one's; a
    cluster that is no member, a work that is being deleted."""
    known = track(rollout(), step(), ARMED)
    assert not list(runs_back(known, [work("site-7")], FOREIGN))
    one = work("site-1")
    payload = replace(one, metadata=replace(one.metadata, name="other"))
    leaving = replace(one, view=replace(one.view, terminating=True))
    assert not list(runs_back(known, [payload, leaving], FOREIGN))


def test_a_shorter_plan_proves_nothing() -> None:
    """A person may have removed a step, where the CRD lets them (R1.4)."""
    known = track(rollout(generation=3), step("Prep"), step("Upgrade", 1))
    assert not list(generation_back(known, obj("Prep", generation=4)))
    assert Action.PREP in known.steps[0].step.actions


def test_a_proof_names_no_rollout_and_no_cluster() -> None:
    """Those of every namespace are held, and tell it."""
    known = track(rollout(generation=3), step(), ARMED)
    found = obj(generation=2)
    told = [
        *versions_back(Versions({}, {UID: 5}), Versions({}, {UID: 4})),
        *generation_back(known, found),
        *returned(found, {UID}),
        *runs_back(known, [work("site-1")], FOREIGN),
    ]
    assert told == [
        f"the rollout {UID} is at version 4, and was at 5 before",
        f"the rollout {UID} is at generation 2, and was at 3 before",
        f"the rollout {UID} was deleted, and is back with the same uid",
        "a work carries the run run-1, from before its cluster's newest, run-2",
    ]
