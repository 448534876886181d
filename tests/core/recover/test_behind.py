"""Proofs that the journal is behind the hub."""

from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Member, RolloutState
from ibgu.core.model.kinds import ManagedFields
from ibgu.core.recover import behind, find
from tests.core.engine.state.records import done, failed, in_flight, rollout, step
from tests.core.recover.objects import OURS, cluster, completed, entry, obj, track, work

TALM = ManagedFields(manager="manager", operation="Update", subresource="status")
DONE = done("site-1", Action.PREP)
FAILED = failed("site-1", Action.PREP)


@pytest.mark.parametrize(("run", "proved"), [("run-1", False), ("run-2", True)])
def test_a_run_that_nobody_knows(run: str, *, proved: bool) -> None:
    found = find(obj(), [work("site-1", run)], cluster)
    known = track(rollout(), step(), in_flight())
    assert bool(behind(known, found, {"run-2"})) == proved


def test_the_clusters_that_show_such_runs_are_counted() -> None:
    """A restored journal shows many, a cluster that writes one itself shows one."""
    works = [work(f"site-{number}", f"lost-{number}") for number in range(1, 4)]
    known = track(rollout(), step(), in_flight())
    words = behind(known, find(obj(), works, cluster), {"lost-1", "lost-2", "lost-3"})
    assert words.startswith("the work of site-1 carries the run lost-1, which it does not know")
    assert words.endswith("works of 2 more clusters do so")
    assert "more" not in behind(known, find(obj(), works, cluster), {"lost-2"})


def test_a_work_that_was_not_made_for_the_rollout() -> None:
    """The label that its cluster's agent gives it does not matter."""
    found = work("site-1", "run-2")
    other = replace(found, metadata=replace(found.metadata, name="b-0123-stage"))
    signs = find(obj(), [other], cluster)
    assert (behind(track(rollout(), step(), in_flight()), signs, {"run-2"}), signs.begun) == (
        "",
        False,
    )


@pytest.mark.parametrize(
    ("member", "told", "proved"),
    [
        (in_flight(), entry("site-1", "Prep"), True),
        (in_flight(), entry("site-1", failed={"Prep": ""}), True),
        (in_flight(), entry("site-1", current="Prep"), False),
        (in_flight(), entry("site-9"), False),
        (in_flight(), entry("site-9", "Prep"), True),
        (DONE, entry("site-1", "Prep"), False),
        (DONE, entry("site-1"), False),  # the status comes after the journal
        (FAILED, entry("site-1", failed={"Prep": ""}), False),
        (FAILED, entry("site-1", "Prep"), True),  # it had completed late
        (DONE, entry("site-1", failed={"Prep": ""}), False),  # and this is from before that
    ],
)
def test_an_end_that_nobody_noted(member: Member, told: Any, *, proved: bool) -> None:
    found = find(obj(status={"clusters": [told]}), [], cluster)
    assert bool(behind(track(rollout(), step(), member), found, ())) == proved


@pytest.mark.parametrize(
    ("status", "proved"),
    [
        ({"summary": {"step": 1, "stepTotal": 1}}, False),
        ({"summary": {"step": 2, "stepTotal": 1}}, True),
        (completed(), True),
    ],
)
def test_a_step_that_nobody_knows(status: Any, *, proved: bool) -> None:
    found = find(obj("Prep", "Upgrade", status=status), [], cluster)
    assert bool(behind(track(rollout(), step(), DONE), found, ())) == proved


def test_a_journal_that_is_complete_itself() -> None:
    known = track(rollout(state=RolloutState.COMPLETE), step(), DONE)
    status = completed(clusters=[entry("site-1", "Prep")])
    assert behind(known, find(obj(status=status), [], cluster), ()) == ""


@pytest.mark.parametrize(("by", "proved"), [(OURS, True), (TALM, False)])
def test_only_a_status_written_by_ibgu_proves_the_journal_behind(
    by: ManagedFields, *, proved: bool
) -> None:
    """Beside a live TALM ibgu only watches: what TALM has done is in nobody's journal."""
    found = find(obj(status={"clusters": [entry("site-1", "Prep")]}, by=by), [], cluster)
    assert bool(behind(track(rollout()), found, ())) == proved
