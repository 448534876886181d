"""The way back by the backup that a rollout has taken of a cluster."""

import re
from collections.abc import Iterator
from shlex import quote

from msgspec import Struct

from ibgu.core.drivers.node_jobs.backup.manifests import BackupForm, folder_of, job_name
from ibgu.core.model import ActionName, RunResult
from ibgu.core.model.kinds import Backup
from ibgu.core.model.recovery import RecoveryCase, RecoveryStep

_REPORT = re.compile(
    r"node=(?P<node>[\w.-]{1,253}) path=(?P<path>/[\w./-]{1,250}) mib=(?P<mib>\d{1,9})", re.ASCII
)
_SCRIPT = "/var/recovery/upgrade-recovery.sh"


class TakenBackup(Struct, frozen=True):
    """The backup that the rollout has taken."""

    at: str
    node: str = ""
    path: str = ""
    mib: str = ""


def taken_backup(
    case: RecoveryCase, backup: Backup, action: ActionName, result: RunResult
) -> TakenBackup | None:
    """Returns the newest backup that runs of the action have taken; None: there is none. `result`:
    of a run that took one."""
    taken = [run for run in case.runs if run.action == action and run.result is result]
    if not taken:
        return None
    run = taken[-1]
    job = case.shown.get(run.id, {}).get("job") or {}
    found = _REPORT.fullmatch(str(job.get("report", "")))
    # The commands come with this path: a cluster must not name any other.
    known = found is not None and found["path"] == _path(backup, run.id)
    facts = found.groupdict() if found and known else {}
    return TakenBackup(f"{run.ended_at:%Y-%m-%d %H:%M} UTC", **facts)


def _path(backup: Backup, run_id: str) -> str:
    """Returns the folder of the run's backup; empty: the form of the backup is none."""
    known = backup.form in set(BackupForm)
    return f"{folder_of(backup)}/{job_name(run_id)}" if known else ""


def facts_of(backup: Backup, taken: TakenBackup | None) -> Iterator[tuple[str, str]]:
    """Yields what is known of the backup that was asked for, by short names."""
    if taken is None:
        yield "backup", "none has succeeded in this rollout"
        return
    size = f", {taken.mib} MiB" if taken.mib else ""
    yield "backup", f"{backup.form}, taken at {taken.at}{size}"
    node = f"{taken.node}, as the cluster reports" if taken.node else ""
    yield "node", node or "not known: look on each control-plane node"
    yield "path", taken.path or "not known"


def steps_from(backup: Backup, taken: TakenBackup, check: str) -> Iterator[RecoveryStep]:
    """Yields the steps that restore the backup; `check`: a command that shows what came of it."""
    yield from (
        _full(backup, taken, check) if backup.form == BackupForm.FULL else _etcd(taken, check)
    )


def _full(backup: Backup, taken: TakenBackup, check: str) -> Iterator[RecoveryStep]:
    script = quote(f"{backup.path}/upgrade-recovery.sh") if backup.path else _SCRIPT
    yield RecoveryStep(
        "Log in to the node. Its name is as the cluster reports: check that it is the right one.",
        (f"ssh core@{taken.node or 'NODE'}", "sudo -i"),
    )
    yield RecoveryStep(
        "Restore the files. This stops all containers of the node. If the node runs another "
        "deployment than at the backup, the script only makes that one the default: reboot, log "
        "in, and run the same line again.",
        (script,),
    )
    yield RecoveryStep(
        "Reboot once the script asks for it, and log in again.", ("systemctl reboot",)
    )
    yield RecoveryStep(
        "Restore etcd and the static pods. It takes up to an hour. After an error, repair what it "
        "names, and run the same line again; --restart begins from the first phase.",
        (f"{script} --resume",),
    )
    yield RecoveryStep("Check that the former release is back.", (check,))


def _etcd(taken: TakenBackup, check: str) -> Iterator[RecoveryStep]:
    path = quote(taken.path or "PATH")
    node = taken.node or "NODE"
    yield RecoveryStep(
        "Copy the backup off the node, whatever you do next. The name of the node is as the "
        "cluster reports: check that it is the right one.",
        (f"ssh core@{node} sudo tar -C {path} -cz cluster > etcd-backup.tgz",),
    )
    yield RecoveryStep(
        "Restore it only if the control plane is lost, and the cluster still runs the z-stream "
        'release of the backup: OpenShift supports no other. Follow "Restoring to a previous '
        'cluster state" in the documentation of that release. On the node it ends with this line.',
        (f"sudo -E /usr/local/bin/cluster-restore.sh {path}/cluster",),
    )
    yield RecoveryStep("Check the cluster.", (check,))
