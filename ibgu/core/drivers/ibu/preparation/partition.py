"""The partition for /var/lib/containers, as a file for a new installation.

It is never sent to a cluster: on one that runs, it would overwrite what is on the disk.
"""

import re
from collections.abc import Iterator

from msgspec import Struct, json

from ibgu.core.model.kinds import JsonObject

LABEL = "var-lib-containers"
"""The label of the manual's samples; its text has another one, `varlibcontainers`."""
RECOMMENDED_MIB = 500 * 10**9 // 2**20
"""500 GB, for the images of two releases."""
SMALLEST_START_MIB = 25_000
"""What OpenShift's installation needs before a partition of one's own."""
_PATH = "/var/lib/containers"
_MOUNT_OPTIONS = ("defaults", "prjquota")
_ESCAPED_DASH = r"\x2d"
"""A dash in the name of systemd's unit: an unescaped one stands for a slash."""
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,35}")
_DISK = re.compile(r"/dev/disk/by-(path|id)/[A-Za-z0-9][A-Za-z0-9:._+-]{0,200}")


class Partition(Struct, frozen=True):
    """Partition is the rest of the disk from `start_mib`, or `size_mib` of it if that is not 0."""

    disk: str
    start_mib: int
    size_mib: int = 0
    label: str = LABEL
    """The same on the seed and on every cluster that is upgraded with it."""

    def faults(self) -> Iterator[str]:
        """Yields the faults, each as option and words."""
        if not _DISK.fullmatch(self.disk):
            yield (
                f"--disk: {self.disk!r} isn't a lasting name of a disk, such as "
                "/dev/disk/by-path/pci-0000:00:17.0-ata-1.0"
            )
        if not _LABEL.fullmatch(self.label):
            yield f"--label: {self.label!r} isn't a label of up to 36 letters, digits, - and _"

    def warnings(self) -> Iterator[str]:
        if self.start_mib < SMALLEST_START_MIB:
            yield f"before {SMALLEST_START_MIB} MiB there is too little space for the installation"
        if 0 < self.size_mib < RECOMMENDED_MIB:
            yield f"less than 500 GB ({RECOMMENDED_MIB} MiB) may be too small for two releases"
        if self.label != LABEL:
            yield f"the seed must have the same label: the manual's samples have {LABEL}"

    @property
    def _device(self) -> str:
        return f"/dev/disk/by-partlabel/{self.label}"

    def ignition(self) -> JsonObject:
        """Returns the Ignition config that Butane makes of the manual's storage.bu."""
        partition = {"label": self.label, "sizeMiB": self.size_mib, "startMiB": self.start_mib}
        disk = {"device": self.disk, "partitions": [partition], "wipeTable": False}
        filesystem = {
            "device": self._device,
            "format": "xfs",
            "mountOptions": list(_MOUNT_OPTIONS),
            "path": _PATH,
            "wipeFilesystem": True,
        }
        unit = {"contents": self._unit(), "enabled": True, "name": "var-lib-containers.mount"}
        return {
            "ignition": {"version": "3.2.0"},
            "storage": {"disks": [disk], "filesystems": [filesystem]},
            "systemd": {"units": [unit]},
        }

    def ignition_override(self) -> str:
        """Returns the line for `ignitionConfigOverride` of a SiteConfig or ClusterInstance."""
        return json.encode(self.ignition()).decode()

    def machine_config(self) -> JsonObject:
        """Returns the MachineConfig for the manifests of an installation."""
        return {
            "apiVersion": "machineconfiguration.openshift.io/v1",
            "kind": "MachineConfig",
            "metadata": {
                "labels": {"machineconfiguration.openshift.io/role": "master"},
                "name": "98-var-lib-containers-partitioned",
            },
            "spec": {"config": self.ignition()},
        }

    def _unit(self) -> str:
        label = self.label.replace("-", _ESCAPED_DASH)
        unit = f"systemd-fsck@dev-disk-by{_ESCAPED_DASH}partlabel-{label}.service"
        return "\n".join(
            (
                "[Unit]",
                "Before=local-fs.target",
                f"Requires={unit}",
                f"After={unit}",
                "",
                "[Mount]",
                f"Where={_PATH}",
                f"What={self._device}",
                "Type=xfs",
                f"Options={','.join(_MOUNT_OPTIONS)}",
                "",
                "[Install]",
                "RequiredBy=local-fs.target",
            )
        )
