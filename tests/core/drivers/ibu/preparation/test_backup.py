"""The DataProtectionApplication, its storage and its credentials."""

from base64 import b64decode, b64encode

import pytest

from ibgu.core.drivers.ibu.preflight.inspection.objects import (
    BACKUP_STORAGE,
    OADP_OPERATOR,
    VELERO,
)
from ibgu.core.drivers.ibu.preparation import BackupPreparation, BackupStorage, credentials_fault
from ibgu.core.drivers.ibu.preparation.backup import APPLICATION, SECRET
from ibgu.core.drivers.ibu.preparation.model import IBU
from ibgu.core.drivers.ibu.preparation.work import writing_body
from ibgu.core.model.kinds import JsonObject
from tests.core.drivers.ibu.preflight.answers import AT, condition, operator
from tests.core.drivers.ibu.preparation.answers import OURS, PREPARED, Objects, readings

STORAGE = BackupStorage("ran-backups", "us-east-1", "https://s3.example.com:9000")
SECRET_KEY = "very-secret"
CREDENTIALS = f"[default]\naws_access_key_id=site\naws_secret_access_key={SECRET_KEY}\n"
SITE = BackupPreparation("site-1", STORAGE, CREDENTIALS.encode())
NOTHING = readings(SITE, {})
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\n"


def application(**content: object) -> JsonObject:
    return {"metadata": {"labels": OURS}, **content}


def test_each_cluster_gets_a_prefix_by_its_name() -> None:
    ((secret, dpa),) = SITE.writes(readings(SITE, {}))
    assert secret.manifest["metadata"]["labels"] == OURS
    assert b64decode(secret.manifest["data"]["cloud"]).decode() == CREDENTIALS
    spec = dpa.manifest["spec"]
    assert spec["configuration"]["restic"] == {"enable": False}
    ((location,),) = [[each["velero"] for each in spec["backupLocations"]]]
    assert location["objectStorage"] == {"bucket": "ran-backups", "prefix": "site-1"}
    assert location["credential"] == {"name": "cloud-credentials", "key": "cloud"}
    assert location["config"] == {
        "profile": "default",
        "region": "us-east-1",
        "s3Url": "https://s3.example.com:9000",
        "s3ForcePathStyle": "true",
    }


@pytest.mark.parametrize(
    ("csv", "restic"),
    [
        ("", {"enable": False}),
        ("oadp-operator.v1.4.2", {"enable": False}),
        ("oadp-operator.v1.5.0", None),
    ],
)
def test_restic_is_named_where_oadp_still_knows_it(csv: str, restic: object) -> None:
    ((_, dpa),) = SITE.writes(readings(SITE, {OADP_OPERATOR: operator(csv)}))
    assert dpa.manifest["spec"]["configuration"].get("restic") == restic


def test_certificates_are_verified_unless_that_is_turned_off() -> None:
    private = BackupStorage("ran", "minio", "https://s3", certificate=CERTIFICATE)
    ((_, dpa),) = BackupPreparation("a", private, b"").writes(NOTHING)
    velero = dpa.manifest["spec"]["backupLocations"][0]["velero"]
    assert b64decode(velero["objectStorage"]["caCert"]) == CERTIFICATE
    careless = BackupStorage("ran", "minio", "https://s3", skip_verification=True)
    ((_, dpa),) = BackupPreparation("a", careless, b"").writes(NOTHING)
    velero = dpa.manifest["spec"]["backupLocations"][0]["velero"]
    assert velero["config"]["insecureSkipTLSVerify"] == "true"


def test_credentials_are_in_no_text_and_in_no_file() -> None:
    texts = (repr(SITE), SITE.summary(), str(SITE.files()), SITE.state(readings(SITE, {})))
    for text in texts:
        assert SECRET_KEY not in text
        assert b64encode(SITE.credentials).decode() not in text
    assert "prefix site-1" in SITE.summary()


