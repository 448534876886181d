"""Reading TALM's works."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import asdict

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.talm import names, shown_talm_work, view_talm_work
from tests.core.talm.objects import as_work, work


def seen(**changes: Any) -> dict[str, Any]:
    given = {"cluster": "site-1", "action": Action.PREP, **changes}
    return asdict(view_talm_work(as_work(work(**given))))


def test_a_work_that_is_under_way() -> None:
    assert seen() == {
        "name": "fleet.a-prep-x7k2p",
        "cluster": "site-1",
        "uid": "talm-site-1-Prep",
        "resource_version": "7",
        "generation": 1,
        "group": ("fleet", "a-prep-0"),
        "stage": Stage.PREP,
        "created": datetime(2026, 1, 1, tzinfo=UTC),
        "terminating": False,
        "orphan": True,
        "applied": True,
        "stage_applied": True,
    }


@pytest.mark.parametrize("action", list(Action))
def test_the_stage_of_every_action(action: Action) -> None:
    assert seen(action=action)["stage"] == action.stage


def test_a_refused_stage_and_a_refused_payload() -> None:
    found = seen(error="no such CRD")
    assert (found["applied"], found["stage_applied"]) == (False, False)
    found = seen(payload_error="namespace not found")
    assert (found["applied"], found["stage_applied"]) == (False, True)


def test_an_answer_to_an_older_version_counts_for_nothing() -> None:
    found = seen(generation=2)
    assert (found["applied"], found["stage_applied"]) == (False, False)


@pytest.mark.parametrize("annotation", ["", "{", "[]", '[{"name": "isSomethingElse"}]', "3"])
def test_a_work_about_something_else(annotation: str) -> None:
    found = seen(annotations={names.EXPECTED: annotation}, creationTimestamp="")
    assert (found["stage"], found["created"]) == (None, None)


def test_a_work_without_orphaning_is_recognized() -> None:
    assert not seen(orphan=False)["orphan"]
    obj = work("site-1", Action.PREP)
    obj["spec"]["deleteOption"]["propagationPolicy"] = "Foreground"
    assert not view_talm_work(as_work(obj)).orphan


def test_a_work_without_any_status() -> None:
    obj = work("site-1", Action.PREP)
    obj["status"] = {}
    found = view_talm_work(as_work(obj))
    assert (found.applied, found.stage_applied) == (False, False)


def test_a_mirrored_work_keeps_its_view_and_identity() -> None:
    found = as_work(work("s1", Action.PREP, resourceVersion="7"))
    shown = shown_talm_work(found)
    meta = shown.metadata
    assert shown.view == view_talm_work(found)
    assert (meta.namespace, meta.name, meta.resource_version) == ("s1", shown.view.name, "7")
    assert tuple(meta.labels.values()) == shown.view.group
