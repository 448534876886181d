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
    assert seen(value="False", words="Prep failed") == {
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
        "stage_error": "",
        "payload_error": "",
        "available": True,
        "value": "False",
        "words": "Prep failed",
    }


@pytest.mark.parametrize("action", list(Action))
def test_the_stage_of_every_action(action: Action) -> None:
    found = seen(action=action, value="True", words="what it says")
    assert (found["stage"], found["value"], found["words"]) == (
        action.stage,
        "True",
        "what it says",
    )


def test_apply_errors_are_read_for_stage_and_payload() -> None:
    found = seen(error="no such CRD")
    assert not found["applied"]
    assert (found["stage_applied"], found["stage_error"]) == (False, "no such CRD")
    found = seen(payload_error="namespace not found")
    assert not found["applied"]
    assert (found["stage_applied"], found["payload_error"]) == (True, "namespace not found")


def test_an_answer_to_an_older_version_counts_for_nothing() -> None:
    found = seen(value="True", error="", generation=2)
    assert not found["applied"]
    assert not found["stage_applied"]
    assert seen(error="refused", generation=2)["stage_error"] == ""


def test_a_work_is_up_to_date_if_applied_available_and_not_terminating() -> None:
    def up_to_date(**changes: Any) -> bool:
        return view_talm_work(as_work(work("site-1", Action.PREP, **changes))).up_to_date

    assert up_to_date()
    assert not up_to_date(available=False)
    assert not up_to_date(applied=False)
    assert not up_to_date(deletionTimestamp="2026-01-01T01:00:00Z")


@pytest.mark.parametrize("annotation", ["", "{", "[]", '[{"name": "isSomethingElse"}]', "3"])
def test_a_work_about_something_else(annotation: str) -> None:
    found = seen(annotations={names.EXPECTED: annotation}, value="True", creationTimestamp="")
    assert found["stage"] is None
    assert (found["value"], found["words"], found["created"]) == ("", "", None)


def test_a_work_without_orphaning_is_recognized() -> None:
    assert not seen(orphan=False)["orphan"]
    obj = work("site-1", Action.PREP)
    obj["spec"]["deleteOption"]["propagationPolicy"] = "Foreground"
    assert not view_talm_work(as_work(obj)).orphan


def test_a_work_without_any_status() -> None:
    obj = work("site-1", Action.PREP)
    obj["status"] = {}
    found = view_talm_work(as_work(obj))
    assert (found.applied, found.stage_applied, found.available, found.value) == (
        False,
        False,
        False,
        "",
    )


def test_a_mirrored_work_keeps_its_view_and_identity() -> None:
    found = as_work(work("s1", Action.PREP, resourceVersion="7"))
    shown = shown_talm_work(found)
    meta = shown.metadata
    assert shown.view == view_talm_work(found)
    assert (meta.namespace, meta.name, meta.resource_version) == ("s1", shown.view.name, "7")
    assert tuple(meta.labels.values()) == shown.view.group
