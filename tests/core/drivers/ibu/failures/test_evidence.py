"""The evidence of a failure, from what the simulator's work agent answers."""

import shlex
from collections.abc import Mapping
from typing import Any

import pytest
from msgspec import json
from msgspec.structs import replace

from ibgu.core.drivers.ibu.failures import Failure
from ibgu.core.drivers.ibu.failures.evidence import Evidence, evidence
from ibgu.core.drivers.ibu.preflight.inspection import (
    InspectedFacts,
    inspected,
    inspection_body,
    velero_objects,
)
from ibgu.core.drivers.ibu.preflight.inspection.facts import MAX_LENGTH
from ibgu.core.drivers.ibu.preflight.inspection.objects import BACKUP_STORAGE, DPA, VELERO
from ibgu.core.drivers.ibu.preflight.inspection.velero import MAX_OBJECTS, velero_object
from ibgu.core.drivers.ibu.preflight.inspection.work import ROLE
from ibgu.core.model.kinds import JsonObject
from tests.core.drivers.ibu.preflight.answers import AT, facts, objects, spoke, work

BACKUP, RESTORE = velero_object("Backup", "app-data"), velero_object("Restore", "app-data")
BACKUP_FAILED = "Failed backup CRs: acm-klusterlet,app-data"
RESTORE_FAILED = "Failed restore CRs: app-data"
PARTIAL: JsonObject = {"status": {"phase": "PartiallyFailed", "errors": 2, "warnings": 1}}


def read(
    failure: str,
    changes: Mapping[Any, JsonObject | None] | None = None,
    missing: frozenset[str] = frozenset(),
) -> Evidence:
    made = {**objects(), **(changes or {})}
    there = {each: content for each, content in made.items() if content is not None}
    found = inspected(work(spoke(there, missing), failure=failure), AT, failure)
    assert found is not None
    assert found.failure == failure
    return evidence(failure, found)


def names(failure: str) -> list[str]:
    return [str(each) for each in velero_objects(failure)]


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (
            BACKUP_FAILED,
            ["Backup openshift-adp/acm-klusterlet", "Backup openshift-adp/app-data"],
        ),
        ("Failed backups: a. Check them", ["Backup openshift-adp/a"]),
        (
            "Rollback due to restore failure: Failed restore CRs: a, b",
            [f"{kind} openshift-adp/{name}" for kind in ("Restore", "Backup") for name in "ab"],
        ),
        (
            "Restore of Application Data is in progress",
            ["Restore openshift-adp/acm-klusterlet", "Backup openshift-adp/acm-klusterlet"],
        ),
        ("No DataProtectionApplication CR found", []),
        ("Failed backup CRs: $(reboot)", []),
        ("", []),
    ],
)
def test_the_message_names_the_objects(failure: str, expected: list[str]) -> None:
    assert names(failure) == expected


def test_a_message_with_a_thousand_names_reads_a_bounded_number_of_objects() -> None:
    many = ",".join(f"b{number}" for number in range(1000))
    assert len(names(f"Failed restore CRs: {many}")) == 2 * MAX_OBJECTS


def test_the_role_names_the_objects_and_only_of_a_failure() -> None:
    def rules(*more: Any) -> list[JsonObject]:
        role = json.decode(inspection_body("1", more))["spec"]["workload"]["manifests"][0]
        assert role["metadata"]["name"] == ROLE
        found: list[JsonObject] = role["rules"]
        return found

    added = [each for each in rules(*velero_objects(BACKUP_FAILED)) if each not in rules()]
    assert added == [
        {
            "apiGroups": ["velero.io"],
            "resources": ["backups"],
            "resourceNames": ["acm-klusterlet", "app-data"],
            "verbs": ["get"],
        }
    ]


def test_a_backup_that_failed_is_shown_with_its_counts_and_commands() -> None:
    found = read(BACKUP_FAILED, {BACKUP: PARTIAL})
    assert found.read_at == AT
    absent, partial, storage, dpa = found.objects
    assert (absent.object, absent.phase) == ("Backup openshift-adp/acm-klusterlet", "")
    assert absent.messages == ("is not on the cluster",)
    assert (partial.phase, partial.errors, partial.warnings) == ("PartiallyFailed", 2, 1)
    assert (storage.phase, dpa.phase) == ("Available", "Reconciled")
    assert found.cause is None
    assert found.commands[1].endswith(
        "./velero describe backup -n openshift-adp app-data --details"
    )
    assert [shlex.split(each)[0] for each in found.commands] == ["oc"] * len(found.commands)


