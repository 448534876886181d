"""The removal of TALM's works: which, and when."""

from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Reason, ReasonKind
from ibgu.core.talm import TalmWork, names, view_talm_work
from ibgu.core.talm.adopt import (
    DeletedGroup,
    Removal,
    Traces,
    harmless,
    left_to_talm,
    may_remove,
    works_to_remove,
)
from tests.core.engine.decide.builders import START
from tests.core.engine.state.records import rollout
from tests.core.talm.objects import as_work, work


def talm_work(**given: Any) -> TalmWork:
    return view_talm_work(as_work(work("s1", Action.PREP, **given)))


@pytest.mark.parametrize(
    ("given", "removal"),
    [
        ({}, Removal.DELETE),
        ({"applied": False}, Removal.DELETE),  # never changed since TALM made it with Orphan
        ({"deletionTimestamp": "2026-01-01T00:00:00Z"}, None),
        ({"orphan": False}, Removal.ORPHAN),
        ({"generation": 2}, None),  # Orphan by now, but does the agent know?
        ({"generation": 1, "payload_error": "no such namespace"}, Removal.DELETE),
    ],
)
def test_the_removal_of_a_work_depends_on_its_state(
    given: dict[str, Any], removal: Removal | None
) -> None:
    found = talm_work(**given)
    expected = [] if removal is None else [(found, removal)]
    assert list(works_to_remove(Traces(works={"s1": [found]}), lambda _: True)) == expected


def test_a_change_that_the_agent_has_taken() -> None:
    obj = work("s1", Action.PREP, generation=2)
    for conditions in (obj["status"]["conditions"],):
        conditions[0]["observedGeneration"] = 2
    found = view_talm_work(as_work(obj))
    assert list(works_to_remove(Traces(works={"s1": [found]}), lambda _: True)) == [
        (found, Removal.DELETE)
    ]


@pytest.mark.parametrize(
    ("given", "harms_nobody"),
    [
        ({}, True),
        ({"deletionTimestamp": "2026-01-01T00:00:00Z"}, True),
        ({"orphan": False}, False),
        ({"generation": 2}, False),
    ],
)
def test_when_a_group_upgrade_may_go(given: dict[str, Any], harms_nobody: bool) -> None:
    """A live TALM deletes the works of a ClusterGroupUpgrade with it."""
    traces = Traces(works={"s1": [talm_work(**given)], "s2": [talm_work()]}, left=1)
    assert harmless(traces, lambda _: True) is harms_nobody
    assert not harmless(traces, lambda _: False)


def test_a_live_talm_deletes_the_works_of_what_is_deleted() -> None:
    deleting = Traces(left=2, deleting=(DeletedGroup("default/a", (names.FINALIZER,)),))
    assert left_to_talm(deleting, beside=True)
    assert not left_to_talm(deleting, beside=False)
    assert not left_to_talm(Traces(left=2), beside=True)


def test_to_remove_depends_on_leftover_works_and_templates() -> None:
    assert Traces(left=1).to_remove
    assert Traces(templates=True).to_remove
    assert not Traces().to_remove


def test_only_what_may_go() -> None:
    traces = Traces(works={"s1": [talm_work()], "s2": [talm_work()]})
    assert len(list(works_to_remove(traces, lambda _: True))) == 2
    assert list(works_to_remove(traces, lambda _: False)) == []


@pytest.mark.parametrize(
    ("taken_over", "hold", "may"),
    [
        (False, None, False),
        (True, None, True),
        (True, ReasonKind.ADOPTING, True),
        (True, ReasonKind.RESTORED, False),
    ],
)
def test_when_it_goes(taken_over: bool, hold: ReasonKind | None, may: bool) -> None:
    given = rollout(
        adopting_since=START if taken_over else None,
        hold=Reason(hold, START, "held") if hold else None,
    )
    assert may_remove(given) is may
