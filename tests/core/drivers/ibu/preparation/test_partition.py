"""The partition for container images: what the manual's own samples have."""

import json

import pytest

from ibgu.core.drivers.ibu.preparation import Partition

DISK = "/dev/disk/by-path/pci-0000:00:17.0-ata-1.0"
UNIT = r"""[Unit]
Before=local-fs.target
Requires=systemd-fsck@dev-disk-by\x2dpartlabel-var\x2dlib\x2dcontainers.service
After=systemd-fsck@dev-disk-by\x2dpartlabel-var\x2dlib\x2dcontainers.service

[Mount]
Where=/var/lib/containers
What=/dev/disk/by-partlabel/var-lib-containers
Type=xfs
Options=defaults,prjquota

[Install]
RequiredBy=local-fs.target"""


def test_the_override_has_the_partition_of_the_manuals_sample() -> None:
    """The unit is that of the sample of a MachineConfig, which Butane writes without Before."""
    found = json.loads(Partition(DISK, 250_000).ignition_override())
    assert found == {
        "ignition": {"version": "3.2.0"},
        "storage": {
            "disks": [
                {
                    "device": DISK,
                    "partitions": [
                        {"label": "var-lib-containers", "sizeMiB": 0, "startMiB": 250_000}
                    ],
                    "wipeTable": False,
                }
            ],
            "filesystems": [
                {
                    "device": "/dev/disk/by-partlabel/var-lib-containers",
                    "format": "xfs",
                    "mountOptions": ["defaults", "prjquota"],
                    "path": "/var/lib/containers",
                    "wipeFilesystem": True,
                }
            ],
        },
        "systemd": {
            "units": [{"contents": UNIT, "enabled": True, "name": "var-lib-containers.mount"}]
        },
    }


def test_the_machine_config_has_the_name_that_preflight_looks_for() -> None:
    found = Partition(DISK, 250_000).machine_config()
    assert found["metadata"] == {
        "name": "98-var-lib-containers-partitioned",
        "labels": {"machineconfiguration.openshift.io/role": "master"},
    }
    assert found["spec"]["config"] == Partition(DISK, 250_000).ignition()


def test_another_label_is_in_every_place() -> None:
    text = Partition(DISK, 250_000, label="varlibcontainers").ignition_override()
    assert text.count("partlabel/varlibcontainers") == 2
    assert "partlabel-varlibcontainers.service" in text
    assert '"label":"varlibcontainers"' in text
    assert "by-partlabel/var-lib-containers" not in text


@pytest.mark.parametrize(
    ("partition", "words"),
    [
        (Partition(DISK, 250_000), []),
        (Partition("/dev/disk/by-id/wwn-0x5002538c", 250_000), []),
        (Partition("/dev/sda", 250_000), ["--disk: '/dev/sda' isn't a lasting name"]),
        (Partition(DISK, 250_000, label="a/b"), ["--label: 'a/b' isn't a label"]),
        (Partition(DISK, 250_000, label="a" * 37), ["--label: "]),
    ],
)
def test_a_name_that_can_change_or_break_the_file_is_a_fault(
    partition: Partition, words: list[str]
) -> None:
    found = list(partition.faults())
    assert len(found) == len(words)
    assert all(fault.startswith(start) for fault, start in zip(found, words, strict=True))


@pytest.mark.parametrize(
    ("partition", "words"),
    [
        (Partition(DISK, 250_000, 500_000), []),
        (Partition(DISK, 25_000), []),
        (Partition(DISK, 24_999), ["before 25000 MiB"]),
        (Partition(DISK, 250_000, 200_000), ["less than 500 GB"]),
        (Partition(DISK, 250_000, label="varlibcontainers"), ["the seed must have the same"]),
    ],
)
def test_a_small_partition_and_another_label_are_warned_of(
    partition: Partition, words: list[str]
) -> None:
    found = list(partition.warnings())
    assert len(found) == len(words)
    assert all(fault.startswith(start) for fault, start in zip(found, words, strict=True))