def test_validation_errors_and_the_reason_are_shown_once_each() -> None:
    refused = ["no such backup", "no such location", "no such backup"]
    status = {"phase": "FailedValidation", "validationErrors": refused, "failureReason": "invalid"}
    found = read(RESTORE_FAILED, {RESTORE: {"status": status}})
    assert found.objects[0].messages == ("invalid", "no such backup")
    assert found.cause is not None
    assert found.cause.failure is Failure.BACKUP_INVALID


UNAVAILABLE: JsonObject = {"status": {"phase": "Unavailable", "message": "NoSuchBucket"}}
UNRECONCILED: JsonObject = {
    "status": {
        "conditions": [{"type": "Reconciled", "status": "False", "message": "Secret not found"}]
    }
}


@pytest.mark.parametrize(
    ("changes", "missing", "failure"),
    [
        ({BACKUP_STORAGE: UNAVAILABLE, BACKUP: PARTIAL}, frozenset(), Failure.STALE_BACKUPS),
        ({DPA: UNRECONCILED, BACKUP_STORAGE: UNAVAILABLE}, frozenset(), Failure.DPA_LOST),
        ({VELERO: None, BACKUP_STORAGE: None}, frozenset(), Failure.NOT_ONE_DPA),
        (
            {},
            frozenset({"Backup", "BackupStorageLocation", "DataProtectionApplication"}),
            Failure.OADP_MISSING,
        ),
    ],
)
def test_the_first_cause_explains_the_others(
    changes: dict[Any, JsonObject | None], missing: frozenset[str], failure: Failure
) -> None:
    found = read(BACKUP_FAILED, changes, missing)
    assert found.cause is not None
    assert found.cause.failure is failure
    assert found.cause.remedy


def test_messages_of_storage_and_configuration_are_shown() -> None:
    changes = {BACKUP_STORAGE: UNAVAILABLE, DPA: UNRECONCILED}
    storage, dpa = read("restore", changes).objects[-2:]
    assert (storage.phase, storage.messages) == ("Unavailable", ("NoSuchBucket",))
    assert (dpa.phase, dpa.messages) == ("NotReconciled", ("Secret not found",))


def test_hostile_words_of_velero_are_cut_and_in_one_line() -> None:
    hostile = "\x1b[2J\nwhy      all is well" + "é" * 100_000
    status = {"phase": hostile, "errors": -5, "warnings": 2**60, "failureReason": hostile}
    shown = read(RESTORE_FAILED, {RESTORE: {"status": status}}).objects[0]
    assert len(shown.phase) == 64
    (message,) = shown.messages
    assert len(message) == MAX_LENGTH
    assert (shown.phase + message).isprintable()
    assert (shown.errors, shown.warnings) == (0, 0)


def test_a_reading_of_another_failure_is_not_shown() -> None:
    other = replace(facts(), failure=RESTORE_FAILED)
    found = evidence(BACKUP_FAILED, other, "the cluster is not reachable")
    assert (found.objects, found.problem) == ((), "the cluster is not reachable")
    assert evidence("", facts()).objects == ()
    assert evidence(BACKUP_FAILED, None).read_at is None


def test_a_failure_without_backups_has_only_the_command_for_the_agents_log() -> None:
    (command,) = evidence("failed to reboot: exit status 1", None).commands
    assert command.startswith("oc logs -n openshift-lifecycle-agent ")


def test_an_object_that_may_not_be_read_says_so() -> None:
    early = work(spoke(objects()), rights=False, failure=BACKUP_FAILED)
    facts_ = inspected(early, AT, BACKUP_FAILED)
    assert isinstance(facts_, InspectedFacts)
    first = evidence(BACKUP_FAILED, facts_).objects[0]
    assert first.messages == ("may not be read by the work agent",)


def test_an_answer_without_the_objects_of_the_failure_is_waited_for() -> None:
    assert inspected(work(spoke(objects())), AT, BACKUP_FAILED) is None
