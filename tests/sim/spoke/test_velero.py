"""The Backups and Restores that a failed upgrade leaves on a simulated cluster."""

from random import Random

import pytest

from ibgu.sim.spoke import SOUND, Spoke, velero
from ibgu.sim.spoke.equipment import Equipment


def failed(message: str, equipment: Equipment = SOUND) -> Spoke:
    spoke = Spoke(Random(1))
    spoke.equip("site-1", equipment, 0.0)
    velero.fail(spoke, message, 1.0)
    return spoke


def test_the_named_objects_are_there_until_the_clean_up() -> None:
    spoke = failed("Failed backup CRs: acm-klusterlet,app-data")
    assert [(key.kind, key.name) for key in spoke.objects] == [
        ("Backup", "acm-klusterlet"),
        ("Backup", "app-data"),
    ]
    assert {each["status"]["phase"] for each in spoke.objects.values()} == {"PartiallyFailed"}
    velero.clean(spoke, 2.0)
    assert not spoke.objects


def test_a_backup_without_storage_is_invalid() -> None:
    spoke = failed("Failed backup CRs: a", Equipment(backup_storage_available=False))
    (found,) = spoke.objects.values()
    assert found["status"]["phase"] == "FailedValidation"


@pytest.mark.parametrize(
    "message",
    [
        "Rollback due to restore failure: Failed restore CRs: app-data",
        "failed to reboot: exit status 1",
    ],
)
def test_other_failures_leave_nothing(message: str) -> None:
    assert not failed(message).objects


def test_a_cluster_without_oadp_has_no_such_kinds() -> None:
    assert not failed("Failed restore CRs: app-data", Equipment(oadp="")).objects
