"""The rules of the ImageBasedUpgrade CRD, with the messages of the API server."""

from typing import Any

import pytest

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.spoke.admission import NOT_PERMITTED, UNCHECKED, admit, check_schema

SEED = {"image": "quay.io/seed:1", "version": "4.16.5"}


def made(spec: JsonObject, idle: str | None = "True", *stages: str) -> JsonObject:
    obj: JsonObject = {"metadata": {"name": "upgrade"}, "spec": spec}
    if idle is not None:
        obj["status"] = {"conditions": [{"type": "Idle", "status": idle, "reason": "x"}]}
        if stages:
            obj["status"]["validNextStages"] = list(stages)
    return obj


def refusals(old: JsonObject, spec: JsonObject) -> list[str]:
    prefix = "<nil>: Invalid value: "
    errors = admit(old, {**old, "spec": spec})
    assert all(error.startswith(prefix) for error in errors)
    return [error.removeprefix(prefix) for error in errors]


def test_stage_and_spec_in_one_update_from_idle() -> None:
    assert not refusals(
        made({"stage": "Idle"}, "True", "Prep"), {"stage": "Prep", "seedImageRef": SEED}
    )


@pytest.mark.parametrize(
    "field", ["seedImageRef", "oadpContent", "extraManifests", "autoRollbackOnFailure"]
)
@pytest.mark.parametrize("change", ["added", "removed", "changed"])
def test_no_field_changes_while_in_progress(field: str, change: str) -> None:
    before: dict[str, Any] = {"stage": "Prep"} | ({} if change == "added" else {field: {"a": 1}})
    after: dict[str, Any] = {"stage": "Prep"} | ({} if change == "removed" else {field: {"a": 2}})
    message = f"can not change spec.{field} while ibu is in progress"
    assert refusals(made(before, "False", "Idle"), after) == [message]
    assert refusals(made(before, "True", "Idle"), after) == []
    assert refusals(made(before, "False", "Idle"), {**after, "stage": "Idle"}) == []


def test_only_valid_next_stages() -> None:
    spec = {"stage": "Prep", "seedImageRef": SEED}
    old = made(spec, "False", "Idle", "Upgrade")
    assert refusals(old, {**spec, "stage": "Upgrade"}) == []
    assert refusals(old, {**spec, "stage": "Rollback"}) == [NOT_PERMITTED]
    assert refusals(made(spec, "False"), {**spec, "stage": "Idle"}) == [NOT_PERMITTED]
    assert refusals(made(spec, "False"), spec) == []


def test_without_a_status_everything_goes() -> None:
    assert refusals(made({"stage": "Idle"}, None), {"stage": "Rollback"}) == []


def test_both_kinds_of_rule_at_once() -> None:
    old = made({"stage": "Prep", "seedImageRef": SEED}, "False", "Idle")
    errors = refusals(old, {"stage": "Upgrade"})
    assert errors == ["can not change spec.seedImageRef while ibu is in progress", NOT_PERMITTED]


def test_specs_against_the_schema_are_refused() -> None:
    assert check_schema(made({"stage": "Disarmed"})) == [
        'spec.stage: Unsupported value: "Disarmed": supported values: "Idle", "Prep", "Upgrade", '
        '"Rollback"',
        UNCHECKED,
    ]
    assert (
        "should be at least 1 chars long" in check_schema(made({"seedImageRef": {"image": ""}}))[0]
    )
    other = {"metadata": {"name": "other"}, "spec": {}}
    assert check_schema(other) == [
        "<nil>: Invalid value: ibu is a singleton, metadata.name must be 'upgrade'"
    ]
    assert check_schema(made({})) == []
