"""The way back after an update to another release: forward, or by the backup."""

import re
from collections.abc import Iterator
from shlex import quote

from msgspec import Struct

from ibgu.core.drivers.cluster_version.actions import UpdateAction
from ibgu.core.drivers.cluster_version.spec import problem_of_update
from ibgu.core.drivers.node_jobs.backup import BackupForm, folder_of, job_name
from ibgu.core.model import Cause, RunResult
from ibgu.core.model.kinds import Backup
from ibgu.core.model.recovery import ClusterRecovery, RecoveryCase, RecoveryStep
from ibgu.core.model.runs import RunBase

GUIDE = "docs/guides/after-a-failed-update.md"
_REPORT = re.compile(
    r"node=(?P<node>[\w.-]{1,253}) path=(?P<path>/[\w./-]{1,250}) mib=(?P<mib>\d{1,9})", re.ASCII
)
_SCRIPT = "/var/recovery/upgrade-recovery.sh"
_CHECK = "oc get clusterversion,nodes,clusteroperators"


class _Taken(Struct, frozen=True):
    """The backup that the rollout has taken."""

    at: str
    node: str = ""
    path: str = ""
    mib: str = ""


def recovery_of_update(case: RecoveryCase) -> ClusterRecovery:
    update = case.spec.update
    steps: list[RecoveryStep]
    if update is None or problem_of_update(update):
        headline, steps = "the FleetUpdate is not valid: ibgu updates no cluster by it", []
    else:
        headline, steps = _way(case, update.backup)
        if not _began(case):
            # The journal may have been lost since, or another ibgu has asked for the update.
            steps = [*_withdraw(case), _otherwise(headline), *steps]
            headline = "the update was not seen to begin: check the cluster, then withdraw it"
    return ClusterRecovery(headline, dict(_facts(case)), steps, GUIDE)


def _way(case: RecoveryCase, backup: Backup | None) -> tuple[str, list[RecoveryStep]]:
    """Returns the way of a cluster whose update has begun."""
    taken, forward = _taken(case), _forward(case)
    if backup is None or taken is None:
        words = "there is no backup by ibgu, so the way is forward: repair the cluster"
        return words, [*forward, _WITHOUT]
    if BackupForm(backup.form) is BackupForm.FULL:
        words = "the cluster can go back to its full backup; all that came since is lost"
        return words, [*forward, *_alone(case), *_full(backup, taken)]
    words = "there is a backup of etcd: it restores the control plane, not the former release"
    return words, [*forward, *_alone(case), *_etcd(taken)]


def _facts(case: RecoveryCase) -> Iterator[tuple[str, str]]:
    release = case.spec.release
    yield "release", f"{release.version} {release.image}".strip()
    if case.spec.update and (via := case.spec.update.via):
        yield "via", f"{via.version} {via.image}".strip()
    if before := _before(case):
        yield "before", before
    if case.message:
        yield "said", case.message
    taken, update = _taken(case), case.spec.update
    if update is None or update.backup is None:
        yield "backup", "none: spec.update.backup is not set"
    elif taken is None:
        yield "backup", "none has succeeded in this rollout"
    else:
        size = f", {taken.mib} MiB" if taken.mib else ""
        yield "backup", f"{update.backup.form}, taken at {taken.at}{size}"
        node = f"{taken.node}, as the cluster reports" if taken.node else ""
        yield "node", node or "not known: look on each control-plane node"
        yield "path", taken.path or "not known"


def _began(case: RecoveryCase) -> bool:
    """Whether the cluster has begun to take the release, or may have."""
    updates = [run for run in case.runs if run.action == UpdateAction.UPDATE]
    return any(run.arming_at and run.cause is not Cause.UPDATE_REFUSED for run in updates)


def _backups(case: RecoveryCase) -> list[RunBase]:
    """Returns the runs that took a backup, newest first."""
    backups = [run for run in reversed(case.runs) if run.action == UpdateAction.BACKUP]
    return [run for run in backups if run.result is RunResult.SUCCEEDED]


def _taken(case: RecoveryCase) -> _Taken | None:
    run, update = next(iter(_backups(case)), None), case.spec.update
    if run is None or update is None or update.backup is None:
        return None
    job = case.shown.get(run.id, {}).get("job") or {}
    found = _REPORT.fullmatch(str(job.get("report", "")))
    # The commands come with this path: a cluster must not name any other.
    known = found is not None and found["path"] == _path(update.backup, run.id)
    facts = found.groupdict() if found and known else {}
    return _Taken(f"{run.ended_at:%Y-%m-%d %H:%M} UTC", **facts)


def _path(backup: Backup, run_id: str) -> str:
    """Returns the folder of the run's backup; empty: the form of the backup is none."""
    known = backup.form in set(BackupForm)
    return f"{folder_of(backup)}/{job_name(run_id)}" if known else ""


def _before(case: RecoveryCase) -> str:
    """Returns the release image that the cluster had before the update; empty: not known."""
    wanted = case.spec.release.image
    for run in case.runs:
        image = str(case.shown.get(run.id, {}).get("desired", ""))
        if image and image != wanted:
            return image
    return ""


# -- steps ---------------------------------------------------------------------------------------


def _withdraw(case: RecoveryCase) -> Iterator[RecoveryStep]:
    yield RecoveryStep(
        "A request that was refused still stands, and the update would begin by itself later. "
        "Withdraw it, unless the plan has done so, or the update has begun.",
        (f"ibgu add-step {case.rollout} RetractOnFailure -n {case.namespace}",),
    )
    yield RecoveryStep("Check on the cluster that it is at its former release.", (_CHECK,))


def _otherwise(headline: str) -> RecoveryStep:
    return RecoveryStep(
        "If `oc get clusterversion` shows otherwise, the update has begun, and the steps below "
        f"apply: {headline}.",
        ("oc get clusterversion",),
    )


def _forward(case: RecoveryCase) -> Iterator[RecoveryStep]:
    yield RecoveryStep(
        "Try to go forward first: once the operator or the node that stands in the way is "
        "repaired, the update continues automatically, and nothing is lost.",
        (
            f"ibgu explain {case.rollout} {case.cluster} -n {case.namespace}",
            _CHECK,
            "oc get machineconfigpools",
            "oc adm must-gather",
        ),
    )


def _alone(case: RecoveryCase) -> Iterator[RecoveryStep]:
    if case.in_flight:
        yield RecoveryStep(
            "The cluster is in flight, and can't be skipped. Pause the rollout, so that no other "
            "step begins for it. This holds the other clusters, too.",
            (f"ibgu pause {case.rollout} -n {case.namespace}",),
        )
        yield RecoveryStep(
            "Or end the rollout for all clusters: delete the FleetUpdate.",
            (f"oc delete fu {case.rollout} -n {case.namespace}",),
        )
    elif not case.finished:
        yield RecoveryStep(
            "Take the cluster out of the rollout, so that nothing else is asked of it.",
            (f"ibgu skip {case.rollout} {case.cluster} -n {case.namespace}",),
        )


def _full(backup: Backup, taken: _Taken) -> Iterator[RecoveryStep]:
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
    yield RecoveryStep("Check that the former release is back.", (_CHECK,))


def _etcd(taken: _Taken) -> Iterator[RecoveryStep]:
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
    yield RecoveryStep("Check the cluster.", (_CHECK,))


_WITHOUT = RecoveryStep(
    "If it can't be repaired, install it again. A single node needs a full backup to go back: set "
    "spec.update.backup next time."
)