def test_files_for_git_have_a_template_as_prefix() -> None:
    (file,) = SITE.files()
    place = file["spec"]["backupLocations"][0]["velero"]["objectStorage"]
    assert place["prefix"] == "{{hub .ManagedClusterName hub}}"
    assert "labels" not in file["metadata"]


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        ({}, ""),
        ({APPLICATION: application(), SECRET: application(), VELERO: {}}, ""),
        ({OADP_OPERATOR: operator("oadp-operator.v1.4.1")}, ""),
        ({OADP_OPERATOR: operator("oadp-operator.v1.3.0")}, "which is before 1.4.1: update it"),
        ({APPLICATION: {}}, "has a DataProtectionApplication that is managed elsewhere"),
        ({VELERO: {}}, "has a DataProtectionApplication by another name"),
        ({SECRET: {}}, "has a Secret cloud-credentials that is managed elsewhere"),
        ({IBU: PREPARED}, "an upgrade is under way"),
    ],
)
def test_a_cluster_that_another_has_set_up_is_left_alone(objects: Objects, words: str) -> None:
    found = SITE.objection(readings(SITE, objects))
    assert words in found
    assert bool(words) == bool(found)


def test_a_cluster_without_oadp_is_left_alone() -> None:
    unserved = frozenset({"DataProtectionApplication", "BackupStorageLocation"})
    assert "has no OADP" in SITE.objection(readings(SITE, {}, unserved))


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        ({}, "no DataProtectionApplication"),
        ({APPLICATION: application()}, "not reconciled yet"),
        (
            {
                APPLICATION: application(
                    status={"conditions": [condition("Reconciled", "False", message="no bucket")]}
                )
            },
            "no bucket",
        ),
        (
            {
                APPLICATION: application(
                    status={"conditions": [condition("Reconciled", "True", message="done")]}
                ),
                BACKUP_STORAGE: {
                    "spec": {"objectStorage": {"bucket": "ran", "prefix": "site-1"}},
                    "status": {"phase": "Available"},
                },
            },
            "reconciled; storage ran/site-1: Available",
        ),
        (
            {
                APPLICATION: application(
                    status={"conditions": [condition("Reconciled", "True", message="done")]}
                )
            },
            "reconciled; storage /: not checked yet",
        ),
    ],
)
def test_the_state_says_whether_the_storage_is_available(objects: Objects, words: str) -> None:
    assert SITE.state(readings(SITE, objects)) == words


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        (STORAGE, []),
        (BackupStorage("Ran", "minio", "https://s3"), ["--bucket: 'Ran' isn't a name"]),
        (BackupStorage("a..b", "minio", "https://s3"), ["--bucket: 'a..b' isn't a name"]),
        (BackupStorage("ran", "Us East", "https://s3"), ["--region: 'Us East' isn't a region"]),
        (BackupStorage("ran", "minio", "s3.example.com"), ["--url: isn't an address such as"]),
        (BackupStorage("ran", "minio", "https://s3:port"), ["--url: isn't an address"]),
        (
            BackupStorage("ran", "minio", "https://s3/ran"),
            ["--url: has more than scheme, host and"],
        ),
        (BackupStorage("ran", "minio", "https://a:b@s3"), ["--url: has a user or a password"]),
        (
            BackupStorage("ran", "minio", "https://s3", certificate=b"x"),
            ["--storage-ca: the file has no"],
        ),
        (
            BackupStorage(
                "ran", "minio", "https://s3", certificate=CERTIFICATE, skip_verification=True
            ),
            ["--storage-ca: without effect beside"],
        ),
    ],
)
def test_a_storage_that_can_not_be_right_is_a_fault(
    storage: BackupStorage, words: list[str]
) -> None:
    found = storage.faults()
    assert len(found) == len(words)
    assert all(fault.startswith(start) for fault, start in zip(found, words, strict=True))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CREDENTIALS, ""),
        ("very-secret", "isn't a credentials file"),
        ("[other]\naws_secret_access_key=very-secret\n", "has no section [default]"),
        ("[default]\naws_secret_access_key=very-secret\n", "lacks aws_access_key_id in [default]"),
    ],
)
def test_a_fault_of_the_credentials_quotes_nothing_of_them(text: str, words: str) -> None:
    found = credentials_fault(text, "default")
    assert words in found
    assert bool(words) == bool(found)
    assert SECRET_KEY not in found


def test_the_agents_rights_have_no_secrets() -> None:
    assert not any("secrets" in each["resources"] for each in SITE.rules)
    body = writing_body(SITE, SITE.writes(NOTHING)[0], "1", AT)
    role, secret, _ = body["spec"]["workload"]["manifests"]
    assert role["kind"] == "ClusterRole"
    assert secret["kind"] == "Secret"
