"""The objects that a backup brings to a cluster. All of them are new, and go with their work."""

from enum import StrEnum

from ibgu.core.drivers.node_jobs.backup.recovery import RECOVERY_SCRIPT
from ibgu.core.drivers.node_jobs.backup.script import BACKUP_SCRIPT
from ibgu.core.drivers.node_jobs.jobs import JobSpec, manifests_of_job
from ibgu.core.model.kinds import Backup, JsonObject

NAMESPACE = "openshift-ibgu-backup"
"""OpenShift lets no user request a project `openshift-…`: its owner could use the Job's privileged
account."""


class BackupForm(StrEnum):
    ETCD = "Etcd"
    """A snapshot of etcd with the static pods, on one node of the control plane."""
    FULL = "Full"
    """All that takes a single node back to its former release."""


_FOLDERS = {BackupForm.ETCD: "/home/core/assets/backup", BackupForm.FULL: "/var/recovery"}
_SECONDS = {BackupForm.ETCD: 600, BackupForm.FULL: 1200}


def folder_of(backup: Backup) -> str:
    """Returns the folder on the node."""
    return backup.path or _FOLDERS[BackupForm(backup.form)]


def job_name(run_id: str) -> str:
    return f"backup-{run_id}"


def job_manifests(backup: Backup, release: str, run_id: str) -> list[JsonObject]:
    """Returns the Job of one run before the update to the release image, in namespace `NAMESPACE`,
    with what it needs; it comes last."""
    return manifests_of_job(backup_job(backup, release, run_id))


def backup_job(backup: Backup, release: str, run_id: str) -> JobSpec:
    form = BackupForm(backup.form)
    return JobSpec(
        namespace=NAMESPACE,
        name=job_name(run_id),
        image=backup.image,
        script=BACKUP_SCRIPT,
        arguments=(form.value, folder_of(backup), run_id, release),
        seconds=_SECONDS[form],
        texts={"RECOVERY": RECOVERY_SCRIPT} if form is BackupForm.FULL else {},
    )


EXITS = {
    "2": "the folder on the node can't be written",
    "3": "the node has too little free space for a backup",
    "4": "a recovery of the node is under way",
    "5": "cluster-backup.sh failed: it does so while etcd or a kube-* operator is progressing",
    "6": "the running deployment can't be pinned (ostree admin pin)",
    "7": "files of the node can't be copied",
    "8": "a full backup is for clusters of one node",
    "9": "the update has begun, and a backup would be of neither release",
    "10": "the folder on the node has a backup of another form",
}
"""What the exit codes of the Job's script say."""
