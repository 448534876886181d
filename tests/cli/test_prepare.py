"""`ibgu prepare`: options, files for Git, and the partition; nothing of it needs a hub."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from ibgu.cli.app import app
from ibgu.cli.collect.redact import Redactor
from ibgu.core.drivers.ibu.preparation import BackupPreparation, BackupStorage
from ibgu.core.drivers.ibu.preparation.work import writing_body
from tests.core.drivers.ibu.preflight.answers import AT
from tests.core.drivers.ibu.preparation.answers import readings

DISK = "/dev/disk/by-path/pci-0000:00:17.0-ata-1.0"
PLACE = ("--bucket", "ran", "--url", "https://s3.example.com")
SECRET = "0123-very-secret"


def prepare(*args: str) -> Result:
    return CliRunner().invoke(app, ["prepare", *args], env={"KUBECONFIG": "/nowhere"})


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("cleanup", "a"), "specify one of --threshold, --disable and --default"),
        (("cleanup", "a", "--threshold", "5", "--default"), "specify one of --threshold"),
        (("cleanup", "--default"), "name the clusters, or select them with --selector"),
        (("cleanup", "a", "-l", "b=c", "--default"), "name the clusters, or select them"),
        (("auto-rollback", "a"), "specify --disable or --default"),
        (("auto-rollback", "a", "--disable", "init-monitor", "--default"), "specify --disable or"),
        (("operators", "a", "--oadp-channel", "stable-1.2"), "--oadp-channel: stable-1.2 is"),
        (("operators", "a", "--source", "a b"), "--source: 'a b' isn't the name of an object"),
        (("dpa", "a", *PLACE), "specify the credentials: a file with --credentials, or --secret"),
        (("dpa", "a", *PLACE, "--secret", "s3"), "--secret: write NAMESPACE/NAME instead of 's3'"),
        (("dpa", "a", "--bucket", "B", "--url", "https://s3"), "--bucket: 'B' isn't a name"),
        (("status",), "name the clusters, or select them with --selector"),
        (("partition", "--disk", "/dev/sda", "--start", "250000"), "--disk: '/dev/sda' isn't"),
    ],
)
def test_options_that_do_not_fit_are_refused(args: tuple[str, ...], words: str) -> None:
    found = prepare(*args)
    assert found.exit_code == 2
    assert found.stderr.startswith(f"ibgu: {words}")
    assert found.stdout == ""


def test_credentials_without_a_key_are_refused_and_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "s3.ini"
    file.write_text(f"[default]\naws_secret_access_key = {SECRET}\n")
    found = prepare("dpa", "a", *PLACE, "--credentials", str(file))
    assert found.exit_code == 2
    assert found.stderr == f"ibgu: {file}: lacks aws_access_key_id in [default]\n"


@pytest.mark.parametrize(
    ("args", "kinds"),
    [
        (
            ("operators", "--only", "oadp", "--approval", "Manual"),
            ["Namespace", "OperatorGroup", "Subscription"],
        ),
        (("cleanup", "--threshold", "65"), ["ImageBasedUpgrade"]),
        (("auto-rollback", "--disable", "init-monitor"), ["ImageBasedUpgrade"]),
        (("dpa", *PLACE), ["DataProtectionApplication"]),
    ],
)
def test_files_for_git_need_neither_clusters_nor_a_hub(
    args: tuple[str, ...], kinds: list[str]
) -> None:
    found = prepare(*args, "-o", "yaml")
    assert found.exit_code == 0, found.output
    assert [each["kind"] for each in yaml.safe_load_all(found.stdout)] == kinds
    assert ("the Secret cloud-credentials is not printed" in found.stderr) == (args[0] == "dpa")


def test_an_unreachable_hub_is_reported_in_one_line() -> None:
    found = prepare("cleanup", "a", "--threshold", "65", "--yes")
    assert found.exit_code == 1
    assert found.stderr.startswith("ibgu: ")
    assert found.stderr.count("\n") == 1


def test_the_partition_is_printed_with_a_warning(tmp_path: Path) -> None:
    where = ("partition", "--disk", DISK, "--start", "250000")
    config = prepare(*where)
    assert config.exit_code == 0
    assert yaml.safe_load(config.stdout)["kind"] == "MachineConfig"
    assert "for a new installation only" in config.stderr
    file = tmp_path / "override.json"
    small = (*where, "--size", "1000", "--label", "varlibcontainers", "--form", "ignition")
    written = prepare(*small, "-o", str(file))
    assert written.stdout == ""
    assert "ibgu: warning: less than 500 GB" in written.stderr
    assert "ibgu: warning: the seed must have the same label" in written.stderr
    assert json.loads(file.read_text())["ignition"] == {"version": "3.2.0"}


def test_a_work_with_credentials_has_none_after_redaction() -> None:
    """`ibgu collect` leaves these works out; one that came in by another way shows nothing."""
    storage = BackupStorage("ran", "minio", "https://s3.example.com")
    preparation = BackupPreparation("site-1", storage, SECRET.encode())
    (version,) = preparation.writes(readings(preparation, {}))
    body = writing_body(preparation, version, "1", AT)
    (secret,) = [each for each in body["spec"]["workload"]["manifests"] if each["kind"] == "Secret"]
    assert secret["data"]["cloud"] not in json.dumps(Redactor().redacted(body))
